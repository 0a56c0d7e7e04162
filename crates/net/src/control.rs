//! Unix sockets on which the daemon takes orders: one line of request, one line of answer, from processes of this
//! computer whose user the system names. What the lines mean is the business of floor 3.

use std::future::Future;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use base::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_LINE_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::places::Places;

/// How long a process may take to say what it wants, and to take the answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// Answers a request line of a user (by number).
pub type Answerer = Rc<dyn Fn(u32, String) -> Pin<Box<dyn Future<Output = String>>>>;

/// Opens the socket in the data directory, which only its owner can reach, and the owner's group if `group` says so.
///
/// # Errors
/// What the system says.
pub fn listen_in(path: &Path, group: bool) -> io::Result<UnixListener> {
    // What a killed daemon left behind; the caller holds the lock of the directory, so nobody else uses it.
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(path)?;
    // The directory should be closed to others. If somebody has opened it, this is not.
    let mode = if group { 0o660 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Opens the socket that every user of this computer can reach: it has a name and no file.
///
/// # Errors
/// What the system says; it is taken if another daemon has it.
pub fn listen_abstract(name: &str) -> io::Result<UnixListener> {
    let listener = std::os::unix::net::UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Answers whoever comes, until the task is dropped.
pub async fn serve(listener: UnixListener, answer: Answerer) {
    let places = Places { name: "control socket", most: CONTROL_CONNECTIONS_MAX, patience: REQUEST_TIME_MAX };
    let accept = async || listener.accept().await.map(|(stream, _)| stream);
    places.serve(accept, |stream| converse(stream, Rc::clone(&answer))).await;
}

async fn converse(mut stream: UnixStream, answer: Answerer) -> io::Result<()> {
    let user = stream.peer_cred()?.uid();
    let line = read_line(&mut stream).await?;
    let mut answer = answer(user, line).await;
    answer.push('\n');
    stream.write_all(answer.as_bytes()).await
}

/// Attack case E10: a line that never ends is not kept.
async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let (mut line, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        match stream.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => line.extend_from_slice(&piece[..count]),
        }
        let end = line.iter().position(|b| *b == b'\n');
        if end.unwrap_or(line.len()) > CONTROL_LINE_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some(end) = end {
            line.truncate(end);
            return String::from_utf8(line).map_err(io::Error::other);
        }
    }
}

/// Asks a daemon, from another process. Blocking: for the command line.
pub mod client {
    use std::io::{self, BufRead as _, BufReader, Write as _};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixStream};
    use std::path::Path;

    /// Connects to the socket in a data directory.
    ///
    /// # Errors
    /// `NotFound` or `ConnectionRefused` if no daemon runs there.
    pub fn connect_in(path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path)
    }

    /// Connects to the socket that every user can reach.
    ///
    /// # Errors
    /// `ConnectionRefused` if no daemon has it.
    pub fn connect_abstract(name: &str) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
    }

    /// One request, one answer.
    ///
    /// # Errors
    /// If the daemon goes away meanwhile.
    pub fn ask(mut stream: UnixStream, request: &str) -> io::Result<String> {
        stream.write_all(request.as_bytes())?;
        stream.write_all(b"\n")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
    }
}
