//! What each transport must keep to: `mesh::link::Links`, tried from outside. [`conformance!`] makes the tests for one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base::LinkId;
use base::limits::{
    LINK_FRAME_BYTES_MAX, LINK_HANDSHAKE_TIME_MAX, LINK_INBOX_BYTES_MAX, LINK_QUEUE_BYTES_MAX, LINK_SILENCE_MAX,
    LINK_WINDOW_BYTES,
};
use mesh::link::{CloseCode, Command, DialCause, DownCause, Event, Links, Liveness, ProtocolId, Refusal};

use crate::weather::Weather;

pub(crate) const ONE: &str = "example.org/one/1";
pub(crate) const TWO: &str = "example.org/two/1";

/// A transport under test.
pub(crate) trait Transport {
    type Links: Links;
    /// What a node holds for as long as it runs.
    type Owner;
    type Way;

    /// A node that speaks these protocols.
    async fn node(&self, protocols: &[&str]) -> Node<Self>;
    /// Lets some time pass, a millisecond or so.
    async fn rest(&self);
    /// A way to a node that has weather.
    async fn way(&self, to: SocketAddr) -> Self::Way;
    fn address_of(way: &Self::Way) -> SocketAddr;
    fn set(way: &Self::Way, weather: Weather);
    fn change_address(way: &Self::Way);
    /// An address where nobody answers.
    async fn nowhere(&self) -> SocketAddr;
}

pub(crate) struct Node<T: Transport + ?Sized> {
    pub(crate) links: T::Links,
    pub(crate) address: SocketAddr,
    pub(crate) owner: T::Owner,
}

/// What is said of a link that came up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Up {
    pub(crate) link: LinkId,
    attempt: Option<u64>,
    exporter: [u8; 32],
    local_key: [u8; 32],
    remote_key: [u8; 32],
    dialled: bool,
}

fn protocol(id: &str) -> ProtocolId {
    ProtocolId::new(id).unwrap()
}

impl<T: Transport> Node<T> {
    pub(crate) fn dial(&mut self, attempt: u64, addresses: &[SocketAddr]) {
        self.links.command(Command::Dial { attempt, addresses: addresses.to_vec() });
    }

    pub(crate) fn send(&mut self, link: LinkId, id: &str, frame: &[u8]) {
        self.links.command(Command::Send { link, protocol: protocol(id), frame: frame.to_vec() });
    }

    pub(crate) fn close(&mut self, link: LinkId, code: CloseCode) {
        self.links.command(Command::Close { link, code });
    }

    /// The next event.
    pub(crate) async fn next(&mut self, transport: &T) -> Event {
        let begin = Instant::now();
        loop {
            if let Some(event) = self.links.poll() {
                return event;
            }
            assert!(begin.elapsed() < Duration::from_secs(40), "nothing happens");
            transport.rest().await;
        }
    }

    pub(crate) async fn up(&mut self, transport: &T) -> Up {
        match self.next(transport).await {
            Event::Up { link, attempt, exporter, local_key, remote_key, dialled, .. } => {
                Up { link, attempt, exporter, local_key, remote_key, dialled }
            }
            other => panic!("no link: {other:?}"),
        }
    }

    pub(crate) async fn frame(&mut self, transport: &T, id: &str) -> Vec<u8> {
        match self.next(transport).await {
            Event::Frame { protocol, frame, .. } if protocol.as_str() == id => frame,
            other => panic!("no frame of {id}: {other:?}"),
        }
    }

    pub(crate) async fn down(&mut self, transport: &T, link: LinkId, cause: DownCause) {
        assert_eq!(self.next(transport).await, Event::Down { link, cause });
    }

    async fn quiet(&mut self, transport: &T) {
        for _ in 0..50 {
            transport.rest().await;
            assert_eq!(self.links.poll(), None);
        }
    }
}

/// Two nodes with a link that `a` dialled.
pub(crate) async fn pair<T: Transport>(transport: &T) -> (Node<T>, LinkId, Node<T>, LinkId) {
    let (mut a, mut b) = (transport.node(&[ONE, TWO]).await, transport.node(&[ONE, TWO]).await);
    a.dial(1, &[b.address]);
    let (from, to) = (a.up(transport).await, b.up(transport).await);
    (a, from.link, b, to.link)
}

