//! `jirani demo`: the story is told, and nothing is left of it, however it ends.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::house::PROGRAM;

/// The story takes a quarter of a minute if nobody watches; other tests run beside it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A demo with a folder of its own for temporary files.
struct Demo {
    folder: PathBuf,
    process: Child,
}

impl Demo {
    fn begin(args: &[&str]) -> Demo {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("jirani-demos-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        fs::create_dir(folder.join("tmp")).unwrap();
        let file = |name: &str| File::create(folder.join(name)).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("demo").args(args).env("TMPDIR", folder.join("tmp")).env_remove("RUST_LOG");
        let process = command.stdin(Stdio::null()).stdout(file("said")).stderr(file("failed")).spawn().unwrap();
        Demo { folder, process }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    #[track_caller]
    fn until(&mut self, words: &str) {
        let begun = Instant::now();
        while !self.read("said").contains(words) {
            assert!(self.process.try_wait().unwrap().is_none(), "{}\n{}", self.read("said"), self.read("failed"));
            assert!(begun.elapsed() < PATIENCE, "{words:?} is not told:\n{}", self.read("said"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for its end; gives the exit code.
    #[track_caller]
    fn end(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.read("said"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The processes that have its folder in their command lines.
    fn daemons(&self) -> Vec<(i32, String)> {
        let folder = self.folder.to_str().unwrap();
        let command = |process: &Path| {
            let mut bytes = Vec::new();
            // Some end while they are looked at.
            let _ = File::open(process.join("cmdline")).and_then(|mut file| file.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let number = |process: &Path| process.file_name().and_then(|name| name.to_str()?.parse().ok());
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        all.filter_map(|process| Some((number(&process)?, command(&process))))
            .filter(|p| p.1.contains(folder))
            .collect()
    }

    /// What lies in the folder for temporary files.
    fn left(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[track_caller]
    fn leaves_nothing(&self) {
        assert_eq!(self.daemons(), []);
        assert_eq!(self.left(), Vec::<PathBuf>::new());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Only a test that fails leaves something running.
        let _ = self.process.kill();
        let _ = self.process.wait();
        for (process, _) in self.daemons() {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[test]
fn the_story_is_told_and_nothing_is_left() {
    let mut demo = Demo::begin(&["--quick"]);
    let code = demo.end();
    let said = demo.read("said");
    assert_eq!((code, demo.read("failed").as_str()), (Some(0), ""), "{said}");
    let mut rest = said.as_str();
    for words in [
        "Lisa, Tom and Amina start their laptops.",
        "Each sees the two others",
        "On Tom's screen after ",
        "Amina is away: \"peeling mangoes\".",
        "Tom closes the lid",
        "Lisa sees that Tom has gone",
        "later he reads: \"It leaves at four. Don't be late!\"",
        "later Lisa sees him.",
        "That was the story.",
    ] {
        let (_, after) =
            rest.split_once(words).unwrap_or_else(|| panic!("{words:?} is not told in its place:\n{said}"));
        rest = after;
    }
    demo.leaves_nothing();
}

#[test]
fn a_signal_ends_it_wherever_it_is() {
    for (signal, words) in [(Signal::SIGTERM, "start their laptops"), (Signal::SIGINT, "Each sees the two others")] {
        let mut demo = Demo::begin(&[]);
        demo.until(words);
        kill(Pid::from_raw(i32::try_from(demo.process.id()).unwrap()), signal).unwrap();
        assert_eq!((demo.end(), demo.read("failed").as_str()), (Some(0), ""), "{}", demo.read("said"));
        demo.leaves_nothing();
    }
}

#[test]
fn a_daemon_that_dies_ends_it_and_the_logs_stay() {
    let mut demo = Demo::begin(&[]);
    demo.until("Each sees the two others");
    let daemons = demo.daemons();
    let (tom, _) = daemons.iter().find(|(_, command)| command.contains("run --name tom")).unwrap();
    kill(Pid::from_raw(*tom), Signal::SIGKILL).unwrap();
    assert_eq!(demo.end(), Some(1));
    let failed = demo.read("failed");
    assert!(failed.contains("the daemon of tom has ended by itself: signal: 9"), "{failed}");
    assert_eq!(demo.daemons(), []);
    let left = demo.left();
    assert!(matches!(&left[..], [logs] if failed.contains(logs.to_str().unwrap())), "{left:?}\n{failed}");
    let mut logs: Vec<_> = fs::read_dir(&left[0]).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    logs.sort();
    assert_eq!(logs, ["amina.log", "lisa.log", "tom.log"]);
}
