//! `jirani demo`: three laptops on this computer, and a minute of what people do with them, told as it happens. The daemons are
//! processes of this same program with data in a folder of their own; nothing is said on any network, and nothing is left.

mod laptop;
mod person;
mod stage;
mod story;

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::demo::stage::Stage;
use crate::demo::story::Story;

/// Reports of daemons that wait: each can end once unasked.
const ENDS_MAX: usize = 8;

/// Tells the story, and stays until a signal ends it. `quick`: without pauses, and it ends with the story.
///
/// # Errors
/// What went wrong, and where the logs are.
pub(crate) fn demo(quick: bool) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        let [Ok(interrupt), Ok(terminate), Ok(hangup)] = &mut signals else { bail!("signals cannot be heard") };
        let stage = Stage::set()?;
        let (ended, mut ends) = mpsc::channel(ENDS_MAX);
        let story = Story::new(quick);
        let told = tokio::select! {
            biased;
            Some(why) = ends.recv() => Err(why),
            told = story.tell(stage.folder(), ended) => told,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            _ = hangup.recv() => Ok(()),
        };
        // The story is dropped with its laptops; their daemons are being stopped, and the last one closes the channel.
        let stopped = async { while ends.recv().await.is_some() {} };
        // They are killed with their keepers if a signal came twice.
        let patience = tokio::time::sleep(Duration::from_secs(15));
        tokio::select! { () = stopped => {}, _ = interrupt.recv() => {}, () = patience => {} }
        stage.clear(told)
    })
}
