//! The twin's failures and crashes.

mod common;

use base::AccountId;
use base::ledger::{StoreError, Write};
use common::{account, apply, copy, create, message, waiting};
use store::{Store, Twin};

#[test]
fn the_nth_batch_fails_and_writes_nothing() {
    for nth in 1..=4 {
        for error in [StoreError::Full, StoreError::Failed("as asked".into())] {
            let mut twin = Twin::new();
            apply(&mut twin, create("a@x"));
            twin.fail(nth, error.clone());
            let results = twin.apply(&[1, 2, 3].map(|seq| message(&seq.to_string(), vec![copy(1, seq, "b@x")])));
            let mut expect = vec![Ok(()); 3];
            let mut left = vec!["1", "2", "3"];
            if let Some(result) = expect.get_mut(nth as usize - 1) {
                *result = Err(error.clone());
                left.remove(nth as usize - 1);
            }
            assert_eq!(results, expect);
            assert_eq!(waiting(&twin, 1), left);
            assert_eq!(account(&twin, "a@x").pending, left.len() as u64);
        }
    }
}

#[test]
fn a_crash_takes_what_was_not_synced() {
    let mut twin = Twin::new();
    apply(&mut twin, create("a@x"));
    apply(&mut twin, message("kept", vec![copy(1, 1, "b@x")]));
    twin.sync();
    let before = account(&twin, "a@x");
    apply(&mut twin, message("lost", vec![copy(1, 2, "b@x")]));
    apply(&mut twin, vec![Write::Delivered { account: AccountId(1), seqs: vec![1] }]);
    apply(&mut twin, create("b@x"));
    apply(&mut twin, vec![Write::RemoveAccount { account: AccountId(1) }]);
    // A batch that failed has left nothing to undo.
    assert_eq!(
        twin.apply(&[vec![create("c@x").remove(0), Write::RemoveAccount { account: AccountId(9) }]]),
        [Err(StoreError::NoAccount)]
    );
    twin.crash();
    assert_eq!(account(&twin, "a@x"), before);
    assert_eq!(waiting(&twin, 1), ["kept"]);
    // The number of the account that never was is free again, as after a real power cut.
    apply(&mut twin, create("c@x"));
    assert_eq!(account(&twin, "c@x").id, AccountId(2));

    twin.sync();
    twin.crash();
    assert_eq!(account(&twin, "c@x").id, AccountId(2));
}
