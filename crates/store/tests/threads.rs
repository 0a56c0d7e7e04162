//! The writer's and the readers' threads: groups, order, what is told when, and the end.

mod common;

use std::sync::mpsc::{Receiver, Sender, channel};

use base::Ticket;
use base::ledger::{Batch, Query, Rows, StoreError};
use base::limits::COMMIT_BATCHES_MAX;
use common::{Directory, bare};
use store::{Queued, Readers, Sqlite, Store, Twin, Writer};

/// A store that tells the size of each group, and applies it only when it is let.
struct Gate {
    twin: Twin,
    sizes: Sender<usize>,
    open: Receiver<()>,
}

impl Store for Gate {
    fn apply(&mut self, batches: &[Batch]) -> Vec<Result<(), StoreError>> {
        self.sizes.send(batches.len()).unwrap();
        self.open.recv().unwrap();
        self.twin.apply(batches)
    }

    fn sweep(&mut self) -> Result<bool, StoreError> {
        self.twin.sweep()
    }

    fn answer(&self, query: &Query) -> Result<Rows, StoreError> {
        self.twin.answer(query)
    }
}

#[test]
fn all_that_waits_is_one_group_up_to_the_limit() {
    const MAX: usize = COMMIT_BATCHES_MAX;
    for (waiting, groups) in
        [(1, vec![1]), (MAX - 1, vec![MAX - 1]), (MAX, vec![MAX]), (MAX + 1, vec![MAX, 1]), (10 * MAX, vec![MAX; 10])]
    {
        let ((sizes, told_sizes), (open, gate), (done, told)) = (channel(), channel(), channel());
        let writer = Writer::start(Gate { twin: Twin::new(), sizes, open: gate }, move |group| {
            done.send(group).unwrap();
        })
        .unwrap();
        writer.submit(Ticket(0), common::create("a@x")).unwrap();
        assert_eq!(told_sizes.recv(), Ok(1), "a lone batch waits for nobody");
        for n in 1..=waiting {
            writer.submit(Ticket(n as u64), common::create("a@x")).unwrap();
        }
        let queued = writer.queued();
        assert_eq!(queued.items, waiting + 1);
        assert!(queued.bytes >= (waiting + 1) * size_of::<base::ledger::Write>());

        open.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), [(Ticket(0), Ok(()))]);
        let mut next = 1;
        for size in groups {
            assert_eq!(told_sizes.recv(), Ok(size));
            open.send(()).unwrap();
            let expect: Vec<_> = (next..next + size).map(|n| (Ticket(n as u64), Err(StoreError::Taken))).collect();
            assert_eq!(told.recv().unwrap(), expect);
            next += size;
        }
        assert_eq!(writer.queued(), Queued::default());
    }
}

#[test]
fn shutdown_waits_until_everything_is_durable() {
    let directory = Directory::new();
    let (done, told) = channel();
    let writer =
        Writer::start(Sqlite::open(&directory.store()).unwrap(), move |group| done.send(group).unwrap()).unwrap();
    writer.submit(Ticket(0), common::create("a@x")).unwrap();
    for seq in 1..=1000 {
        writer.submit(Ticket(seq as u64), common::message("m", vec![common::copy(1, seq, "b@x")])).unwrap();
    }
    writer.shutdown();
    let tickets: Vec<u64> = told
        .into_iter()
        .flatten()
        .map(|(ticket, result)| (result, ticket.0))
        .map(|(r, t)| {
            assert_eq!(r, Ok(()));
            t
        })
        .collect();
    assert_eq!(tickets, (0..=1000).collect::<Vec<u64>>());
    assert_eq!(common::account(&Sqlite::open(&directory.store()).unwrap(), "a@x").pending, 1000);
}

#[test]
fn a_dead_writer_says_so() {
    let writer = Writer::start(Twin::new(), |_| panic!("of the caller's own making")).unwrap();
    let refused = (0..).find_map(|n| writer.submit(Ticket(n), vec![]).err());
    assert_eq!(refused, Some(StoreError::Failed("the writer has stopped".into())));
}

#[test]
fn readers_see_what_was_told_to_be_durable() {
    let directory = Directory::new();
    let store = Sqlite::open(&directory.store()).unwrap();
    let (answer, answers) = channel();
    let readers = Readers::start(vec![store.reader().unwrap(), store.reader().unwrap()], move |ticket, rows| {
        answer.send((ticket, rows)).unwrap();
    })
    .unwrap();
    let (done, told) = channel();
    let writer = Writer::start(store, move |group| done.send(group).unwrap()).unwrap();
    writer.submit(Ticket(0), common::create("a@x")).unwrap();
    told.recv().unwrap();
    for seq in 1..=50u64 {
        let copies = vec![common::copy(1, seq as i64, "b@x")];
        writer.submit(Ticket(seq), common::message("m", copies)).unwrap();
        told.recv().unwrap();
        readers.submit(Ticket(seq), Query::Account(bare("a@x"))).unwrap();
        match answers.recv().unwrap() {
            (ticket, Ok(Rows::Account(Some(opened)))) => assert_eq!((ticket.0, opened.row.pending), (seq, seq)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(readers.queued(), Queued::default());
    for ticket in 0..100 {
        readers.submit(Ticket(ticket), Query::Accounts).unwrap();
    }
    readers.shutdown();
    let mut tickets: Vec<u64> = answers.into_iter().map(|(ticket, _)| ticket.0).collect();
    tickets.sort_unstable();
    assert_eq!(tickets, (0..100).collect::<Vec<u64>>());
}