/// The same over a way with weather.
async fn pair_over<T: Transport>(transport: &T) -> (Node<T>, LinkId, Node<T>, LinkId, T::Way) {
    let (mut a, mut b) = (transport.node(&[ONE]).await, transport.node(&[ONE]).await);
    let way = transport.way(b.address).await;
    a.dial(1, &[T::address_of(&way)]);
    let (from, to) = (a.up(transport).await, b.up(transport).await);
    (a, from.link, b, to.link, way)
}

pub(crate) async fn both_sides_know_the_same<T: Transport>(t: &T) {
    let (mut a, mut b) = (t.node(&[ONE]).await, t.node(&[ONE]).await);
    a.dial(77, &[b.address]);
    let (from, to) = (a.up(t).await, b.up(t).await);
    assert_eq!((from.attempt, from.dialled, to.attempt, to.dialled), (Some(77), true, None, false));
    assert_eq!((from.exporter, from.local_key, from.remote_key), (to.exporter, to.remote_key, to.local_key));
    assert_ne!(from.local_key, from.remote_key);
    a.quiet(t).await;
    b.quiet(t).await;
}

pub(crate) async fn two_links_at_once_are_two<T: Transport>(t: &T) {
    let (mut a, first_a, mut b, first_b) = pair(t).await;
    b.dial(5, &[a.address]);
    let (second_b, second_a) = (b.up(t).await, a.up(t).await);
    assert!(second_a.link != first_a && second_b.link != first_b);
    assert_eq!(second_a.exporter, second_b.exporter);
    a.send(first_a, ONE, b"over the first");
    assert_eq!(b.frame(t, ONE).await, b"over the first");
    a.close(first_a, CloseCode::Duplicate);
    a.down(t, first_a, DownCause::ByUs(CloseCode::Duplicate)).await;
    b.down(t, first_b, DownCause::ByPeer(CloseCode::Duplicate)).await;
    b.send(second_b.link, ONE, b"over the second");
    assert_eq!(a.frame(t, ONE).await, b"over the second");
}

pub(crate) async fn frames_keep_their_order<T: Transport>(t: &T) {
    let (mut a, to_b, mut b, to_a) = pair(t).await;
    for number in 0..500_u32 {
        a.send(to_b, [ONE, TWO][number as usize % 2], &number.to_be_bytes());
        b.send(to_a, ONE, &(number + 1000).to_be_bytes());
    }
    b.send(to_a, ONE, b"");
    let mut seen = [Vec::new(), Vec::new()];
    while seen[0].len() + seen[1].len() < 500 {
        let Event::Frame { link, protocol, frame } = b.next(t).await else { panic!("no frame") };
        assert_eq!(link, to_a);
        seen[usize::from(protocol.as_str() == TWO)].push(u32::from_be_bytes(frame.try_into().unwrap()));
    }
    assert!(seen[0].iter().copied().eq((0..500).step_by(2)) && seen[1].iter().copied().eq((1..500).step_by(2)));
    for number in 1000..1500_u32 {
        assert_eq!(a.frame(t, ONE).await, number.to_be_bytes());
    }
    assert_eq!(a.frame(t, ONE).await, b"");
}

pub(crate) async fn a_megabyte_arrives<T: Transport>(t: &T) {
    let (mut a, to_b, mut b, _) = pair(t).await;
    let frame = |number: usize| vec![number as u8; if number == 3 { LINK_FRAME_BYTES_MAX } else { 10_000 + number }];
    (0..80).for_each(|number| a.send(to_b, ONE, &frame(number)));
    for number in 0..80 {
        assert!(b.frame(t, ONE).await == frame(number), "frame {number}");
    }
}

