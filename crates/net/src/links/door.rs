//! A door to the links: whoever registers protocols gets one, this program's own parts as well as a module of somebody else.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use base::limits::LINK_INBOX_BYTES_MAX;
use mesh::link::{Command, Event, Links, ProtocolId};
use tokio::sync::Notify;

use super::state::State;

/// What waits behind a door.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    events: RefCell<VecDeque<Event>>,
    frame_bytes: Cell<usize>,
    ready: Notify,
    room: Notify,
    closed: Cell<bool>,
}

impl Inbox {
    pub(super) fn push(&self, event: Event) {
        self.frame_bytes.set(self.frame_bytes.get() + bytes_of(&event));
        self.events.borrow_mut().push_back(event);
        self.ready.notify_one();
    }

    fn pop(&self) -> Option<Event> {
        let event = self.events.borrow_mut().pop_front()?;
        self.frame_bytes.set(self.frame_bytes.get() - bytes_of(&event));
        if self.frame_bytes.get() < LINK_INBOX_BYTES_MAX {
            self.room.notify_waiters();
        }
        Some(event)
    }

    /// Waits until there is room for one more frame; says whether anybody is there to read it.
    pub(super) async fn has_room(&self) -> bool {
        while !self.closed.get() && self.frame_bytes.get() >= LINK_INBOX_BYTES_MAX {
            self.room.notified().await;
        }
        !self.closed.get()
    }
}

fn bytes_of(event: &Event) -> usize {
    match event {
        // Its place in the queue counts too, or empty ones would cost nothing.
        Event::Frame { frame, .. } => size_of::<Event>() + frame.len(),
        _ => 0,
    }
}

/// Sends in some protocols and hears of all links. Links come up and go down at every door; a frame comes to the door of
/// its protocol, a dial's number to the door that dialled. When the door is dropped, its protocols are spoken no more.
#[derive(Debug)]
pub struct Door {
    state: Rc<State>,
    inbox: Rc<Inbox>,
}

/// The part of a [`Door`] that only says: as many of them as are wanted.
#[derive(Clone, Debug)]
pub struct Sender {
    state: Rc<State>,
    inbox: Rc<Inbox>,
}

impl Door {
    pub(super) fn new(state: Rc<State>, inbox: Rc<Inbox>) -> Door {
        Door { state, inbox }
    }

    /// Says the same as the door, from elsewhere on this thread.
    pub fn sender(&self) -> Sender {
        Sender { state: Rc::clone(&self.state), inbox: Rc::clone(&self.inbox) }
    }

    /// What happens next.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.inbox.pop() {
                return event;
            }
            self.inbox.ready.notified().await;
        }
    }
}

impl Links for Door {
    fn command(&mut self, command: Command) {
        self.state.command(&self.inbox, command);
    }

    fn poll(&mut self) -> Option<Event> {
        self.inbox.pop()
    }
}

impl Sender {
    /// As [`Links::command`].
    pub fn command(&self, command: Command) {
        self.state.command(&self.inbox, command);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.inbox.closed.set(true);
        self.inbox.room.notify_waiters();
        self.state.unregister(&self.inbox);
    }
}

/// A protocol has a door already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody else speaks {0} already")]
pub struct Taken(pub ProtocolId);
