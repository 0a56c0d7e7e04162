//! Design, sections 5 and 7, `docs/formats/post.md`: everybody on the link against a shard with accounts whose clients look at
//! what they are told.
//!
//! The bytes are a script: devices come in reach and leave, say what they may and what they may not, in order and out of it; so
//! do those that a gateway finds; circles and audiences change; clients read lists and do things with who is in them; the
//! store fails, clocks jump, the power goes.

mod roster;
mod words;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use base::ledger::StoreError;
use base::limits::{NEAR_CHARS_MAX, NEAR_MESSAGES_MAX};
use base::{Audience, Bare, Circle, DeviceId};
use mesh::finding::Reason;
use mesh::post::{Copied, Lasting, OriginId, Parcel};
use mesh::verification::{Cause, Event};
use wire::{Packer, Stanza};
use xmpp::{Choice, Command, Input, Language};

use self::roster::Roster;
use self::words::{ABOUT, HARMLESS, ON_LINK, OWN, THEIRS};
use super::house::{DOMAIN, House, PEOPLE, Said, Stage, address};
use super::script::Script;
use crate::xml::{Heard, Tree};

/// More steps than a script needs to get anywhere.
const STEPS_MAX: usize = 96;

/// More bytes of stanzas than the shard may have in memory for what such a script says.
const MEMORY_BYTES_MAX: usize = 1 << 20;

/// Those of the [`PEOPLE`] who are here. The last one has another device.
const HERE: usize = 3;
const SHARED: usize = 2;

/// How many there are on the link; several have the same name, or one that looks like another's.
const STRANGERS: usize = 64;

static ADDRESSES: LazyLock<Vec<Bare>> = LazyLock::new(|| {
    let stranger = |n: usize| {
        let name = ["lisa", "paulo", "pau1o", "ana"][n % 4];
        Bare::new(&format!("{name}@w{}-otter.jirani.alt", n / 4)).expect("they have proper names")
    };
    (0..STRANGERS).map(stranger).chain([address(SHARED)]).collect()
});

static NUMBERS: LazyLock<BTreeMap<&str, usize>> =
    LazyLock::new(|| ADDRESSES.iter().enumerate().map(|(n, address)| (address.as_str(), n)).collect());

thread_local! {
    // Making one reads the dictionary.
    static PACKER: RefCell<Packer> = RefCell::new(Packer::new());
}

/// Any bytes, as a script.
///
/// # Panics
/// If the shard does, or breaks a promise.
pub fn neighbour(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let mut play = Play::new(*first);
    let mut script = Script(data);
    for _ in 0..STEPS_MAX {
        let (Some(step), Some(how)) = (script.next(), script.next()) else { break };
        play.step(step, how, &mut script);
        play.listen();
    }
    play.end();
}

/// Who somebody on the link is: the other device of an account here is the last.
fn device(stranger: usize) -> DeviceId {
    DeviceId([stranger as u8 + 1; 32])
}

/// An address of somebody whose program knows no server.
fn on_link(number: usize) -> String {
    let name = ["lisa", "romeo\\40forza", "x", "y"][number % 4];
    format!("{name}@nearby.{DOMAIN}")
}

/// A client's session.
#[derive(Default)]
struct Client {
    person: usize,
    resource: Option<&'static str>,
    /// Once it has asked.
    roster: Option<Roster>,
    /// Questions for the list: what it had, and whether nothing may be different.
    gets: BTreeMap<u32, (Option<Roster>, bool)>,
    /// Questions that are not answered.
    asked: BTreeSet<u32>,
    /// The last dialog of which it has heard.
    dialog: String,
}

/// What a device has said to an account, and heard confirmed.
#[derive(Default)]
struct Lane {
    incarnation: u64,
    counter: u64,
    said: usize,
    confirmed: usize,
    /// What the account has said last.
    owes: Option<(u64, u64)>,
}