pub(crate) async fn an_unknown_protocol_is_refused_and_others_live<T: Transport>(t: &T) {
    let (mut a, mut b) = (t.node(&[ONE, TWO]).await, t.node(&[ONE]).await);
    a.dial(1, &[b.address]);
    let (to_b, to_a) = (a.up(t).await.link, b.up(t).await.link);
    a.send(to_b, TWO, b"do you speak two?");
    let refused = Event::Refused { link: to_b, protocol: protocol(TWO), refusal: Refusal::UnknownProtocol };
    assert_eq!(a.next(t).await, refused);
    a.send(to_b, TWO, b"once more");
    a.send(to_b, ONE, b"then one");
    assert_eq!(b.frame(t, ONE).await, b"then one");
    b.send(to_a, ONE, b"gladly");
    assert_eq!(a.frame(t, ONE).await, b"gladly");
    a.quiet(t).await;
    b.quiet(t).await;
}

pub(crate) async fn codes_arrive_and_the_end_is_told_once<T: Transport>(t: &T) {
    let (mut a, mut b) = (t.node(&[ONE]).await, t.node(&[ONE]).await);
    for code in CloseCode::ALL {
        a.dial(1, &[b.address]);
        let (to_b, to_a) = (a.up(t).await.link, b.up(t).await.link);
        b.send(to_a, ONE, b"nobody will read it");
        b.close(to_a, *code);
        b.close(to_a, CloseCode::Stopping);
        b.send(to_a, ONE, b"too late");
        b.down(t, to_a, DownCause::ByUs(*code)).await;
        let mut event = a.next(t).await;
        if let Event::Frame { .. } = event {
            event = a.next(t).await;
        }
        assert_eq!(event, Event::Down { link: to_b, cause: DownCause::ByPeer(*code) });
        a.send(to_b, ONE, b"to nobody");
        a.close(to_b, CloseCode::Stopping);
        a.links.command(Command::Doubt { link: to_b });
    }
    a.quiet(t).await;
    b.quiet(t).await;
}

/// A peer that reads nothing: what waits for it has an end, here and there.
pub(crate) async fn what_waits_is_capped<T: Transport>(t: &T) {
    let (mut a, to_b, mut b, to_a) = pair(t).await;
    let frame = vec![0; 8192];
    let mut sent = 0;
    let down = loop {
        a.send(to_b, ONE, &frame);
        sent += frame.len();
        t.rest().await;
        if let Some(event) = a.links.poll() {
            break event;
        }
    };
    assert_eq!(down, Event::Down { link: to_b, cause: DownCause::ByUs(CloseCode::Behind) });
    let most = LINK_QUEUE_BYTES_MAX + 2 * LINK_WINDOW_BYTES + LINK_INBOX_BYTES_MAX;
    assert!(sent > LINK_QUEUE_BYTES_MAX && sent <= most + 4 * frame.len(), "{sent}");
    let mut waited = 0;
    loop {
        match b.next(t).await {
            Event::Frame { frame, .. } => waited += size_of::<Event>() + frame.len(),
            other => {
                assert_eq!(other, Event::Down { link: to_a, cause: DownCause::ByPeer(CloseCode::Behind) });
                break;
            }
        }
    }
    assert!(
        waited >= LINK_INBOX_BYTES_MAX && waited <= LINK_INBOX_BYTES_MAX + size_of::<Event>() + frame.len(),
        "{waited}"
    );
    // And others are served.
    b.dial(9, &[a.address]);
    assert_eq!(b.up(t).await.attempt, Some(9));
}

pub(crate) async fn a_frame_that_is_too_long_ends_the_link<T: Transport>(t: &T) {
    for length in [LINK_FRAME_BYTES_MAX + 1, 10 * LINK_FRAME_BYTES_MAX] {
        let (mut a, to_b, mut b, to_a) = pair(t).await;
        a.send(to_b, ONE, &vec![0; length]);
        a.down(t, to_b, DownCause::ByUs(CloseCode::TooLong)).await;
        b.down(t, to_a, DownCause::ByPeer(CloseCode::TooLong)).await;
    }
}

