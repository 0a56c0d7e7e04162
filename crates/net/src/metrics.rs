//! The port on which counters are told to Prometheus (its text format 0.0.4) over HTTP/1.1 (RFC 9112): one request on each
//! connection, `GET /metrics`, and nothing else. What the text says is the business of floor 3.
//!
//! The port is for collectors of this computer. A page in a browser can send requests there too: it gets no answer that it
//! could read, because a request must be for this computer by name or number (attack case H12, DNS rebinding).

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;

use base::limits::{METRICS_CONNECTIONS_MAX, METRICS_REQUEST_BYTES_MAX, METRICS_TIME_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::places::Places;

/// Header fields of a request: Prometheus sends seven.
const HEADERS_MAX: usize = 64;

/// Says everything, each time anew; nothing if that is not possible now.
pub type Teller = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<String>>>>>;

/// Answers whoever comes, until the task is dropped; also to other names than this computer's if `any_host` says so, as
/// it must be where collectors of other computers ask.
pub async fn serve(listener: TcpListener, any_host: bool, tell: Teller) {
    let places = Places { name: "metrics port", most: METRICS_CONNECTIONS_MAX, patience: METRICS_TIME_MAX };
    let accept = async || listener.accept().await.map(|(stream, _)| stream);
    places.serve(accept, |stream| converse(stream, any_host, Rc::clone(&tell))).await;
}

async fn converse(mut stream: TcpStream, any_host: bool, tell: Teller) -> io::Result<()> {
    let answer = match read(&mut stream, any_host).await? {
        Asked::Metrics => match tell().await {
            Some(text) => answer("200 OK", FORMAT, &text),
            None => answer("503 Service Unavailable", PLAIN, "The store cannot be read: the log says why.\n"),
        },
        Asked::Head => answer("200 OK", FORMAT, ""),
        Asked::Else(status) => answer(status, PLAIN, "Only GET /metrics of this computer.\n"),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn answer(status: &str, content: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What Prometheus asks for, and what people are told.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Metrics,
    /// The same without its body.
    Head,
    /// What is not there; with the status to answer.
    Else(&'static str),
}

async fn read(stream: &mut TcpStream, any_host: bool) -> io::Result<Asked> {
    let (mut request, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        match stream.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => request.extend_from_slice(&piece[..count]),
        }
        if let Some(asked) = understand(&request, any_host) {
            return Ok(asked);
        }
    }
}

/// What the bytes so far ask for; `None` if there must be more.
fn understand(bytes: &[u8], any_host: bool) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Err(httparse::Error::TooManyHeaders) => return Some(TOO_LARGE),
        Err(_) => return Some(Asked::Else("400 Bad Request")),
        Ok(_) if bytes.len() > METRICS_REQUEST_BYTES_MAX => return Some(TOO_LARGE),
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(_)) => {}
    }
    let mut hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    let host = hosts.next().and_then(|host| std::str::from_utf8(host.value).ok());
    if !any_host && (!host.is_some_and(is_here) || hosts.next().is_some()) {
        return Some(Asked::Else("421 Misdirected Request"));
    }
    // A query does not change what is told.
    let path = request.path.unwrap_or_default().split('?').next();
    Some(match (request.method, path) {
        (Some("GET"), Some("/metrics")) => Asked::Metrics,
        (Some("HEAD"), Some("/metrics")) => Asked::Head,
        (Some("GET" | "HEAD"), _) => Asked::Else("404 Not Found"),
        _ => Asked::Else("405 Method Not Allowed"),
    })
}

const TOO_LARGE: Asked = Asked::Else("431 Request Header Fields Too Large");

/// Whether a `Host` says a number, or the one name that no DNS decides about.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::LocalSet;

    use super::*;

    #[track_caller]
    fn check(request: &str, expect: Option<Asked>) {
        assert_eq!(understand(request.as_bytes(), false), expect, "{request}");
    }

    fn get(host: &str) -> String {
        format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n")
    }

    #[test]
    fn one_thing_can_be_asked() {
        for host in ["127.0.0.1:9100", "localhost", "LOCALHOST:1", "[::1]:9100", "[::1]", "192.0.2.1"] {
            check(&get(host), Some(Asked::Metrics));
        }
        check("GET /metrics?x=1 HTTP/1.0\r\nHost: localhost\r\n\r\n", Some(Asked::Metrics));
        check("HEAD /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n", Some(Asked::Head));
        check("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Some(Asked::Else("404 Not Found")));
        check("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", Some(Asked::Else("405 Method Not Allowed")));
        check("GET /metrics HTTP/1.1\r\nHost: local", None);
        check("\x16\x03\x01\0", Some(Asked::Else("400 Bad Request")));
        check("GET /metr\0ics HTTP/1.1\r\n\r\n", Some(Asked::Else("400 Bad Request")));
    }

    #[test]
    fn a_page_of_the_internet_gets_nothing() {
        let misdirected = Some(Asked::Else("421 Misdirected Request"));
        for host in ["evil.example", "127.0.0.1.evil.example:9100", "localhost.evil.example", ""] {
            check(&get(host), misdirected);
            assert_eq!(understand(get(host).as_bytes(), true), Some(Asked::Metrics));
        }
        check("GET /metrics HTTP/1.1\r\n\r\n", misdirected);
        check("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", misdirected);
    }

    #[test]
    fn a_request_is_so_long() {
        let most = METRICS_REQUEST_BYTES_MAX;
        let around = get("localhost").len() + "X: \r\n".len();
        for (length, expect) in
            [(most - 1, Asked::Metrics), (most, Asked::Metrics), (most + 1, TOO_LARGE), (10 * most, TOO_LARGE)]
        {
            let header = format!("\r\nX: {}\r\n\r\n", "x".repeat(length - around));
            let request = get("localhost").replace("\r\n\r\n", &header);
            assert_eq!(request.len(), length);
            check(&request, Some(expect));
            // Without an end it is not waited for any longer.
            check(request.trim_end(), (length > most + 4).then_some(TOO_LARGE));
        }
        let headers = |count: usize| get("localhost").replace("\r\n\r\n", &"\r\nX: x".repeat(count - 1)) + "\r\n\r\n";
        check(&headers(HEADERS_MAX), Some(Asked::Metrics));
        check(&headers(HEADERS_MAX + 1), Some(TOO_LARGE));
    }

    #[test]
    fn slow_ones_take_no_place_for_long() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::task::spawn_local(serve(listener, false, Rc::new(|| Box::pin(async { Some("x 1\n".to_owned()) }))));
            let ask = async || {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(get("localhost").as_bytes()).await.unwrap();
                let mut said = String::new();
                stream.read_to_string(&mut said).await.unwrap();
                assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\nx 1\n"), "{said}");
            };
            let begun = Instant::now();
            let mut slow = Vec::new();
            for _ in 1..METRICS_CONNECTIONS_MAX {
                slow.push(TcpStream::connect(address).await.unwrap());
            }
            // One place is left.
            ask().await;
            assert!(begun.elapsed() < METRICS_TIME_MAX);
            // None is left, many times over: when their time is over, others have their turn.
            for _ in 0..METRICS_CONNECTIONS_MAX {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(b"GET ").await.unwrap();
                slow.push(stream);
            }
            ask().await;
            assert!(begun.elapsed() >= METRICS_TIME_MAX, "{:?}", begun.elapsed());
        });
    }
}