/// Whom an account may have let in, at any time. It only grows: what the script has chosen may have failed.
#[derive(Default)]
struct Door {
    audiences: BTreeSet<&'static str>,
    circles: BTreeMap<usize, BTreeSet<Circle>>,
    /// To whom it has said something, or about whom.
    known: BTreeSet<usize>,
    /// Whom a client may have put where people in reach stand.
    kept: BTreeSet<usize>,
    bonjour: bool,
    /// Anybody may be let in.
    open: bool,
    /// Messages that it has heard of people who are only near.
    near: BTreeMap<usize, BTreeSet<String>>,
}

impl Door {
    fn admits(&self, stranger: usize) -> bool {
        let circles = self.circles.get(&stranger).into_iter().flatten().copied().chain([Circle::Red]);
        let admits = |circle: Circle| self.audiences().any(|audience| audience.admits(circle));
        self.open || self.known.contains(&stranger) || circles.into_iter().any(admits)
    }

    fn is_near(&self, stranger: usize) -> bool {
        !self.open && !self.known.contains(&stranger) && !self.circles.contains_key(&stranger)
    }

    fn has_link(&self) -> bool {
        self.open || (self.bonjour && self.audiences().any(|audience| audience.admits(Circle::Red)))
    }

    fn audiences(&self) -> impl Iterator<Item = Audience> {
        self.audiences.iter().filter_map(|name| Audience::named(name))
    }
}

struct Play {
    house: House,
    /// By line.
    clients: BTreeMap<usize, Client>,
    resources: BTreeMap<usize, Option<&'static str>>,
    doors: [Door; HERE],
    lanes: BTreeMap<(usize, usize), Lane>,
    /// Strangers in reach.
    up: BTreeSet<usize>,
    next: u32,
}

impl Play {
    fn new(how: u8) -> Play {
        let mut play = Play {
            house: House::new(how & 1 == 1),
            clients: BTreeMap::new(),
            resources: BTreeMap::new(),
            doors: std::array::from_fn(|person| Door { open: person == SHARED, ..Door::default() }),
            lanes: BTreeMap::new(),
            up: BTreeSet::new(),
            next: 1,
        };
        for person in 0..HERE {
            let audience = Audience::ALL[(usize::from(how >> 1) + person) % 4];
            play.doors[person].audiences.insert(audience.name());
            if audience != Audience::default() {
                play.choose(person, Choice::Audience(audience));
            }
            if how >> 3 & 1 == 1 {
                play.choose(person, Choice::Bonjour(true));
            }
        }
        play.settle();
        play
    }

    fn step(&mut self, step: u8, how: u8, script: &mut Script<'_>) {
        let fails = (how & 3 == 3).then(|| match how & 4 {
            0 => StoreError::Full,
            _ => StoreError::Failed("it says so".into()),
        });
        let low = usize::from(how) % 8;
        let person = usize::from(how >> 3) % HERE;
        match step % 28 {
            0 | 1 => self.bind(usize::from(how) % HERE, how >> 2),
            2..=6 => self.stranger_says(low, person, script),
            7 => self.stranger_says(usize::from(how) % (STRANGERS + 1), SHARED, script),
            8 | 9 => self.say(usize::from(how), OWN, |word| word < HARMLESS, script),
            10 | 11 => self.say(usize::from(how), ABOUT, |_| true, script),
            12 => self.get_roster(usize::from(how >> 1), how & 1 == 1, false),
            13 => self.reach(low, how & 8 == 0),
            14 => {
                let first = usize::from(how & 7) * 8;
                let count = 1 << (how >> 3 & 7).min(6);
                (first..(first + count).min(STRANGERS + 1)).for_each(|stranger| self.reach(stranger, how & 0x40 == 0));
            }
            15 => self.circle(person, low, [Circle::Green, Circle::Yellow, Circle::Red][usize::from(how >> 6) % 3]),
            16 if how & 0x80 == 0 => self.choose(person, Choice::Audience(Audience::ALL[usize::from(how) % 4])),
            16 => self.choose(person, Choice::Bonjour(how & 1 == 1)),
            17 | 18 => self.link_says(usize::from(how) % 4, person, script),
            19 => self.happens(how, person),
            20 => (0..=how >> 3).for_each(|_| self.house.write(fails.clone())),
            21 => {
                for _ in 0..=how & 7 {
                    self.house.report();
                    self.listen();
                }
            }
            22 => self.house.answer(usize::from(how >> 3), fails),
            23 => {
                let lines = self.house.lines.len().max(1);
                if how & 3 == 0 {
                    self.cut(usize::from(how >> 2) % lines)
                } else {
                    self.drain(usize::from(how >> 2) % lines)
                }
            }
            24 => {
                let wall_ms = (i64::from(how) - 128) * 3_600_000 * i64::from(how & 1);
                self.house.pass(Duration::from_millis(1 << (how >> 3).min(20)), wall_ms);
            }
            25 if how & 7 == 0 => self.crash(),
            25 => self.raw(low, person, script.take(usize::from(how >> 3))),
            _ => self.settle(),
        }
    }

