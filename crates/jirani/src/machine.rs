//! What the machine gives this process: files, memory, room on the disk. Linux tells it in /proc.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::statvfs::statvfs;
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

/// Files that are not for connections: the store's, the sockets that listen, orders and what they open.
pub(crate) const FILES_KEPT: u64 = 64;

/// What is used of what there is. Zero where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    /// Files and sockets that this process has open.
    pub(crate) open_files: u64,
    /// How many it may have.
    pub(crate) open_files_max: u64,
    /// Processor time that this process has used, in milliseconds.
    pub(crate) cpu_ms: u64,
    /// Memory that this process uses.
    pub(crate) memory_bytes: u64,
    /// What the store's files take.
    pub(crate) store_bytes: u64,
    /// Room on the disk where the data is.
    pub(crate) disk_free_bytes: u64,
}

impl Machine {
    /// Looks at this process, and at the data it keeps.
    pub(crate) fn look(data: &Path, store: &Path) -> Machine {
        let files = fs::read_dir("/proc/self/fd").map_or(0, |open| open.count() as u64);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stored = fs::read_dir(store).into_iter().flatten().flatten().filter_map(|file| file.metadata().ok());
        Machine {
            // Not the one that counting them opens.
            open_files: files.saturating_sub(1),
            open_files_max: getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft),
            cpu_ms: cpu_ms(),
            memory_bytes: resident(&status),
            // Blocks: SQLite's files have holes.
            store_bytes: stored.map(|file| file.blocks() * 512).sum(),
            disk_free_bytes: statvfs(data).map_or(0, |disk| disk.blocks_available() * disk.fragment_size()),
        }
    }
}

/// What the program took, and the system for it.
fn cpu_ms() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return 0 };
    let times = [usage.user_time(), usage.system_time()];
    times.iter().map(|time| time.num_milliseconds().unsigned_abs()).sum()
}

/// `VmRSS` of /proc/self/status, in bytes.
fn resident(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kb| kb * 1024)
}

/// How many connections there are files for.
pub(crate) fn connections_max() -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(files.saturating_sub(FILES_KEPT)).unwrap_or(usize::MAX)
}

/// Each connection is a file: as many as the system allows, not only the 1,024 that old programs can bear.
///
/// # Errors
/// What the system says; then the number stays as it is.
pub(crate) fn raise_file_limit() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}

/// Whether others than its owner can do something with a directory.
pub(crate) fn is_open_to_others(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|directory| directory.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_its_line() {
        for (status, expect) in [("Name:\tx\nVmRSS:\t   12345 kB\n", 12345 * 1024), ("VmRSS:\t1 MB", 0), ("", 0)] {
            assert_eq!(resident(status), expect);
        }
    }

    #[test]
    fn this_process_has_files_memory_and_a_disk() {
        let here = std::env::temp_dir();
        let machine = Machine::look(&here, &here);
        assert!(machine.open_files >= 3 && machine.open_files <= machine.open_files_max, "{machine:?}");
        assert!(machine.memory_bytes > 0 && machine.disk_free_bytes > 0, "{machine:?}");
    }
}