pub(crate) async fn a_dial_to_nowhere_ends<T: Transport>(t: &T) {
    let mut a = t.node(&[ONE]).await;
    a.dial(1, &[]);
    assert_eq!(a.next(t).await, Event::DialFailed { attempt: 1, cause: DialCause::NoAddress });
    let begin = Instant::now();
    a.dial(2, &[t.nowhere().await, t.nowhere().await]);
    assert_eq!(a.next(t).await, Event::DialFailed { attempt: 2, cause: DialCause::Silent });
    assert!(begin.elapsed() < LINK_HANDSHAKE_TIME_MAX + Duration::from_secs(2), "{:?}", begin.elapsed());
    a.dial(3, &[a.address]);
    assert_eq!(a.next(t).await, Event::DialFailed { attempt: 3, cause: DialCause::Ourselves });
}

pub(crate) async fn addresses_race<T: Transport>(t: &T) {
    let (mut a, mut b) = (t.node(&[ONE]).await, t.node(&[ONE]).await);
    let begin = Instant::now();
    a.dial(1, &[t.nowhere().await, t.nowhere().await, b.address]);
    assert_eq!((a.up(t).await.attempt, b.up(t).await.dialled), (Some(1), false));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    a.quiet(t).await;
    b.quiet(t).await;
}

pub(crate) async fn a_cut_is_noticed_on_both_sides<T: Transport>(t: &T) {
    let (mut a, to_b, mut b, to_a, way) = pair_over(t).await;
    a.send(to_b, ONE, b"before");
    assert_eq!(b.frame(t, ONE).await, b"before");
    T::set(&way, Weather::CUT);
    let begin = Instant::now();
    a.links.command(Command::Doubt { link: to_b });
    a.down(t, to_b, DownCause::Silent).await;
    assert!(begin.elapsed() < LINK_SILENCE_MAX + Duration::from_secs(1), "{:?}", begin.elapsed());
    b.down(t, to_a, DownCause::Silent).await;
    assert!(begin.elapsed() < Liveness::NORMAL.noticed_when_idle() + Duration::from_secs(1), "{:?}", begin.elapsed());
}

pub(crate) async fn bad_weather_changes_nothing_but_time<T: Transport>(t: &T) {
    for weather in [Weather { lost: 40, doubled: 0, late: 0 }, Weather { lost: 0, doubled: 30, late: 50 }] {
        let (mut a, to_b, mut b, to_a, way) = pair_over(t).await;
        T::set(&way, weather);
        for number in 0..100_u32 {
            a.send(to_b, ONE, &[number.to_be_bytes(); 50].concat());
            b.send(to_a, ONE, &number.to_be_bytes());
            t.rest().await;
        }
        for number in 0..100_u32 {
            assert_eq!(b.frame(t, ONE).await, [number.to_be_bytes(); 50].concat(), "{weather:?}");
            assert_eq!(a.frame(t, ONE).await, number.to_be_bytes(), "{weather:?}");
        }
    }
}

pub(crate) async fn a_dial_succeeds_in_bad_weather<T: Transport>(t: &T) {
    let (mut a, mut b) = (t.node(&[ONE]).await, t.node(&[ONE]).await);
    let way = t.way(b.address).await;
    T::set(&way, Weather { lost: 40, doubled: 10, late: 30 });
    let mut failures = 0;
    loop {
        a.dial(1, &[T::address_of(&way)]);
        match a.next(t).await {
            Event::Up { .. } => break,
            Event::DialFailed { .. } => failures += 1,
            other => panic!("{other:?}"),
        }
        assert!(failures < 4);
    }
    assert!(!b.up(t).await.dialled);
}

pub(crate) async fn a_peer_may_change_its_address<T: Transport>(t: &T) {
    let (mut a, to_b, mut b, to_a, way) = pair_over(t).await;
    a.send(to_b, ONE, b"from here");
    assert_eq!(b.frame(t, ONE).await, b"from here");
    T::change_address(&way);
    let begin = Instant::now();
    a.send(to_b, ONE, b"from there");
    assert_eq!(b.frame(t, ONE).await, b"from there");
    b.send(to_a, ONE, b"found you");
    assert_eq!(a.frame(t, ONE).await, b"found you");
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}

/// A test for each of the promises, for one transport.
macro_rules! conformance {
    ($transport:ident: $($promise:ident)*) => {$(
        #[test]
        fn $promise() {
            let transport = $transport;
            crate::quic::on_a_thread($crate::conformance::$promise(&transport));
        }
    )*};
}

pub(crate) use conformance;