    // --- the house --------------------------------------------------------------------------------------------------

    fn bind(&mut self, person: usize, how: u8) {
        let resource = [None, Some("0"), Some("1"), Some("0")][usize::from(how) % 4];
        self.house.language =
            [None, Some(Language::French), Some(Language::English)].get(usize::from(how >> 2)).copied().flatten();
        let line = self.house.bind(person, resource);
        self.resources.insert(line, resource);
    }

    fn choose(&mut self, person: usize, choice: Choice) {
        let door = &mut self.doors[person];
        match choice {
            Choice::Audience(audience) => drop(door.audiences.insert(audience.name())),
            Choice::Bonjour(on) => door.bonjour |= on,
        }
        self.house.command(Command::Choose { address: address(person), choice });
    }

    fn circle(&mut self, person: usize, stranger: usize, circle: Circle) {
        if circle != Circle::Red {
            self.doors[person].circles.entry(stranger).or_default().insert(circle);
        }
        self.house.tell(Input::Circle { own: address(person), other: ADDRESSES[stranger].clone(), circle });
    }

    /// What the node tells of the world.
    fn happens(&mut self, how: u8, person: usize) {
        let other = ADDRESSES[usize::from(how & 7)].clone();
        let words = ["lamp", "river", "stone"];
        let event = match how >> 5 {
            0 => Event::Asked,
            1 => Event::Waiting,
            2 => Event::Compare { words, begun_here: how & 8 == 0 },
            3 => Event::Verified,
            4 => Event::Failed(Cause::Differed),
            5 => Event::Failed(Cause::TooOften { again_in: Duration::from_secs(60) }),
            6 => return self.house.tell(Input::Network((how & 1 == 1).then_some(Reason::Unheard))),
            _ => return self.house.tell(Input::KeyChanged { address: other }),
        };
        self.house.tell(Input::Verification { own: address(person), other, event });
    }

    fn cut(&mut self, line: usize) {
        if line < self.house.lines.len() {
            self.house.close(line);
        }
    }

    fn drain(&mut self, line: usize) {
        if line < self.house.lines.len() {
            self.house.drained(line);
        }
    }

    fn crash(&mut self) {
        self.house.crash();
        self.up.clear();
    }

    /// All that is under way happens; and then clients have what they would be told anew.
    fn settle(&mut self) {
        self.house.settle();
        self.listen();
        for client in 0..self.clients.len() {
            self.get_roster(client, false, true);
        }
        self.house.settle();
        self.listen();
    }

    // --- people in reach --------------------------------------------------------------------------------------------

    fn reach(&mut self, stranger: usize, up: bool) {
        let _ = if up { self.up.insert(stranger) } else { self.up.remove(&stranger) };
        self.house.reach(device(stranger), &ADDRESSES[stranger], up);
    }

