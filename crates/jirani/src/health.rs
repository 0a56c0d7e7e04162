//! What is wrong with a running daemon and what to do, decided from facts alone.

use base::Wall;
use base::limits::STORE_QUEUE_BYTES_MAX;
use serde::{Deserialize, Serialize};

use crate::machine::FILES_KEPT;
use crate::status::Status;

/// With less room than this the disk is told to be nearly full: some days of a school's messages.
const DISK_FREE_BYTES_MIN: u64 = 256 << 20;

/// An administrator's certificate is told this long before its end: renewing by hand takes a person some days.
const CERTIFICATE_WARNING_MS: i64 = 14 * DAY_MS;

/// Our own is renewed 30 days before its end. If it was not by then, something keeps it from that.
const OWN_CERTIFICATE_WARNING_MS: i64 = 25 * DAY_MS;

const DAY_MS: i64 = 86_400_000;

/// Something that wants a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    /// A short name that stays the same, for programs.
    pub(crate) id: String,
    /// What is wrong, and where.
    pub(crate) what: String,
    /// What to do.
    pub(crate) todo: String,
}

impl Finding {
    pub(crate) fn new(id: &str, what: impl Into<String>, todo: impl Into<String>) -> Finding {
        Finding { id: id.to_owned(), what: what.into(), todo: todo.into() }
    }
}

/// Looks through the facts.
pub(crate) fn findings(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |id: &str, what: String, todo: String| findings.push(Finding::new(id, what, todo));
    let machine = &status.machine;
    for certificate in &status.certificates {
        let left = certificate.ends_ms - status.now_ms;
        let (most, whose, todo) = match &certificate.domain {
            Some(domain) => {
                let renew = "Renew it, then send the daemon a SIGHUP (`kill -HUP`): it reads the files again.";
                (CERTIFICATE_WARNING_MS, format!("The certificate of {domain}"), renew.to_owned())
            }
            None => {
                let why = "The daemon renews it by itself and could not: its log says why.";
                (OWN_CERTIFICATE_WARNING_MS, "This computer's own certificate".to_owned(), why.to_owned())
            }
        };
        let end = Wall(certificate.ends_ms).to_string();
        let day = end.split('T').next().unwrap_or_default();
        if left <= 0 {
            find("certificate-ended", format!("{whose} ended on {day}: programs refuse it."), todo);
        } else if left < most {
            find("certificate-ends", format!("{whose} ends in {} days, on {day}.", left / DAY_MS), todo);
        }
    }
    if machine.disk_free_bytes < DISK_FREE_BYTES_MIN {
        find(
            "disk-nearly-full",
            format!("The disk with the data has {} left.", bytes(machine.disk_free_bytes)),
            format!(
                "Make room where {} is. On a full disk messages are refused with an error; none is lost.",
                status.data
            ),
        );
    }
    // Nine tenths of what connections may take.
    if machine.open_files_max > 0 && machine.open_files > machine.open_files_max.saturating_sub(FILES_KEPT) / 10 * 9 {
        find(
            "files-nearly-used-up",
            format!("{} of {} files are open; each connection is one.", machine.open_files, machine.open_files_max),
            "Give the daemon more: `ulimit -Hn`, or LimitNOFILE= in its systemd unit.".to_owned(),
        );
    }
    if let Some(trouble) = &status.store.trouble {
        let since = Wall(trouble.since_ms);
        find(
            "store-fails",
            format!("Nothing can be written since {since}: {}. What people send comes back to them.", trouble.why),
            format!("Make room on the disk with {}, or mend it. The daemon goes on by itself.", status.data),
        );
    }
    if status.store.unwritten_bytes > STORE_QUEUE_BYTES_MAX as u64 / 2 {
        find(
            "store-behind",
            format!("{} wait to be written to the disk.", bytes(status.store.unwritten_bytes)),
            "The disk is slower than what people send. Look what else writes to it (`iotop`), or use a faster one."
                .to_owned(),
        );
    }
    if status.data_is_open {
        find(
            "data-open",
            format!("Other users of this computer can look into {}.", status.data),
            format!("chmod 700 {}", status.data),
        );
    }
    if let Some(path) = &status.next_root_key {
        find(
            "next-root-key-here",
            format!("The key to the future of your address lies on this computer, in {path}."),
            "Write its words on paper and delete the file: who steals the computer should not have them.".to_owned(),
        );
    }
    findings.extend(status.links.findings());
    findings
}

