//! A node for fuzz targets: a shard and the store's twin, with clients that are authenticated already. Nothing happens by
//! itself: the target says when the store writes, tells, answers or fails, and when bytes have left.
//!
//! It is [`crate::Bench`] without its wires, clocks and logins, which would cost a hundred times what a shard does.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base::ledger::{ArchiveQuery, Batch, MessageRow, Opened, Query, Rows, StoreError, Write};
use base::{Bare, ConnId, DeviceId, Now, Ticket, Time, Wall};
use mesh::post::{Parcel, Seen};
use store::{Store as _, Twin};
use wire::{Frame, Framer, Mode, Stanza};
use xmpp::{Command, Config, Hosts, Input, Language, Output, Shard};

use super::CLIENT_HEADER;
use crate::node::credentials;
use crate::xml::{Heard, Reader, Tree};

/// The domain of the house.
pub(super) const DOMAIN: &str = "x.example";

/// Who lives here. The last one says anything.
pub(super) const PEOPLE: [&str; 4] = ["a", "b", "c", "eve"];

/// The person who says anything.
pub(super) const EVE: usize = 3;

/// How long a broken session may be resumed.
pub(super) const RESUME_TIME_MAX: Duration = Duration::from_secs(300);

/// More rounds than any input needs until all is quiet.
const ROUNDS_MAX: usize = 1000;

static HOSTS: LazyLock<Arc<Hosts>> =
    LazyLock::new(|| Arc::new(Hosts { primary: DOMAIN.into(), served: vec![DOMAIN.into()], ..Hosts::default() }));

static ADDRESSES: LazyLock<Vec<Bare>> =
    LazyLock::new(|| PEOPLE.map(|name| Bare::new(&format!("{name}@{DOMAIN}")).expect("they have proper names")).into());

static FIRST: LazyLock<Vec<Batch>> = LazyLock::new(|| (0..PEOPLE.len()).map(|person| vec![create(person)]).collect());

/// The address of a person.
pub(super) fn address(person: usize) -> Bare {
    ADDRESSES[person].clone()
}

fn create(person: usize) -> Write {
    Write::CreateAccount { address: address(person), credentials: credentials("secret"), created: Wall(0) }
}

/// How far a client has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It wants to be bound, or to resume.
    Waiting,
    Bound,
    /// It may not resume.
    Refused,
    /// The node has ended it, and has not heard yet that it is gone.
    Ended,
    Gone,
}

/// One connection.
pub(super) struct Line {
    pub(super) person: usize,
    pub(super) stage: Stage,
    framer: Framer,
    /// Made when the first bytes come that somebody listens to.
    reader: Option<Reader>,
    /// The node wants to know when what it has written has left.
    pub(super) notify: bool,
}

/// What a client hears.
pub(super) struct Said {
    pub(super) line: usize,
    pub(super) heard: Heard,
}

/// See the module.
pub(super) struct House {
    archive: bool,
    pub(super) now: Now,
    shard: Shard,
    twin: Twin,
    /// Batches that wait for the writer.
    queue: VecDeque<(Ticket, Batch)>,
    /// What came of those that it has written.
    done: VecDeque<(Ticket, Result<(), StoreError>)>,
    settled: Ticket,
    given: Ticket,
    reads: Vec<(Ticket, Query, Option<Ticket>)>,
    hashes: VecDeque<Bare>,
    commands: BTreeSet<u64>,
    pub(super) lines: Vec<Line>,
    said: VecDeque<Said>,
    /// Devices in reach.
    reach: BTreeSet<DeviceId>,
    /// What is said to them, by whom of the [`PEOPLE`].
    pub(super) parcels: VecDeque<(Bare, DeviceId, Vec<u8>)>,
    /// What goes to the link for programs without a server.
    pub(super) to_link: VecDeque<Stanza<'static>>,
    /// What the streams of those who are bound from now on say of their language.
    pub(super) language: Option<Language>,
    /// Whether what clients hear is read. What always comes need not be read always.
    pub(super) listens: bool,
}

impl House {
    /// A node on which the [`PEOPLE`] have accounts.
    pub(super) fn new(archive: bool) -> House {
        let mut twin = Twin::new();
        twin.apply(&FIRST);
        twin.sync();
        let now = Now { mono: Time(1_000_000), wall: Wall(1_795_168_380_000) };
        House {
            archive,
            now,
            shard: shard(archive, now),
            twin,
            queue: VecDeque::new(),
            done: VecDeque::new(),
            settled: Ticket(0),
            given: Ticket(0),
            reads: Vec::new(),
            hashes: VecDeque::new(),
            commands: BTreeSet::new(),
            lines: Vec::new(),
            said: VecDeque::new(),
            reach: BTreeSet::new(),
            parcels: VecDeque::new(),
            to_link: VecDeque::new(),
            language: None,
            listens: true,
        }
    }