    fn stranger_says(&mut self, stranger: usize, person: usize, script: &mut Script<'_>) {
        let (word, how) = (script.below(THEIRS.len() + 1), script.next().unwrap_or_default());
        let (from, to) = (&ADDRESSES[stranger], address(person));
        let lane = self.lanes.entry((stranger, person)).or_default();
        let Some(word) = THEIRS.get(word) else {
            // It confirms what it has heard.
            let Some((incarnation, upto)) = lane.owes else { return };
            let bytes =
                Parcel::Confirm { incarnation, upto: upto.saturating_sub(u64::from(how >> 7)).max(1) }.to_bytes();
            return self.house.tell(Input::Parcel { from: device(stranger), to, bytes });
        };
        // Somebody else, or somewhere else, in one of many.
        let said_by = if how == 0x41 { &ADDRESSES[1 + stranger % 8] } else { from };
        let said_to = if how == 0x42 { address((person + 1) % HERE) } else { to.clone() };
        let number = self.next;
        self.next += 1;
        let xml = word.replace('S', said_by.as_str()).replace('O', said_to.as_str());
        let xml = xml.replace('N', &number.to_string()).replace('L', &"ñ".repeat(NEAR_CHARS_MAX + 1));
        let xml = xml.replacen(' ', " xmlns='jabber:client' ", 1);
        let stanza = Stanza::parse(xml.as_bytes()).expect("it is a stanza");
        let mut payload = Vec::new();
        PACKER.with_borrow_mut(|packer| packer.pack(&stanza, said_by, &said_to, &mut payload)).expect("it is short");
        let bytes = match how & 3 {
            0 => Parcel::Fleeting { payload: &payload }.to_bytes(),
            _ => lane.say(how, &payload),
        };
        self.house.tell(Input::Parcel { from: device(stranger), to, bytes });
    }

    fn raw(&mut self, stranger: usize, person: usize, bytes: &[u8]) {
        let lane = self.lanes.entry((stranger, person)).or_default();
        // It may be a parcel that is confirmed.
        lane.said += 1;
        self.house.tell(Input::Parcel { from: device(stranger), to: address(person), bytes: bytes.to_vec() });
    }

    /// The gateway says something for somebody.
    fn link_says(&mut self, other: usize, person: usize, script: &mut Script<'_>) {
        let number = self.next;
        self.next += 1;
        let word = ON_LINK[script.below(ON_LINK.len())];
        let xml = word.replace('G', &on_link(other)).replace('O', address(person).as_str());
        let xml = xml.replace('N', &number.to_string()).replacen(' ', " xmlns='jabber:client' ", 1);
        self.house.tell(Input::Gateway { stanza: Stanza::parse(xml.as_bytes()).expect("it is a stanza") });
    }

    // --- clients ----------------------------------------------------------------------------------------------------

    /// A client that is bound, by number.
    fn client(&self, number: usize) -> Option<usize> {
        let bound = |line: &usize| self.house.lines[*line].stage == Stage::Bound;
        let mut there = self.clients.keys().copied().filter(bound);
        let count = there.clone().count().max(1);
        there.nth(number % count)
    }