/// A size as people say it.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_240 => format!("{count} B"),
        10_240..10_485_760 => format!("{} KiB", count >> 10),
        10_485_760..10_737_418_240 => format!("{} MiB", count >> 20),
        _ => format!("{} GiB", count >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Certificate, Trouble};

    /// A node in good health, changed by `change`: the ids of what is found.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Status), expect: &[&str]) {
        let mut status = Status { now_ms: 1_795_168_380_000, data: "/data".into(), ..Status::default() };
        status.machine.disk_free_bytes = DISK_FREE_BYTES_MIN;
        status.machine.open_files_max = 1000;
        change(&mut status);
        let found = findings(&status);
        assert_eq!(found.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), expect, "{found:?}");
        assert!(found.iter().all(|finding| !finding.what.is_empty() && !finding.todo.is_empty()));
    }

    #[track_caller]
    fn check_certificate(domain: Option<&str>, left_ms: i64, expect: &[&str]) {
        let domain = domain.map(str::to_owned);
        check(|s| s.certificates.push(Certificate { domain, ends_ms: s.now_ms + left_ms }), expect);
    }

    #[test]
    fn what_is_well_is_not_told() {
        check(|_| {}, &[]);
    }

    #[test]
    fn each_limit_is_told_when_it_is_passed() {
        check(|s| s.machine.disk_free_bytes -= 1, &["disk-nearly-full"]);
        check(|s| s.machine.open_files = (1000 - FILES_KEPT) / 10 * 9, &[]);
        check(|s| s.machine.open_files = (1000 - FILES_KEPT) / 10 * 9 + 1, &["files-nearly-used-up"]);
        check(|s| s.store.unwritten_bytes = STORE_QUEUE_BYTES_MAX as u64 / 2, &[]);
        check(|s| s.store.unwritten_bytes = STORE_QUEUE_BYTES_MAX as u64 / 2 + 1, &["store-behind"]);
        let trouble = Trouble { since_ms: 1_795_168_380_000, why: "the disk is full".into(), refused: 1 };
        check(|s| s.store.trouble = Some(trouble), &["store-fails"]);
        check(|s| s.data_is_open = true, &["data-open"]);
        check(|s| s.next_root_key = Some("/data/identity/next-root-key.txt".into()), &["next-root-key-here"]);
    }

    #[test]
    fn certificates_are_told_in_time() {
        check_certificate(Some("school.example"), 14 * DAY_MS, &[]);
        check_certificate(Some("school.example"), 14 * DAY_MS - 1, &["certificate-ends"]);
        check_certificate(Some("school.example"), 1, &["certificate-ends"]);
        check_certificate(Some("school.example"), 0, &["certificate-ended"]);
        check_certificate(None, 25 * DAY_MS, &[]);
        check_certificate(None, 25 * DAY_MS - 1, &["certificate-ends"]);
        check_certificate(None, -DAY_MS, &["certificate-ended"]);
    }

    #[test]
    fn sizes_are_short() {
        for (count, expect) in [
            (0, "0 B"),
            (10_239, "10239 B"),
            (10_240, "10 KiB"),
            (10_485_760, "10 MiB"),
            (10_737_418_240, "10 GiB"),
            (u64::MAX, "17179869183 GiB"),
        ] {
            assert_eq!(bytes(count), expect);
        }
    }
}
