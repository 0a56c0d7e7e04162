//! Attack case C14: SQL in any string is text, and comes back as it went in.

mod common;

use base::ledger::{
    ArchiveQuery, Credential, NewMessage, Page, Query, Record, RecordKind, Rows, ScramHash, StoreError, Write,
};
use base::{AccountId, NodeId, Wall};
use common::{Directory, bare};
use store::{Sqlite, Store, Twin};

const TEXTS: [&str; 14] = [
    "",
    "'",
    "''",
    "\"",
    "'; DROP TABLE account; --",
    "1 OR 1=1",
    "' OR ''='",
    "%",
    "_",
    "?1",
    ":account",
    "\0",
    "a\0b",
    "\u{202e}\u{fffd}\u{10ffff}",
];

/// What a bare address can carry of it: no quotes and no blanks, but this.
const ADDRESSES: [&str; 6] = ["1);drop.table.account;--@x", "?1@x", "%@x", "_@x", "a\\20or\\201=1@x", "$account@x"];

fn check(store: &mut dyn Store) {
    common::apply(store, common::create("a@x"));
    let account = AccountId(1);
    let mut version = 0;
    for kind in RecordKind::ALL {
        for text in TEXTS {
            version += 1;
            let record = Record {
                account,
                kind,
                key: text.into(),
                value: Some(text.into()),
                clock: version as u64,
                node: NodeId::SELF,
                version,
            };
            common::apply(store, vec![Write::PutRecord(record)]);
        }
        let Ok(Rows::Records(rows)) = store.answer(&Query::Records { account, kind }) else { panic!("{kind:?}") };
        let mut expect = TEXTS;
        expect.sort_unstable();
        assert_eq!(rows.iter().map(|r| r.key.as_str()).collect::<Vec<_>>(), expect);
        assert!(rows.iter().all(|r| r.value.as_deref() == Some(r.key.as_bytes())));
    }

    let mut seq = 0;
    for (number, address) in (2..).zip(ADDRESSES) {
        assert_eq!(store.answer(&Query::Account(bare(address))), Ok(Rows::Account(None)));
        common::apply(store, common::create(address));
        assert_eq!(common::account(store, address).id, AccountId(number));
        for text in TEXTS {
            seq += 1;
            let copies = vec![common::copy(1, seq, address)];
            let message = NewMessage { stanza: text.as_bytes().into(), origin: Wall(0), copies, posts: vec![] };
            common::apply(store, vec![Write::AddMessage(message)]);
        }
        let query = ArchiveQuery {
            account,
            with: Some(bare(address)),
            start: None,
            end: None,
            after: None,
            before: None,
            last: false,
            limit: 100,
            count: true,
        };
        let Ok(Rows::Page(Page { messages, count, .. })) = store.answer(&Query::Archive(query)) else {
            panic!("{address}")
        };
        assert_eq!(messages.iter().map(|m| &*m.stanza).collect::<Vec<_>>(), TEXTS.map(str::as_bytes));
        assert_eq!(count, Some(TEXTS.len() as u64));

        let credentials = TEXTS[4..6].iter().zip([ScramHash::Sha1, ScramHash::Sha256]).map(|(text, hash)| Credential {
            hash,
            salt: (*text).into(),
            iterations: u32::MAX,
            stored_key: (*text).into(),
            server_key: vec![],
        });
        let credentials: Vec<_> = credentials.collect();
        let id = AccountId(number);
        common::apply(store, vec![Write::SetCredentials { account: id, credentials: credentials.clone() }]);
        let rows = store.answer(&Query::Credentials(bare(address)));
        assert_eq!(rows, Ok(Rows::Credentials(Some((id, credentials)))));
    }
    assert_eq!(store.apply(&[common::create("a@x")]), [Err(StoreError::Taken)]);
}

#[test]
fn sql_in_a_string_is_text() {
    let directory = Directory::new();
    check(&mut Sqlite::open(&directory.store()).unwrap());
    check(&mut Twin::new());
}