    fn say<const WORDS: usize>(
        &mut self,
        client: usize,
        words: [&str; WORDS],
        is_harmless: impl Fn(usize) -> bool,
        script: &mut Script<'_>,
    ) {
        let (word, whom) = (script.below(WORDS), script.below(8));
        let Some(line) = self.client(client) else { return };
        let shown = self.clients[&line].roster.as_ref().and_then(|roster| roster.get(ADDRESSES[whom].as_str()));
        let shown = shown.map(|item| item.name.clone());
        if words[word].contains("In reach") && shown.is_none() {
            // A client would make a contact there.
            return;
        }
        let number = self.next;
        self.next += 1;
        let client = self.clients.get_mut(&line).expect("it is bound");
        let door = &mut self.doors[client.person];
        door.open |= !is_harmless(word);
        if words[word].contains("'S") {
            door.known.insert(whom);
        }
        if words[word].contains("In reach") {
            door.kept.insert(whom);
        }
        if words[word].contains("id='q") {
            client.asked.insert(number);
        }
        if words[word].contains("jabber:iq:roster'/>") {
            client.gets.insert(number, (None, false));
        }
        let xml =
            words[word].replace("'S", &format!("'{}", ADDRESSES[whom])).replace("'G", &format!("'{}", on_link(whom)));
        let xml = xml.replace("'C'", &format!("'{}'", client.dialog)).replace('N', &number.to_string());
        let xml = xml.replace("'M'", &format!("'{}'", shown.unwrap_or_default()));
        self.house.say(line, xml.as_bytes());
    }

    /// A client asks for its contacts, perhaps with those that it had when it was here last.
    fn get_roster(&mut self, client: usize, cached: bool, fresh: bool) {
        let line = match fresh {
            true => self.clients.keys().copied().nth(client),
            false => self.client(client),
        };
        let Some(line) = line.filter(|line| self.house.lines[*line].stage == Stage::Bound) else { return };
        let this = &self.clients[&line];
        if fresh && this.roster.is_none() {
            return;
        }
        let same = |c: &&Client| c.person == this.person && c.resource == this.resource && c.roster.is_some();
        let known = self.clients.values().rev().find(same).and_then(|client| client.roster.clone()).filter(|_| cached);
        let version = known.as_ref().map(|known| format!(" ver='{}'", known.version)).unwrap_or_default();
        let number = self.next;
        self.next += 1;
        let client = self.clients.get_mut(&line).expect("it is bound");
        client.asked.insert(number);
        client.gets.insert(number, (known, fresh));
        let xml = format!("<iq type='get' id='q{number}'><query xmlns='jabber:iq:roster'{version}/></iq>");
        self.house.say(line, xml.as_bytes());
    }

    fn listen(&mut self) {
        while let Some(Said { line, heard }) = self.house.next_said() {
            if let Heard::Element(tree) = heard {
                self.hear(line, &tree);
            }
        }
        while let Some((own, to, bytes)) = self.house.parcels.pop_front() {
            let (Some(person), stranger) = (number_of(&own), usize::from(to.0[0]) - 1) else {
                panic!("{own} is nobody here")
            };
            self.lanes.entry((stranger, person)).or_default().hear(&bytes);
        }
        while let Some(stanza) = self.house.to_link.pop_front() {
            let from = stanza.head.from.as_ref().map(Bare::of).expect("somebody says it");
            let person = number_of(&from).expect("somebody here says it");
            assert!(self.doors[person].has_link(), "{from} has nothing to do with the link");
        }
    }

    fn hear(&mut self, line: usize, tree: &Tree) {
        if !self.clients.contains_key(&line) {
            return self.begin(line, tree);
        }
        self.hear_stanza(line, tree);
        let client = self.clients.get_mut(&line).expect("it is bound");
        if let Some(id) = tree.child("command").and_then(|command| command.attr("sessionid")) {
            client.dialog = id.to_owned();
        }
        if tree.name != "iq" {
            return;
        }
        let query = tree.child("query").filter(|query| query.namespace == "jabber:iq:roster");
        match tree.attr("type") {
            Some("set") if query.is_some() => {
                let (roster, query) = (client.roster.as_mut().expect("it has asked"), query.expect("it is a push"));
                assert!(tree.attr("from").is_none(), "a push comes from the account");
                roster.push(query);
            }
            Some("result" | "error") => {
                let number = tree.attr("id").and_then(|id| id.strip_prefix('q')?.parse::<u32>().ok());
                let Some(number) = number.filter(|_| !is_strangers(tree)) else { return };
                assert!(client.asked.remove(&number), "answered twice:\n{tree}");
                let Some((known, fresh)) = client.gets.remove(&number) else { return };
                if tree.attr("type") == Some("error") {
                    return;
                }
                let found = query.map(Roster::of).or(known).expect("only who has a list hears that it is the same");
                if fresh && let Some(roster) = &client.roster {
                    assert_eq!(roster.items(), found.items(), "the pushes told something else");
                }
                client.roster = Some(found);
            }
            _ => {}
        }
    }

