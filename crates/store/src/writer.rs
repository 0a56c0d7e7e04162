//! The writer thread: group commit. Whenever it is idle it takes all that waits and makes it one transaction, so a lone
//! batch waits for nobody and a crowd shares one sync of the disk. There is no timer. When nothing waits, what removed
//! accounts have left behind goes, a slice at a time.

use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use base::Ticket;
use base::ledger::{Batch, StoreError, Write};
use base::limits::COMMIT_BATCHES_MAX;

use crate::Store;
use crate::queue::{Gauge, Queued, Written, weight};

/// What became of the batches of one transaction, in their order.
pub type Done = Vec<(Ticket, Result<(), StoreError>)>;

/// A thread that owns the store and commits what is queued.
#[derive(Debug)]
pub struct Writer {
    /// `None` only while being dropped: the thread ends when it is gone and the queue is empty.
    queue: Option<Sender<Vec<(Ticket, Batch)>>>,
    gauge: Arc<Gauge>,
    written: Arc<Mutex<Written>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `on_done` is called on it once for each transaction, when that is durable or has failed: so a
    /// caller is woken once for many batches. It should hand over and return; nothing is written meanwhile.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        mut store: impl Store + Send + 'static,
        mut on_done: impl FnMut(Done) + Send + 'static,
    ) -> io::Result<Writer> {
        let (queue, waiting) = channel();
        let (gauge, written) = (Arc::new(Gauge::default()), Arc::new(Mutex::new(Written::default())));
        let thread = Builder::new().name("store-writer".into()).spawn({
            let (gauge, written) = (Arc::clone(&gauge), Arc::clone(&written));
            move || {
                // The process before may have ended while there was something to sweep.
                let mut sweeps = true;
                loop {
                    let first = match waiting.try_recv() {
                        Ok(first) => first,
                        Err(TryRecvError::Disconnected) => return,
                        Err(TryRecvError::Empty) if sweeps => {
                            // If the disk does not let it go now, the next start or the next removal tries again.
                            sweeps = store.sweep().unwrap_or(false);
                            continue;
                        }
                        Err(TryRecvError::Empty) => {
                            let Ok(first) = waiting.recv() else { return };
                            first
                        }
                    };
                    let group = Group::take(first, &waiting);
                    sweeps |= group.removes();
                    let results = store.apply(&group.batches);
                    lock(&written).count(&group.batches, &results);
                    drop(group.batches);
                    gauge.sub(group.queued);
                    on_done(group.tickets.into_iter().zip(results).collect());
                }
            }
        })?;
        Ok(Writer { queue: Some(queue), gauge, written, thread: Some(thread) })
    }

    /// Queues a batch behind all that were queued before. Its ticket comes back with its result.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the thread has died (a panic in `on_done`): nothing will be written any more.
    pub fn submit(&self, ticket: Ticket, batch: Batch) -> Result<(), StoreError> {
        self.submit_all(vec![(ticket, batch)])
    }

    /// Queues batches that are ready at the same time: an idle writer takes them as one transaction, not the first alone.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub fn submit_all(&self, batches: Vec<(Ticket, Batch)>) -> Result<(), StoreError> {
        batches.iter().for_each(|(_, batch)| self.gauge.add(weight(batch)));
        let queue = self.queue.as_ref().expect("taken only when dropped");
        queue.send(batches).map_err(|_| StoreError::Failed("the writer has stopped".into()))
    }

    /// How much is not durable yet.
    pub fn queued(&self) -> Queued {
        self.gauge.read()
    }

    /// What it has done since it began.
    pub fn written(&self) -> Written {
        *lock(&self.written)
    }

    /// Waits until all that was queued is durable and told.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed over there; there is nobody to tell here.
            let _ = thread.join();
        }
    }
}

/// Numbers are whole even if a thread died over them.
fn lock(written: &Mutex<Written>) -> std::sync::MutexGuard<'_, Written> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one transaction takes from the queue.
struct Group {
    tickets: Vec<Ticket>,
    batches: Vec<Batch>,
    queued: Queued,
}

impl Group {
    /// Takes what waits behind the first batches.
    fn take(first: Vec<(Ticket, Batch)>, waiting: &Receiver<Vec<(Ticket, Batch)>>) -> Group {
        let mut next = Some(first);
        let mut group = Group { tickets: Vec::new(), batches: Vec::new(), queued: Queued::default() };
        while let Some(batches) = next {
            for (ticket, batch) in batches {
                group.queued.items += 1;
                group.queued.bytes += weight(&batch);
                group.tickets.push(ticket);
                group.batches.push(batch);
            }
            next = (group.batches.len() < COMMIT_BATCHES_MAX).then(|| waiting.try_recv().ok()).flatten();
        }
        group
    }

    /// Whether an account goes.
    fn removes(&self) -> bool {
        self.batches.iter().flatten().any(|write| matches!(write, Write::RemoveAccount { .. }))
    }
}
