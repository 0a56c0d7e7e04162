//! RFC 6120 section 10.1 through a whole node: what waits for accounts that are being read, and answers that come too late.

mod common;

use std::time::Duration;

use base::limits::ACCOUNTS_READ_MAX;
use common::{bound, heard};
use sim::Bench;

/// A burst to people who do not exist: as many are looked for as may be, the others are refused, and nobody is kept out.
#[test]
fn a_burst_to_nobody_is_limited() {
    for count in [ACCOUNTS_READ_MAX - 1, ACCOUNTS_READ_MAX, ACCOUNTS_READ_MAX + 1, ACCOUNTS_READ_MAX * 10] {
        let mut bench = Bench::new(1);
        let maria = bound(&mut bench, "maria", "here");
        bench.make_account("paulo", sim::bench::PASSWORD);
        bench.setup.answer = Duration::from_millis(100)..=Duration::from_millis(100);
        let burst: String = (0..count)
            .map(|n| format!("<message to='nobody{n}@jirani.example' type='chat'><body>?</body></message>"))
            .collect();
        bench.send(maria, &burst);
        bench.pass(Duration::from_millis(50));
        bound(&mut bench, "paulo", "there");
        let answers = heard(&mut bench, maria);
        let refused = answers.iter().filter(|answer| *answer == "error resource-constraint").count();
        let unknown = answers.iter().filter(|answer| *answer == "error service-unavailable").count();
        assert_eq!((unknown, refused), (count.min(ACCOUNTS_READ_MAX), count.saturating_sub(ACCOUNTS_READ_MAX)));
    }
}