    // --- clients ----------------------------------------------------------------------------------------------------

    /// Somebody has authenticated, and wants to be bound. Gives the number of the connection.
    pub(super) fn bind(&mut self, person: usize, resource: Option<&str>) -> usize {
        let line = self.connect(person);
        self.bind_again(line, resource);
        line
    }

    /// Who may not resume wants to be bound instead.
    pub(super) fn bind_again(&mut self, line: usize, resource: Option<&str>) {
        self.lines[line].stage = Stage::Waiting;
        let (conn, address) = (conn(line), address(self.lines[line].person));
        self.tell(Input::Bind {
            conn,
            address,
            resource: resource.map(str::to_owned),
            id: "bind".into(),
            language: self.language,
        });
    }

    /// Somebody has authenticated, and wants an earlier session.
    pub(super) fn resume(&mut self, person: usize, previd: &str, handled: u32) -> usize {
        let line = self.connect(person);
        let input = Input::Resume { conn: conn(line), address: address(person), previd: previd.into(), handled };
        self.tell(input);
        line
    }

    fn connect(&mut self, person: usize) -> usize {
        let mut framer = Framer::new(Mode::Client);
        framer.authenticated();
        assert!(matches!(framer.next(&mut CLIENT_HEADER.as_bytes()), Ok(Some(Frame::Open(_)))));
        self.lines.push(Line { person, stage: Stage::Waiting, framer, reader: None, notify: false });
        self.lines.len() - 1
    }

    /// A bound client says something.
    pub(super) fn say(&mut self, line: usize, mut bytes: &[u8]) {
        let mut framer = std::mem::replace(&mut self.lines[line].framer, Framer::new(Mode::Client));
        while self.lines[line].stage == Stage::Bound {
            let input = match framer.next(&mut bytes) {
                Ok(None) => break,
                Ok(Some(frame)) => Input::Frame { conn: conn(line), frame },
                Err(error) => Input::Broken { conn: conn(line), error },
            };
            self.tell(input);
        }
        self.lines[line].framer = framer;
    }

    /// All that was written to a client has left.
    pub(super) fn drained(&mut self, line: usize) {
        if std::mem::take(&mut self.lines[line].notify) && self.lines[line].stage == Stage::Bound {
            self.tell(Input::Drained { conn: conn(line) });
        }
    }

    /// A connection is gone.
    pub(super) fn close(&mut self, line: usize) {
        if self.lines[line].stage != Stage::Gone {
            self.lines[line].stage = Stage::Gone;
            self.tell(Input::Closed { conn: conn(line) });
        }
    }

    /// What somebody has heard and the target has not looked at.
    pub(super) fn next_said(&mut self) -> Option<Said> {
        self.said.pop_front()
    }

    // --- neighbours -------------------------------------------------------------------------------------------------

    /// A device of somebody elsewhere comes in reach, or leaves.
    pub(super) fn reach(&mut self, device: DeviceId, address: &Bare, up: bool) {
        let _ = if up { self.reach.insert(device) } else { self.reach.remove(&device) };
        self.tell(Input::Reach { device, address: address.clone(), up });
    }

    /// Whether the store has taken all that one of the [`PEOPLE`] has heard of a device up to a number.
    fn has_taken(&self, own: &Bare, device: DeviceId, incarnation: u64, upto: u64) -> bool {
        let Ok(Rows::Account(Some(opened))) = self.twin.answer(&Query::Account(own.clone())) else { return false };
        let Ok(Rows::Received(rows)) = self.twin.answer(&Query::Received { account: opened.row.id, device }) else {
            return false;
        };
        let has = |seen: &[u8]| Seen::read(seen).is_ok_and(|seen| seen.has(upto));
        rows.iter().any(|row| row.incarnation == incarnation && has(&row.seen))
    }

    /// What the house says to a device must be true.
    fn judge_parcel(&self, own: &Bare, device: DeviceId, bytes: &[u8]) {
        assert!(self.reach.contains(&device), "{own} speaks to somebody who is not in reach");
        if let Parcel::Confirm { incarnation, upto } = Parcel::read(bytes).expect("it is a parcel") {
            assert!(self.has_taken(own, device, incarnation, upto), "{upto} is confirmed and not durable");
        }
    }

    // --- the person who runs the node -------------------------------------------------------------------------------

    /// An order. Its answer must come once.
    pub(super) fn command(&mut self, command: Command) {
        let id = self.given.0 * 1000 + self.commands.len() as u64 + self.lines.len() as u64;
        if self.commands.insert(id) {
            self.tell(Input::Command { id, command });
        }
    }

