//! A way between two UDP sockets with bad weather: loss, delay, duplicates, a cut cable, another address. Seeded.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// What happens to datagrams, of a hundred each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// These come up to 20 ms late, behind others.
    pub(crate) late: u64,
}

impl Weather {
    #[allow(dead_code)]
    pub(crate) const CUT: Weather = Weather { lost: 100, doubled: 0, late: 0 };
}

/// Datagrams and bytes that went in one direction, before the weather.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
}

/// The way, for as long as it is held.
pub(crate) struct Way {
    inner: Rc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

struct Inner {
    front: UdpSocket,
    to: SocketAddr,
    weather: Cell<Weather>,
    chance: RefCell<ChaCha8Rng>,
    there: Cell<Traffic>,
    back: Cell<Traffic>,
    /// A socket for each sender, as a router's address translation has.
    senders: RefCell<BTreeMap<SocketAddr, Rc<UdpSocket>>>,
}

impl Way {
    pub(crate) async fn open(to: SocketAddr) -> Way {
        Way::open_seeded(to, 5).await
    }

    pub(crate) async fn open_seeded(to: SocketAddr, seed: u64) -> Way {
        let front = bind().await;
        let inner = Rc::new(Inner {
            front,
            to,
            weather: Cell::default(),
            chance: RefCell::new(ChaCha8Rng::seed_from_u64(seed)),
            there: Cell::default(),
            back: Cell::default(),
            senders: RefCell::default(),
        });
        let task = tokio::task::spawn_local(Rc::clone(&inner).carry());
        Way { inner, task }
    }

    /// Whoever sends here sends over this way.
    pub(crate) fn address(&self) -> SocketAddr {
        self.inner.front.local_addr().unwrap()
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.inner.weather.set(weather);
    }

    /// From now on the senders seem to be elsewhere.
    #[allow(dead_code)]
    pub(crate) fn change_address(&self) {
        self.inner.senders.borrow_mut().clear();
    }

    /// What went towards the target and back so far.
    #[allow(dead_code)]
    pub(crate) fn traffic(&self) -> (Traffic, Traffic) {
        (self.inner.there.get(), self.inner.back.get())
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    async fn carry(self: Rc<Inner>) {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = self.front.recv_from(&mut buffer).await {
            count(&self.there, length);
            let known = self.senders.borrow().get(&from).cloned();
            let socket = match known {
                Some(socket) => socket,
                None => {
                    let socket = Rc::new(bind().await);
                    self.senders.borrow_mut().insert(from, Rc::clone(&socket));
                    tokio::task::spawn_local(Rc::clone(&self).carry_back(from, Rc::clone(&socket)));
                    socket
                }
            };
            let to = self.to;
            self.deliver(&buffer[..length], move |bytes| drop(socket.try_send_to(&bytes, to)));
        }
    }

    async fn carry_back(self: Rc<Inner>, sender: SocketAddr, socket: Rc<UdpSocket>) {
        let mut buffer = [0; 2048];
        while let Ok((length, _)) = socket.recv_from(&mut buffer).await {
            // Behind a change of the address nothing comes back this way.
            if !self.senders.borrow().get(&sender).is_some_and(|now| Rc::ptr_eq(now, &socket)) {
                return;
            }
            count(&self.back, length);
            let inner = Rc::clone(&self);
            self.deliver(&buffer[..length], move |bytes| drop(inner.front.try_send_to(&bytes, sender)));
        }
    }

    fn deliver(&self, bytes: &[u8], send: impl Fn(Vec<u8>) + Clone + 'static) {
        let weather = self.weather.get();
        let happens = |percent: u64| self.chance.borrow_mut().next_u64() % 100 < percent;
        if happens(weather.lost) {
            return;
        }
        for _ in 0..if happens(weather.doubled) { 2 } else { 1 } {
            let (send, bytes) = (send.clone(), bytes.to_vec());
            if happens(weather.late) {
                let late = Duration::from_millis(self.chance.borrow_mut().next_u64() % 20);
                tokio::task::spawn_local(async move {
                    sleep(late).await;
                    send(bytes);
                });
            } else {
                send(bytes);
            }
        }
    }
}

/// A socket that takes what is sent from the first datagram on.
async fn bind() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.writable().await.unwrap();
    socket
}

fn count(traffic: &Cell<Traffic>, length: usize) {
    let Traffic { datagrams, bytes } = traffic.get();
    traffic.set(Traffic { datagrams: datagrams + 1, bytes: bytes + length as u64 });
}
