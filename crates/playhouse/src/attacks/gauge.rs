//! What a process costs, as Linux tells it in /proc: memory and time of the processor.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The daemon's process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge(pub(crate) u32);

impl Gauge {
    /// Memory in use, in kB.
    pub(crate) fn memory_kb(self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most memory in use since [`Gauge::forget_peak`], in kB.
    pub(crate) fn peak_kb(self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// The peak counts from now.
    pub(crate) fn forget_peak(self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").context("the peak of memory cannot be reset")
    }

    /// Time that its threads have run.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0)).context("the daemon is gone")? {
            // A thread may end while they are counted.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            nanos += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }

    fn status(self, key: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).context("the daemon is gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).context("/proc has no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}