    /// The first thing that a connection hears.
    fn begin(&mut self, line: usize, tree: &Tree) {
        if tree.name == "iq" {
            assert_eq!(tree.attr("id"), Some("bind"), "the answer comes first:\n{tree}");
            let (person, resource) = (self.house.lines[line].person, self.resources[&line]);
            self.clients.insert(line, Client { person, resource, ..Client::default() });
        }
    }

    /// Looks whether a client may hear this.
    fn hear_stanza(&mut self, line: usize, tree: &Tree) {
        let client = &self.clients[&line];
        let (person, kind) = (client.person, tree.attr("type"));
        let from = tree.attr("from").unwrap_or_default();
        let bare = from.split('/').next().unwrap_or_default();
        let is_on_link = bare.contains("@nearby.");
        if is_on_link && !(kind == Some("error") || tree.name == "iq") {
            assert!(
                self.doors[person].has_link() || kind == Some("unavailable"),
                "nobody on the link is heard:\n{tree}"
            );
        }
        let is_shown = client.roster.as_ref().is_none_or(|roster| roster.get(bare).is_some());
        if tree.name == "presence" && kind.is_none() && (is_on_link || NUMBERS.contains_key(bare)) && person != SHARED {
            assert!(is_shown, "{} has not been told of them:\n{tree}", PEOPLE[person]);
        }
        self.hear_words(person, tree);
    }

    /// Looks whose words a client hears, however they are wrapped.
    fn hear_words(&mut self, person: usize, tree: &Tree) {
        tree.children.iter().for_each(|child| self.hear_words(person, child));
        let from = tree.attr("from").and_then(|from| from.split('/').next()).unwrap_or_default();
        let Some(stranger) = NUMBERS.get(from).copied().filter(|stranger| *stranger < STRANGERS) else { return };
        let is_answer = tree.name == "iq" && matches!(tree.attr("type"), Some("result" | "error"));
        let door = &mut self.doors[person];
        assert!(
            is_answer || !tree.is_stanza() || door.admits(stranger),
            "{} has let nobody in:\n{tree}",
            PEOPLE[person]
        );
        if tree.name != "message" || !door.is_near(stranger) {
            return;
        }
        assert!(tree.text_of("body").chars().count() <= NEAR_CHARS_MAX, "too much of a stranger");
        assert!(tree.child("x").is_none(), "more than words:\n{tree}");
        let heard = door.near.entry(stranger).or_default();
        heard.insert(tree.attr("id").unwrap_or_default().to_owned());
        assert!(heard.len() <= usize::from(NEAR_MESSAGES_MAX), "{heard:?} of {from}, who was not answered");
    }

    // --- the end ----------------------------------------------------------------------------------------------------

    fn end(mut self) {
        let held = self.house.held_bytes();
        assert!(held <= MEMORY_BYTES_MAX, "{held} bytes are held");
        self.settle();
        for (line, client) in &self.clients {
            if self.house.lines[*line].stage == Stage::Bound {
                assert!(client.asked.is_empty(), "{:?} of {} not answered", client.asked, PEOPLE[client.person]);
            }
        }
        for line in 0..self.house.lines.len() {
            self.house.close(line);
        }
        self.house.settle();
        let last: Vec<usize> = (0..HERE).map(|person| self.house.bind(person, Some("last"))).collect();
        self.resources.extend(last.iter().map(|line| (*line, Some("last"))));
        self.settle();
        for line in &last {
            let client = self.clients.keys().position(|known| known == line).expect("everybody is let in");
            self.house.say(*line, b"<presence/>");
            self.get_roster(client, false, false);
        }
        self.settle();
        self.everybody_leaves(&last);
        for line in 0..self.house.lines.len() {
            self.house.close(line);
        }
        self.house.settle();
        assert_eq!(self.house.held_bytes(), 0, "nobody is here, and nothing is held for anybody");
    }