    /// An account as the store has it now.
    pub(super) fn account(&self, person: usize) -> Option<Opened> {
        match self.twin.answer(&Query::Account(address(person))) {
            Ok(Rows::Account(found)) => found,
            other => panic!("{other:?}"),
        }
    }

    /// What the store has of a person: what waits, and the history.
    pub(super) fn kept(&self, person: usize) -> Vec<MessageRow> {
        let Some(Opened { row, .. }) = self.account(person) else { return Vec::new() };
        let archive = ArchiveQuery {
            account: row.id,
            with: None,
            start: None,
            end: None,
            after: None,
            before: None,
            last: false,
            limit: u32::MAX,
            count: false,
        };
        let pending = Query::Pending { account: row.id, after: 0, limit: u32::MAX };
        match (self.twin.answer(&pending), self.twin.answer(&Query::Archive(archive))) {
            (Ok(Rows::Messages(mut rows)), Ok(Rows::Page(page))) => {
                rows.extend(page.messages);
                rows
            }
            other => panic!("{other:?}"),
        }
    }

    // --- the store --------------------------------------------------------------------------------------------------

    /// The writer takes the next batch. It is durable then, or was not written.
    pub(super) fn write(&mut self, fails: Option<StoreError>) {
        let Some((ticket, batch)) = self.queue.pop_front() else { return };
        let result = match fails {
            Some(error) => Err(error),
            None => self.twin.apply(&[batch]).remove(0),
        };
        self.twin.sync();
        self.done.push_back((ticket, result));
    }

    /// The writer tells what came of a batch.
    pub(super) fn report(&mut self) {
        let Some((ticket, result)) = self.done.pop_front() else { return };
        self.settled = ticket;
        self.tell(Input::Stored { ticket, result });
    }

    /// A reader answers one of the questions that it may answer now.
    pub(super) fn answer(&mut self, which: usize, fails: Option<StoreError>) {
        let ready = |(_, _, after): &(Ticket, Query, Option<Ticket>)| after.is_none_or(|after| after <= self.settled);
        let may: Vec<usize> = (0..self.reads.len()).filter(|i| ready(&self.reads[*i])).collect();
        if may.is_empty() {
            return;
        }
        let (ticket, query, _) = self.reads.remove(may[which % may.len()]);
        let rows = fails.map_or_else(|| self.twin.answer(&query), Err);
        self.tell(Input::Rows { ticket, rows });
    }

    /// A password has been hashed.
    pub(super) fn hashed(&mut self) {
        if let Some(address) = self.hashes.pop_front() {
            self.tell(Input::Hashed { address, made: Ok(credentials("another")) });
        }
    }

    /// The power goes and comes back: what is durable is there, nothing else.
    pub(super) fn crash(&mut self) {
        self.lines.iter_mut().for_each(|line| line.stage = Stage::Gone);
        self.shard = shard(self.archive, self.now);
        (self.settled, self.given) = (Ticket(0), Ticket(0));
        self.queue.clear();
        self.done.clear();
        self.reads.clear();
        self.hashes.clear();
        self.commands.clear();
        self.reach.clear();
    }

    // --- time -------------------------------------------------------------------------------------------------------

    /// Time passes; the calendar may be set meanwhile.
    pub(super) fn pass(&mut self, time: Duration, wall_ms: i64) {
        let end = self.now.mono + time;
        for _ in 0..ROUNDS_MAX {
            let due = self.shard.wake_at().filter(|due| *due <= end);
            self.now.mono = self.now.mono.max(due.unwrap_or(end));
            if due.is_none() {
                self.now.wall.0 = self.now.wall.0.saturating_add(wall_ms);
                return;
            }
            self.tell(Input::Timeout);
        }
        panic!("a deadline comes again and again");
    }

