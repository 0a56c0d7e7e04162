//! The steps for each trust store, and carrying them out in a directory of the test's own.

use super::*;
use crate::testing::Place;

const US: Subject<'static> = Subject { name: "Jirani on this computer (0a1b2c3d)", pem: "PEM\n" };

fn here() -> Surroundings {
    Surroundings {
        home: "/home/lisa".into(),
        certutil: Some("/usr/bin/certutil".into()),
        databases: vec!["/home/lisa/.mozilla/firefox/x.default".into(), "/home/lisa/.pki/nssdb".into()],
        system: Some(("/usr/local/share/ca-certificates".into(), "/usr/sbin/update-ca-certificates".into())),
    }
}

#[track_caller]
fn check(store: Store, wish: Wish, here: &Surroundings, expect: &[&str]) {
    let steps: Vec<String> = plan(store, wish, US, here).unwrap().iter().map(Step::to_string).collect();
    assert_eq!(steps, expect);
}

#[test]
fn what_is_done_is_what_is_shown() {
    check(
        Store::Person,
        Wish::Trust,
        &here(),
        &[
            "jirani trust --print | /usr/bin/certutil -d sql:/home/lisa/.mozilla/firefox/x.default -A -a -t C,, -n 'Jirani on this computer (0a1b2c3d)'",
            "jirani trust --print | /usr/bin/certutil -d sql:/home/lisa/.pki/nssdb -A -a -t C,, -n 'Jirani on this computer (0a1b2c3d)'",
        ],
    );
    check(
        Store::Person,
        Wish::Forget,
        &here(),
        &[
            "/usr/bin/certutil -d sql:/home/lisa/.mozilla/firefox/x.default -D -n 'Jirani on this computer (0a1b2c3d)'",
            "/usr/bin/certutil -d sql:/home/lisa/.pki/nssdb -D -n 'Jirani on this computer (0a1b2c3d)'",
        ],
    );
    let new = Surroundings { databases: Vec::new(), home: "/home/o'neil".into(), ..here() };
    check(
        Store::Person,
        Wish::Trust,
        &new,
        &[
            "mkdir -p '/home/o'\\''neil/.pki/nssdb'",
            "/usr/bin/certutil -d 'sql:/home/o'\\''neil/.pki/nssdb' -N --empty-password",
            "jirani trust --print | /usr/bin/certutil -d 'sql:/home/o'\\''neil/.pki/nssdb' -A -a -t C,, -n 'Jirani on this computer (0a1b2c3d)'",
        ],
    );
    check(Store::Person, Wish::Forget, &new, &[]);
    let path = "/usr/local/share/ca-certificates/jirani-on-this-computer-0a1b2c3d.crt";
    check(
        Store::System,
        Wish::Trust,
        &here(),
        &[&format!("jirani trust --print > {path}"), "/usr/sbin/update-ca-certificates"],
    );
    check(Store::System, Wish::Forget, &here(), &[&format!("rm -f {path}"), "/usr/sbin/update-ca-certificates"]);
}

#[test]
fn a_missing_tool_is_named_with_what_brings_it() {
    let bare = Surroundings { certutil: None, system: None, ..here() };
    for (store, expect) in [
        (Store::Person, "certutil is not installed. Install libnss3-tools (Debian, Ubuntu), "),
        (
            Store::System,
            "update-ca-certificates (or update-ca-trust) is not installed. Install ca-certificates and run this again; ",
        ),
    ] {
        for wish in [Wish::Trust, Wish::Forget] {
            let said = plan(store, wish, US, &bare).unwrap_err().to_string();
            assert!(said.starts_with(expect) && said.contains("`jirani trust --print`"), "{said}");
        }
    }
}

#[test]
fn databases_and_programs_are_found() {
    let place = Place::new();
    let home = place.path().join("home");
    for database in [
        ".pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".mozilla/firefox/a.default",
        "snap/firefox/common/.mozilla/firefox/b.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/c.default",
    ] {
        place.write(&format!("home/{database}/cert9.db"), "");
    }
    place.write("home/.mozilla/firefox/profiles.ini", "");
    place.write("home/.mozilla/firefox/Crash Reports/x", "");
    let certutil = place.write("bin/certutil", "");
    let here = Surroundings::look(&home, &[place.path().join("none"), place.path().join("bin")]);
    let found: Vec<_> = here.databases.iter().map(|dir| dir.strip_prefix(&home).unwrap().to_str().unwrap()).collect();
    let expect = [
        ".mozilla/firefox/a.default",
        ".pki/nssdb",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/c.default",
        "snap/chromium/current/.pki/nssdb",
        "snap/firefox/common/.mozilla/firefox/b.default",
    ];
    assert_eq!((found.as_slice(), here.certutil), (&expect[..], Some(certutil)));
}

/// A script that writes down what it is told and what it reads, and ends with the status that it is told first.
fn script(place: &Place) -> PathBuf {
    let log = log(place).display().to_string();
    place.write("script", &format!("echo \"$@\" >> {log}\ncat >> {log}\necho sorry >&2\nexit $1\n"))
}

fn log(place: &Place) -> PathBuf {
    place.path().join("log")
}

#[test]
fn steps_are_done_in_order_up_to_the_first_that_fails() {
    let place = Place::new();
    let script = script(&place).display().to_string();
    let run = |status: &str, may_fail| Step::Run {
        program: "/bin/sh".into(),
        args: vec![script.clone(), status.into(), "a b".into()],
        input: "read\n".into(),
        may_fail,
    };
    let file = place.path().join("new/deep/file");
    let steps = [
        Step::MakeDirectory(place.path().join("new/deep")),
        Step::Write { path: file.clone(), text: "text".into() },
        run("0", false),
        run("1", true),
    ];
    carry_out(&steps).unwrap();
    carry_out(&steps).unwrap();
    assert_eq!(fs::read_to_string(log(&place)).unwrap(), "0 a b\nread\n1 a b\nread\n".repeat(2));
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");

    let said = carry_out(&[run("2", false), Step::Remove(file.clone())]).unwrap_err().to_string();
    assert!(said.contains("script 2 'a b'` failed: sorry"), "{said}");
    assert!(file.exists());
    carry_out(&[Step::Remove(file.clone()), Step::Remove(file.clone())]).unwrap();
    assert!(!file.exists());
    let nowhere = Step::Run { program: "/nowhere".into(), args: vec![], input: String::new(), may_fail: false };
    assert!(matches!(carry_out(&[nowhere]), Err(TrustError::Failed { .. })));
    let below_a_file = Step::Write { path: log(&place).join("x"), text: String::new() };
    assert!(matches!(carry_out(&[below_a_file]), Err(TrustError::Failed { .. })));
}
