//! The daemon as systemd starts it: with sockets that are open already (sd_listen_fds(3)), a word when it is ready
//! (sd_notify(3)), and the journal behind standard error.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::house::House;
use crate::xmpp::Client;

/// The daemon behind a shell that does what systemd does: its standard input becomes the socket number 3.
fn activated(house: &House, socket: OwnedFd, name: &str) -> Command {
    let jirani = house.command(&["run", "--name", "first"]);
    let mut shell = Command::new("/bin/sh");
    let become_it = "exec 3<&0 </dev/null; LISTEN_PID=$$; export LISTEN_PID; exec \"$@\"";
    shell.args(["-c", become_it, "sh"]).arg(jirani.get_program()).args(jirani.get_args());
    shell.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", name).env("HOME", house.path("."));
    shell.env_remove("RUST_LOG").env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET");
    shell.stdin(Stdio::from(socket));
    shell
}

#[test]
fn it_adopts_a_socket_says_when_it_is_ready_and_when_it_stops() {
    let mut house = House::new("log = \"info\"\n");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let notify = UnixDatagram::bind(house.path("notify")).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = activated(&house, listener.into(), "xmpp-client");
    command.env("NOTIFY_SOCKET", house.path("notify"));
    house.start_as(command);
    let hear = || {
        let mut bytes = [0; 256];
        let count = notify.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    assert_eq!(hear().trim_end(), "READY=1");
    // Ready means ready.
    let list = house.ask(&["account", "list"], "");
    let domain = list.trim().split_once('@').unwrap().1;
    drop(Client::connect(address, domain));
    assert!(house.log().contains("a socket was adopted"), "{}", house.log());
    // The configuration's own port is not opened beside it.
    drop(TcpListener::bind(house.address()).unwrap());
    house.signal(Signal::SIGTERM);
    assert_eq!(hear().trim_end(), "STOPPING=1");
    assert!(house.end().success());
    assert!(!house.has("data/control"));
}

#[test]
fn a_socket_that_is_none_is_refused() {
    for (socket, what) in [
        (OwnedFd::from(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()), "cannot be used"),
        (connected(), "nobody can connect"),
    ] {
        let mut house = House::new("");
        let command = activated(&house, socket, "xmpp-client");
        house.start_as(command);
        assert_eq!(house.end().code(), Some(1));
        assert!(house.log().contains("socket unit") && house.log().contains(what), "{}", house.log());
    }
}

/// A TCP socket that does not listen.
fn connected() -> OwnedFd {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap().into()
}

#[test]
fn in_the_journal_lines_have_a_priority_and_no_time() {
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt as _;

    let mut house = House::new("log = \"info\"\n");
    // The file that is standard error stands for the journal's socket.
    let log = File::create(house.path("log")).unwrap().metadata().unwrap();
    let stream = format!("{}:{}", log.dev(), log.ino());
    house.start(&["run", "--name", "first"], &[("JOURNAL_STREAM", &stream)]);
    house.signal(Signal::SIGHUP);
    house.wait_for("it says nothing", |house| house.log().contains("certificates were read again"));
    for line in fs::read_to_string(house.path("log")).unwrap().lines() {
        assert!(line.starts_with("<6> INFO "), "{line}");
    }
}
