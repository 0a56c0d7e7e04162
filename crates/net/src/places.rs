//! Small services of this computer: so many conversations at once, each in a time, until the task is dropped.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// How long it is waited when the system accepts nothing: there may be no file left for a moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What there is of a service.
pub(crate) struct Places {
    /// Its name in the log.
    pub(crate) name: &'static str,
    /// Conversations at once; others wait to be accepted.
    pub(crate) most: usize,
    /// Who takes longer is not answered.
    pub(crate) patience: Duration,
}

impl Places {
    /// Has a conversation with each that is accepted.
    pub(crate) async fn serve<S, A, C>(self, accept: impl Fn() -> A, converse: impl Fn(S) -> C)
    where
        A: Future<Output = io::Result<S>>,
        C: Future<Output = io::Result<()>> + 'static,
    {
        let places = Arc::new(Semaphore::new(self.most));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match accept().await {
                Ok(stream) => {
                    let conversation = tokio::time::timeout(self.patience, converse(stream));
                    tokio::task::spawn_local(async move {
                        let _place = place;
                        // Who is too slow, or says too much, or goes away, is not answered.
                        let _ = conversation.await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of the {} could not be accepted", self.name);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