    /// Nobody is on the link any more; after some minutes nobody stands in a list who is no contact.
    fn everybody_leaves(&mut self, last: &[usize]) {
        for stranger in std::mem::take(&mut self.up) {
            self.reach(stranger, false);
        }
        for (person, other) in (0..HERE).flat_map(|person| (0..4).map(move |other| (person, other))) {
            let xml = ON_LINK[3].replace('G', &on_link(other)).replace('O', address(person).as_str());
            let xml = xml.replacen(' ', " xmlns='jabber:client' ", 1);
            self.house.tell(Input::Gateway { stanza: Stanza::parse(xml.as_bytes()).expect("it is a stanza") });
        }
        for _ in 0..2 {
            self.house.settle();
            self.house.pass(Duration::from_secs(350), 0);
            last.iter().for_each(|line| self.house.say(*line, b"<presence/>"));
        }
        self.settle();
        for line in last {
            let roster = self.clients[line].roster.as_ref().expect("it has asked");
            let kept = &self.doors[self.clients[line].person].kept;
            let is_kept = |address: &str| NUMBERS.get(address).is_some_and(|stranger| kept.contains(stranger));
            let left =
                roster.items().iter().find(|(who, item)| item.is_in_reach() && who.contains('@') && !is_kept(who));
            assert_eq!(left, None, "still in a list");
        }
    }
}

impl Lane {
    /// Something that lasts: the next, once more, or out of order.
    fn say(&mut self, how: u8, payload: &[u8]) -> Vec<u8> {
        self.said += 1;
        if how >= 0xf0 {
            (self.incarnation, self.counter) = (self.incarnation + 1, 0);
        }
        let counter = match how & 3 {
            1 => {
                self.counter += 1;
                self.counter
            }
            2 => self.counter.saturating_sub(u64::from(how >> 6)).max(1),
            _ => self.counter + u64::from(how >> 4),
        };
        let counter = counter.max(1);
        let copied = match how >> 2 & 3 {
            2 => Copied::Sent,
            3 => Copied::Heard(Some(OriginId { device: device(usize::from(how >> 5)), incarnation: 1, counter })),
            _ => Copied::No,
        };
        let floor = if how & 16 == 0 { 1 } else { counter };
        let incarnation = (how & 32 == 0).then_some(self.incarnation);
        Parcel::Lasting(Lasting { incarnation, counter, floor, age_s: u64::from(how >> 4), copied, payload }).to_bytes()
    }

    /// What the account says.
    fn hear(&mut self, bytes: &[u8]) {
        match Parcel::read(bytes).expect("it is a parcel") {
            Parcel::Confirm { .. } => self.confirmed += 1,
            Parcel::Lasting(lasting) => {
                let incarnation = lasting.incarnation.or(self.owes.map(|(incarnation, _)| incarnation));
                self.owes = incarnation.map(|incarnation| (incarnation, lasting.counter));
            }
            Parcel::Fleeting { .. } => {}
        }
        assert!(self.confirmed <= self.said, "more is confirmed than was said");
    }
}

fn number_of(own: &Bare) -> Option<usize> {
    (0..HERE).find(|person| address(*person) == *own)
}

/// Whether somebody on the link says it.
fn is_strangers(tree: &Tree) -> bool {
    tree.attr("from").is_some_and(|from| NUMBERS.contains_key(from.split('/').next().unwrap_or_default()))
}
