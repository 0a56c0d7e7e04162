//! Every combination of an archive query's fields, against a reference that filters a list.

mod common;

use base::ledger::{ArchiveQuery, Copy, NewMessage, Query, Rows, Write};
use base::limits::PAGE_BYTES_MAX;
use base::{AccountId, NodeId, Wall};
use common::{Directory, bare};
use store::{Sqlite, Store, Twin};

/// A history whose clock went back once, with two others, a copy that only waited, and numbers on both sides of 256s.
fn history() -> Vec<Copy> {
    [
        (1, "b@x", 10, true),
        (2, "c@x", 20, true),
        (255, "b@x", 30, false),
        (256, "b@x", 40, true),
        (511, "c@x", 15, true),
        (512, "b@x", 50, true),
    ]
    .map(|(seq, with, filed, archived)| Copy {
        account: AccountId(1),
        seq,
        with: bare(with),
        filed: Wall(filed),
        first_node: NodeId(seq % 2),
        first_seq: 100 - seq,
        archived,
        pending: true,
    })
    .into()
}

#[test]
fn all_combinations_are_as_a_list_has_them() {
    let directory = Directory::new();
    let (mut sqlite, mut twin) = (Sqlite::open(&directory.store()).unwrap(), Twin::new());
    let mut batches = vec![common::create("a@x"), common::create("z@x")];
    for copy in history() {
        let stanza = format!("<m{}/>", copy.seq).into_bytes().into();
        let other = Copy { account: AccountId(2), ..copy.clone() };
        let (copies, posts) = (vec![copy, other], vec![]);
        batches.push(vec![Write::AddMessage(NewMessage { stanza, origin: Wall(-1), copies, posts })]);
    }
    assert!(sqlite.apply(&batches).iter().chain(&twin.apply(&batches)).all(Result::is_ok));

    let withs = [None, Some("b@x"), Some("c@x"), Some("nobody@x")];
    let walls = [None, Some(i64::MIN), Some(15), Some(16), Some(40), Some(i64::MAX)];
    let places = [None, Some(i64::MIN), Some(0), Some(2), Some(256), Some(512), Some(i64::MAX)];
    let mut asked = 0;
    for with in withs {
        for (start, end) in walls.iter().flat_map(|start| walls.map(|end| (*start, end))) {
            for (after, before) in places.iter().flat_map(|after| places.map(|before| (*after, before))) {
                for (limit, last) in [0, 1, 2, 5, 6, u32::MAX].map(|n| [(n, false), (n, true)]).concat() {
                    let q = ArchiveQuery {
                        account: AccountId(1),
                        with: with.map(bare),
                        start: start.map(Wall),
                        end: end.map(Wall),
                        after,
                        before,
                        last,
                        limit,
                        count: limit < 2,
                    };
                    let expect = reference(&q);
                    let query = Query::Archive(q);
                    check(sqlite.answer(&query).unwrap(), &expect, &query);
                    check(twin.answer(&query).unwrap(), &expect, &query);
                    asked += 1;
                }
            }
        }
    }
    assert_eq!(asked, 4 * 36 * 49 * 12);
}

/// Numbers of the page, whether it is complete, and the count.
type Expect = (Vec<i64>, bool, Option<u64>);

fn reference(q: &ArchiveQuery) -> Expect {
    let mut set = history();
    set.retain(|c| c.archived);
    set.retain(|c| q.with.as_ref().is_none_or(|with| c.with == *with));
    set.retain(|c| q.start.is_none_or(|start| start <= c.filed) && q.end.is_none_or(|end| c.filed <= end));
    let count = q.count.then_some(set.len() as u64);
    let mut page: Vec<i64> = set.iter().map(|c| c.seq).collect();
    page.retain(|seq| q.after.is_none_or(|after| after < *seq) && q.before.is_none_or(|before| *seq < before));
    let mut complete = true;
    while page.len() > q.limit as usize {
        page.remove(if q.last { 0 } else { page.len() - 1 });
        complete = false;
    }
    (page, complete, count)
}

#[track_caller]
fn check(rows: Rows, expect: &Expect, query: &Query) {
    let Rows::Page(page) = rows else { panic!("{rows:?}") };
    let numbers: Vec<i64> = page.messages.iter().map(|m| m.seq).collect();
    assert_eq!((&numbers, page.complete, page.count), (&expect.0, expect.1, expect.2), "{query:?}");
    for m in &page.messages {
        let copy = history().into_iter().find(|c| c.seq == m.seq).unwrap();
        assert_eq!(*m.stanza, *format!("<m{}/>", m.seq).as_bytes());
        assert_eq!((m.origin, &m.with, m.filed, m.archived, m.pending), (Wall(-1), &copy.with, copy.filed, true, true));
        assert_eq!((m.first_node, m.first_seq), (copy.first_node, copy.first_seq));
    }
}

/// Messages of this size, and how many come in one page. One that is larger than a page still comes.
#[test]
fn pages_are_limited_in_bytes() {
    for (bytes, expect) in [
        (PAGE_BYTES_MAX / 4, 4),
        (PAGE_BYTES_MAX / 4 + 1, 3),
        (PAGE_BYTES_MAX - 1, 1),
        (PAGE_BYTES_MAX, 1),
        (PAGE_BYTES_MAX + 1, 1),
        (PAGE_BYTES_MAX * 10, 1),
    ] {
        let directory = Directory::new();
        let (mut sqlite, mut twin) = (Sqlite::open(&directory.store()).unwrap(), Twin::new());
        let mut batches = vec![common::create("a@x")];
        let stanza: std::sync::Arc<[u8]> = vec![b'x'; bytes].into();
        for seq in 1..=5 {
            let copy = Copy { seq, first_seq: seq, ..history().remove(0) };
            let message = NewMessage { stanza: stanza.clone(), origin: Wall(0), copies: vec![copy], posts: vec![] };
            batches.push(vec![Write::AddMessage(message)]);
        }
        assert!(sqlite.apply(&batches).iter().chain(&twin.apply(&batches)).all(Result::is_ok));
        let (account, limit) = (AccountId(1), 5);
        for store in [&sqlite as &dyn Store, &twin] {
            for last in [false, true] {
                let (with, start, end, after, before) = (None, None, None, None, None);
                let q = ArchiveQuery { account, with, start, end, after, before, last, limit, count: false };
                let Rows::Page(page) = store.answer(&Query::Archive(q)).unwrap() else { panic!("it is a page") };
                let numbers: Vec<i64> = page.messages.iter().map(|m| m.seq).collect();
                let first = if last { 6 - expect } else { 1 };
                assert_eq!((numbers, page.complete), ((first..first + expect).collect(), false), "{bytes} {last}");
            }
            let rows = store.answer(&Query::Pending { account, after: 0, limit }).unwrap();
            let Rows::Messages(rows) = rows else { panic!("they are messages") };
            assert_eq!(rows.len() as i64, expect, "{bytes}");
        }
    }
}
