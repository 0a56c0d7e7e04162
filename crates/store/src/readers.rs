//! The reader threads: queries are answered beside the writer, each from a connection of its own.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use base::Ticket;
use base::ledger::{Query, Rows, StoreError};

use crate::Reader;
use crate::queue::{Gauge, Queued};

/// A thread for each connection; whoever is idle takes the next query.
#[derive(Debug)]
pub struct Readers {
    /// `None` only while being dropped: the threads end when it is gone and the queue is empty.
    queue: Option<Sender<(Ticket, Query)>>,
    gauge: Arc<Gauge>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts a thread for each of `readers` (two do: one answers logins while the other counts an archive). `on_rows`
    /// is called on them with each answer; answers may overtake each other.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        readers: Vec<Reader>,
        on_rows: impl Fn(Ticket, Result<Rows, StoreError>) + Send + Sync + 'static,
    ) -> io::Result<Readers> {
        let (queue, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let on_rows = Arc::new(on_rows);
        let mut pool = Readers { queue: Some(queue), gauge: Arc::default(), threads: Vec::new() };
        for (at, reader) in readers.into_iter().enumerate() {
            let (waiting, on_rows, gauge) = (Arc::clone(&waiting), Arc::clone(&on_rows), Arc::clone(&pool.gauge));
            pool.threads.push(Builder::new().name(format!("store-reader-{at}")).spawn(move || {
                while let Some((ticket, query)) = next(&waiting) {
                    let rows = reader.answer(&query);
                    gauge.sub(Queued { items: 1, bytes: size_of::<Query>() });
                    on_rows(ticket, rows);
                }
            })?);
        }
        Ok(pool)
    }

    /// Queues a query. Its ticket comes back with its rows.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if all threads have died (a panic in `on_rows`).
    pub fn submit(&self, ticket: Ticket, query: Query) -> Result<(), StoreError> {
        self.gauge.add(size_of::<Query>());
        let queue = self.queue.as_ref().expect("taken only when dropped");
        queue.send((ticket, query)).map_err(|_| StoreError::Failed("the readers have stopped".into()))
    }

    /// How many queries wait or are being answered.
    pub fn queued(&self) -> Queued {
        self.gauge.read()
    }

    /// Waits until all that was asked is answered.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A panic over there has been printed over there; there is nobody to tell here.
            let _ = thread.join();
        }
    }
}

/// Waits for a query. The lock is held while waiting, and only then: the others wait behind it for their turn.
fn next(waiting: &Mutex<Receiver<(Ticket, Query)>>) -> Option<(Ticket, Query)> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