    /// Everything that is under way happens, and nothing fails.
    pub(super) fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if self.queue.is_empty() && self.done.is_empty() && self.reads.is_empty() && self.hashes.is_empty() {
                if self.lines.iter().all(|line| !line.notify || line.stage != Stage::Bound) {
                    assert!(self.commands.is_empty(), "a command is answered");
                    return;
                }
                (0..self.lines.len()).for_each(|line| self.drained(line));
            }
            self.write(None);
            self.report();
            self.answer(0, None);
            self.hashed();
        }
        panic!("it never becomes idle");
    }

    /// Bytes of stanzas that the shard has in memory.
    pub(super) fn held_bytes(&mut self) -> usize {
        self.tell(Input::Timeout);
        self.shard.held_bytes()
    }

    // --- inside -----------------------------------------------------------------------------------------------------

    /// Tells the shard something else, and does what it says.
    pub(super) fn tell(&mut self, input: Input<'_>) {
        self.shard.handle(self.now, input);
        self.drain();
    }

    /// Does what the shard says, and looks whether it may say so.
    fn drain(&mut self) {
        let mut expelled = Vec::new();
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Write { conn, bytes } => {
                    let number = number(conn);
                    let line = &mut self.lines[number];
                    if line.stage == Stage::Gone {
                        continue;
                    }
                    assert_ne!(line.stage, Stage::Ended, "written behind the end: {}", String::from_utf8_lossy(bytes));
                    if !self.listens {
                        continue;
                    }
                    let (reader, mut rest) = (line.reader.get_or_insert_with(reader), bytes);
                    loop {
                        match reader.next(&mut rest) {
                            Ok(Some(heard)) => self.said.push_back(Said { line: number, heard }),
                            Ok(None) => break,
                            Err(why) => panic!("{why}: {}", String::from_utf8_lossy(bytes)),
                        }
                    }
                }
                Output::NotifyDrained { conn } => self.lines[number(conn)].notify = true,
                Output::Bound { conn } => {
                    let line = &mut self.lines[number(conn)];
                    assert_eq!(line.stage, Stage::Waiting, "only who wants to be is bound");
                    line.stage = Stage::Bound;
                }
                Output::Close { conn } => {
                    let line = &mut self.lines[number(conn)];
                    if line.stage != Stage::Gone {
                        assert_ne!(line.stage, Stage::Ended, "closed twice");
                        line.stage = Stage::Ended;
                    }
                }
                Output::ResumeRefused { conn, .. } => {
                    let line = &mut self.lines[number(conn)];
                    if line.stage != Stage::Gone {
                        assert_eq!(line.stage, Stage::Waiting, "only who wants to resume is refused");
                        line.stage = Stage::Refused;
                    }
                }
                Output::Store { ticket, batch } => {
                    assert_eq!(ticket.0, self.given.0 + 1, "tickets are in order");
                    assert!(!batch.is_empty(), "an empty batch is no work");
                    self.given = ticket;
                    self.queue.push_back((ticket, batch));
                }
                Output::Read { ticket, query, after } => {
                    assert!(
                        after.is_none_or(|after| after <= Ticket(self.given.0 + 1)),
                        "a read waits for what there is"
                    );
                    self.reads.push((ticket, query, after));
                }
                Output::Hash { address, .. } => self.hashes.push_back(address),
                Output::Expel { address } => expelled.push(address),
                Output::Settings | Output::Verify { .. } => {}
                Output::Gateway { stanza } => self.to_link.push_back(stanza),
                Output::Parcel { from, to, bytes } => {
                    self.judge_parcel(&from, to, &bytes);
                    self.parcels.push_back((from, to, bytes));
                }
                Output::Reply { id, .. } => assert!(self.commands.remove(&id), "a command is answered once"),
            }
        }
        for address in expelled {
            for line in 0..self.lines.len() {
                let waits = matches!(self.lines[line].stage, Stage::Waiting | Stage::Refused);
                if waits && ADDRESSES[self.lines[line].person] == address {
                    self.close(line);
                }
            }
        }
    }
}

fn shard(archive: bool, now: Now) -> Shard {
    let hosts = Arc::clone(&HOSTS);
    let config = Config {
        hosts,
        node: 7,
        archive,
        contact: true,
        links: true,
        resume_time_max: RESUME_TIME_MAX,
        version: "0.0",
    };
    Shard::new(config, now, [7; 32])
}

/// Inside a stream, where whole elements come.
fn reader() -> Reader {
    let mut reader = Reader::new();
    assert!(matches!(reader.next(&mut CLIENT_HEADER.as_bytes()), Ok(Some(Heard::Header(_)))));
    reader
}

fn conn(line: usize) -> ConnId {
    ConnId(line as u64 + 1)
}

fn number(conn: ConnId) -> usize {
    conn.0 as usize - 1
}

/// What arbitrary bytes become before a client says them: text that the other reader can read (see
/// [`super::rxml_can_read`]).
pub(super) fn sayable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if super::rxml_can_read(text.as_bytes()) {
        return text.into_owned();
    }
    text.replace(['\r', char::REPLACEMENT_CHARACTER], "?")
        .replace(|c| ('\u{fdf0}'..='\u{fffd}').contains(&c), "?")
        .replace("&#", "#")
}

/// Whether this is what a client is told of a stanza with this id.
pub(super) fn has_id(tree: &Tree, id: &str) -> bool {
    tree.is_stanza() && tree.attr("id") == Some(id)
}
