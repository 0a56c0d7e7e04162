//! RFC 6120, RFC 6121, XEP-0198: a whole shard under any order of things that its contract allows: clients come, speak,
//! resume and vanish, the store is late or fails, clocks jump, orders are given, the power goes.
//!
//! The bytes are a script. Three people say what well-made clients say, and their messages, acknowledgements and questions
//! are followed; the fourth says anything. In the end all is healed, everybody logs in once more, and what was promised
//! must have been kept (`docs/durability.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::ledger::StoreError;
use xmpp::Command;

use super::house::{EVE, House, PEOPLE, RESUME_TIME_MAX, Said, Stage, address, sayable};
use super::script::Script;
use crate::node::credentials;
use crate::xml::{Heard, Tree};

/// More steps than a script needs to get anywhere.
const STEPS_MAX: usize = 80;

/// More bytes of stanzas than the shard may have in memory for what such a script says.
const MEMORY_BYTES_MAX: usize = 1 << 20;

/// What people say. `T` is somebody's name, `N` a number that is never used again.
const WORDS: [&str; 56] = [
    // These are followed: who wrote them must be told the truth about them.
    "<message type='chat' to='T@x.example' id='mN'><body>N</body></message>",
    "<message type='chat' to='T@x.example/0' id='mN'><body>N</body></message>",
    "<message to='T@x.example' id='mN'><body>N</body></message>",
    "<message type='chat' to='T@x.example' id='mN'><body>N</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>",
    "<message to='T@x.example' id='mN'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
    // These are not.
    "<message type='chat' to='T@x.example' id='nN'><body>N</body><no-store xmlns='urn:xmpp:hints'/></message>",
    "<message type='chat' to='T@x.example'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<message type='headline' to='T@x.example'><body>N</body></message>",
    "<message type='groupchat' to='T@x.example/0'><body>N</body></message>",
    "<message type='error' to='T@x.example/0' id='1'/>",
    "<message to='nobody@x.example' id='nN'><body>N</body></message>",
    "<message to='x.example'><body>N</body></message>",
    "<presence/>",
    "<presence><priority>-1</priority></presence>",
    "<presence><show>away</show><status>N</status></presence>",
    "<presence type='unavailable'/>",
    "<presence to='T@x.example/0'/>",
    "<presence type='unavailable' to='T@x.example'/>",
    "<presence type='subscribe' to='T@x.example'/>",
    "<presence type='subscribed' to='T@x.example'/>",
    "<presence type='unsubscribe' to='T@x.example'/>",
    "<presence type='unsubscribed' to='T@x.example'/>",
    "<presence type='probe' to='T@x.example'/>",
    "<iq type='get' id='qN'><query xmlns='jabber:iq:roster' ver=''/></iq>",
    "<iq type='set' id='qN'><query xmlns='jabber:iq:roster'><item jid='T@x.example' name='N'><group>g</group></item></query></iq>",
    "<iq type='set' id='qN'><query xmlns='jabber:iq:roster'><item jid='T@x.example' subscription='remove'/></query></iq>",
    "<iq type='get' id='qN'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
    "<iq type='set' id='qN'><block xmlns='urn:xmpp:blocking'><item jid='T@x.example'/></block></iq>",
    "<iq type='set' id='qN'><unblock xmlns='urn:xmpp:blocking'/></iq>",
    "<iq type='set' id='qN'><enable xmlns='urn:xmpp:carbons:2'/></iq>",
    "<iq type='set' id='qN'><disable xmlns='urn:xmpp:carbons:2'/></iq>",
    "<iq type='set' id='qN'><query xmlns='urn:xmpp:mam:2'/></iq>",
    "<iq type='set' id='qN'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set></query></iq>",
    "<iq type='get' id='qN'><metadata xmlns='urn:xmpp:mam:2'/></iq>",
    "<iq type='get' id='qN'><prefs xmlns='urn:xmpp:mam:2'/></iq>",
    "<iq type='set' id='qN'><prefs xmlns='urn:xmpp:mam:2' default='never'/></iq>",
    "<iq type='set' id='qN'><prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>T@x.example</jid></always></prefs></iq>",
    "<iq type='get' id='qN'><vCard xmlns='vcard-temp'/></iq>",
    "<iq type='get' id='qN' to='T@x.example'><vCard xmlns='vcard-temp'/></iq>",
    "<iq type='set' id='qN'><vCard xmlns='vcard-temp'><FN>N</FN></vCard></iq>",
    "<iq type='set' id='qN'><query xmlns='jabber:iq:private'><p xmlns='urn:p'>N</p></query></iq>",
    "<iq type='get' id='qN'><query xmlns='jabber:iq:private'><p xmlns='urn:p'/></query></iq>",
    "<iq type='get' id='qN' to='x.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "<iq type='get' id='qN' to='T@x.example'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
    "<iq type='get' id='qN'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='get' id='qN' to='T@x.example'><query xmlns='jabber:iq:last'/></iq>",
    "<iq type='get' id='qN' to='x.example'><query xmlns='jabber:iq:register'/></iq>",
    "<iq type='set' id='qN' to='x.example'><query xmlns='jabber:iq:register'><username>A</username><password>another</password></query></iq>",
    "<iq type='set' id='qN' to='x.example'><query xmlns='jabber:iq:register'><remove/></query></iq>",
    "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
    "<enable xmlns='urn:xmpp:sm:3'/>",
    "<r xmlns='urn:xmpp:sm:3'/>",
    "<inactive xmlns='urn:xmpp:csi:0'/>",
    "<active xmlns='urn:xmpp:csi:0'/>",
    "<iq type='get' id='qN' to='T@x.example/none'><ping xmlns='urn:xmpp:ping'/></iq>",
    "</stream:stream>",
];

/// How many of [`WORDS`] are followed.
const FOLLOWED: usize = 5;

/// Any bytes, as a script.
///
/// # Panics
/// If the shard does, or breaks a promise.
pub fn shard(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let mut play = Play::new(first & 1 == 1);
    let mut script = Script(data);
    for _ in 0..STEPS_MAX {
        let (Some(step), Some(how)) = (script.next(), script.next()) else { break };
        play.step(step, how, &mut script);
        play.listen();
    }
    play.end();
}

/// A message that is followed.
struct Message {
    author: usize,
    addressee: usize,
    /// Whether it was for the person, not for one resource.
    bare: bool,
}

/// A client's session, over all its connections.
#[derive(Default)]
struct Session {
    person: usize,
    /// Its connection, if it has one.
    line: Option<usize>,
    /// XEP-0198 counts.
    counts: bool,
    resume_id: Option<String>,
    /// What it has said since it counts; numbers of those that are followed.
    said: Vec<Option<u32>>,
    /// What it has heard since it counts; those before `confirmed` the server knows to have arrived.
    heard: Vec<Option<u32>>,
    confirmed: usize,
    /// What it has heard without counting, and bytes may not have left.
    leaving: Vec<u32>,
    /// Messages that came, in order.
    had: Vec<u32>,
    /// Questions that are not answered.
    asked: BTreeMap<u32, &'static str>,
}

struct Play {
    house: House,
    sessions: Vec<Session>,
    /// By line.
    session_of: BTreeMap<usize, usize>,
    /// By the line that waits for it.
    resuming: BTreeMap<usize, usize>,
    messages: BTreeMap<u32, Message>,
    next: u32,
    acknowledged: BTreeSet<u32>,
    refused: BTreeSet<u32>,
    /// Of messages, whose arrival the server may take for granted.
    arrived: BTreeSet<u32>,
    /// People who may have lost what was for them: their account was removed, they block somebody, or are eve, who may say
    /// that she has had it.
    excused: [bool; PEOPLE.len()],
    /// People who have had two sessions at a time: which of them gets what, and when, is no promise.
    several: [bool; PEOPLE.len()],
}

impl Play {
    fn new(archive: bool) -> Play {
        Play {
            house: House::new(archive),
            sessions: Vec::new(),
            session_of: BTreeMap::new(),
            resuming: BTreeMap::new(),
            messages: BTreeMap::new(),
            next: 1,
            acknowledged: BTreeSet::new(),
            refused: BTreeSet::new(),
            arrived: BTreeSet::new(),
            excused: std::array::from_fn(|person| person == EVE),
            several: [false; PEOPLE.len()],
        }
    }

    fn step(&mut self, step: u8, how: u8, script: &mut Script<'_>) {
        let fails = (how & 3 == 3).then(|| match how & 4 {
            0 => StoreError::Full,
            _ => StoreError::Failed("it says so".into()),
        });
        let person = usize::from(how) % PEOPLE.len();
        match step % 20 {
            0 | 1 => self.bind(person, how >> 2),
            2..=6 => {
                let word = usize::from(script.next().unwrap_or_default());
                self.say(usize::from(how >> 2), word, person);
            }
            7 => {
                let bytes = sayable(script.take(usize::from(how)));
                let line = (0..self.house.lines.len()).rfind(|line| {
                    self.house.lines[*line].person == EVE && self.house.lines[*line].stage == Stage::Bound
                });
                if let Some(line) = line {
                    self.house.say(line, bytes.as_bytes());
                }
            }
            8 => (0..=how >> 3).for_each(|_| self.house.write(fails.clone())),
            9 => {
                for _ in 0..=how & 7 {
                    self.house.report();
                    self.listen();
                }
            }
            10 | 11 => self.house.answer(usize::from(how >> 3), fails),
            12 => self.drained(usize::from(how)),
            13 => self.cut(usize::from(how)),
            14 => self.resume(usize::from(how)),
            15 => self.confirm(usize::from(how)),
            16 => {
                let wall_ms = (i64::from(how) - 128) * 3_600_000 * i64::from(how & 1);
                self.house.pass(Duration::from_millis(1 << (how >> 3).min(20)), wall_ms);
            }
            17 => self.command(how, person),
            18 if how & 7 == 0 => self.crash(),
            18 => self.house.hashed(),
            _ => self.settle(),
        }
    }

    // --- what happens -----------------------------------------------------------------------------------------------

    fn bind(&mut self, person: usize, how: u8) {
        let resource = match how % 4 {
            0 => None,
            other => Some(["0", "1", "2"][usize::from(other) - 1]),
        };
        self.several[person] |=
            self.sessions.iter().any(|s| s.person == person && (s.line.is_some() || s.resume_id.is_some()));
        self.house.bind(person, resource);
    }

    /// A client that is bound, other than eve's, by number.
    fn client(&self, number: usize) -> Option<(usize, usize)> {
        let lines = &self.house.lines;
        let bound =
            |(_, s): &(usize, &Session)| s.line.is_some_and(|l| lines[l].stage == Stage::Bound && s.person != EVE);
        let mut there = self.sessions.iter().enumerate().filter(bound);
        let count = there.clone().count().max(1);
        let (id, session) = there.nth(number % count)?;
        Some((id, session.line?))
    }

    fn say(&mut self, client: usize, word: usize, to: usize) {
        let Some((id, line)) = self.client(client) else { return };
        let author = self.sessions[id].person;
        let word = word % WORDS.len();
        let number = self.next;
        self.next += 1;
        let xml = WORDS[word]
            .replace('T', PEOPLE[to])
            .replace('N', &number.to_string())
            .replace("<username>A", &format!("<username>{}", PEOPLE[author]));
        if word < FOLLOWED {
            self.messages.insert(number, Message { author, addressee: to, bare: word != 1 });
        }
        self.excused[author] |= xml.contains("<block ") || xml.contains("<remove/>");
        if xml.contains("id='q") {
            self.sessions[id].asked.insert(number, WORDS[word]);
        }
        if self.sessions[id].counts
            && (xml.starts_with("<message") || xml.starts_with("<presence") || xml.starts_with("<iq"))
        {
            self.sessions[id].said.push((word < FOLLOWED).then_some(number));
        }
        self.house.say(line, xml.as_bytes());
    }

    /// What was written to a client has left.
    fn drained(&mut self, number: usize) {
        let lines: Vec<usize> = (0..self.house.lines.len()).filter(|line| self.house.lines[*line].notify).collect();
        if let Some(line) = lines.get(number % lines.len().max(1)) {
            self.left(*line);
            self.house.drained(*line);
        }
    }

    /// From now on the server may take it that what a client has heard has arrived.
    fn left(&mut self, line: usize) {
        if let Some(id) = self.session_of.get(&line) {
            self.arrived.extend(std::mem::take(&mut self.sessions[*id].leaving));
        }
    }

    fn cut(&mut self, number: usize) {
        let there = |line: &usize| self.house.lines[*line].stage != Stage::Gone;
        let lines: Vec<usize> = (0..self.house.lines.len()).filter(there).collect();
        if let Some(line) = lines.get(number % lines.len().max(1)) {
            self.house.close(*line);
        }
    }

    /// A client wants its session back, and tells the truth about it.
    fn resume(&mut self, number: usize) {
        let refused = (0..self.house.lines.len()).find(|line| self.house.lines[*line].stage == Stage::Refused);
        if let Some(line) = refused {
            return self.house.bind_again(line, Some("0"));
        }
        let mut may = self.sessions.iter().enumerate().filter(|(_, s)| s.resume_id.is_some());
        let count = may.clone().count().max(1);
        let Some((id, session)) = may.nth(number % count) else { return };
        let (person, previd) = (session.person, session.resume_id.clone().unwrap_or_default());
        let handled = session.heard.len();
        let line = self.house.lines.len();
        self.resuming.insert(line, id);
        assert_eq!(self.house.resume(person, &previd, handled as u32), line);
        self.resumed_with(id, handled);
    }

    /// What a client says to have had counts as soon as the server has heard it.
    fn resumed_with(&mut self, id: usize, handled: usize) {
        let session = &mut self.sessions[id];
        self.arrived.extend(session.heard[..handled].iter().flatten());
        session.confirmed = handled;
    }

    /// A client says what it has had.
    fn confirm(&mut self, number: usize) {
        let Some((id, line)) = self.client(number) else { return };
        if !self.sessions[id].counts {
            return;
        }
        let handled = self.sessions[id].heard.len();
        self.resumed_with(id, handled);
        self.house.say(line, format!("<a xmlns='urn:xmpp:sm:3' h='{handled}'/>").as_bytes());
    }

    fn command(&mut self, how: u8, person: usize) {
        let (address, credentials) = (address(person), credentials("another"));
        let account = self.house.account(person).map(|opened| opened.row.id);
        let command = match (how >> 4, account) {
            (0..4, _) => Command::CreateAccount { address, credentials },
            (4..6, Some(account)) => Command::SetPassword { address, account, credentials },
            (6..8, Some(account)) => {
                self.excused[person] = true;
                Command::RemoveAccount { address, account }
            }
            (8, _) => Command::ShutDown,
            (9, _) => Command::Accounts,
            _ => Command::Report,
        };
        self.house.command(command);
    }

    fn crash(&mut self) {
        self.house.crash();
        for session in &mut self.sessions {
            (session.line, session.resume_id) = (None, None);
        }
        self.session_of.clear();
        self.resuming.clear();
    }

    /// All that is under way happens.
    fn settle(&mut self) {
        for line in 0..self.house.lines.len() {
            // It will have left.
            self.left(line);
        }
        self.house.settle();
        self.listen();
        // What came meanwhile has left, too.
        for line in 0..self.house.lines.len() {
            if !self.house.lines[line].notify {
                self.left(line);
            }
        }
    }

    // --- what clients hear ------------------------------------------------------------------------------------------

    fn listen(&mut self) {
        while let Some(Said { line, heard }) = self.house.next_said() {
            if let Heard::Element(tree) = heard {
                self.hear(line, &tree);
            }
        }
    }

    fn hear(&mut self, line: usize, tree: &Tree) {
        if self.house.lines[line].person == EVE {
            return;
        }
        let Some(id) = self.session_of.get(&line).copied() else { return self.begin(line, tree) };
        match (tree.name.as_str(), tree.namespace.as_str()) {
            ("enabled", _) => {
                self.sessions[id].counts = true;
                self.sessions[id].resume_id = tree.attr("id").map(str::to_owned);
            }
            ("a", "urn:xmpp:sm:3") => self.acknowledge(id, tree),
            _ if tree.is_stanza() => self.hear_stanza(id, tree),
            _ => {}
        }
    }

    /// The first thing that a connection hears.
    fn begin(&mut self, line: usize, tree: &Tree) {
        if tree.is("resumed", "urn:xmpp:sm:3") {
            let id = self.resuming.remove(&line).expect("only who asked is resumed");
            self.session_of.insert(line, id);
            self.sessions[id].line = Some(line);
            self.acknowledge(id, tree);
        } else if tree.name == "iq" {
            assert_eq!(tree.attr("id"), Some("bind"), "the answer comes first:\n{tree}");
            let person = self.house.lines[line].person;
            let there =
                |s: &Session| s.person == person && s.line.is_some_and(|l| self.house.lines[l].stage == Stage::Bound);
            self.several[person] |= self.sessions.iter().any(there);
            self.session_of.insert(line, self.sessions.len());
            self.sessions.push(Session { person, line: Some(line), ..Session::default() });
        }
    }

    fn acknowledge(&mut self, id: usize, tree: &Tree) {
        let handled: usize = tree.attr("h").and_then(|h| h.parse().ok()).expect("it says how many");
        let said = &self.sessions[id].said;
        assert!(handled <= said.len(), "{handled} acknowledged of {}", said.len());
        self.acknowledged.extend(said[..handled].iter().flatten());
    }

    fn hear_stanza(&mut self, id: usize, tree: &Tree) {
        let session = &mut self.sessions[id];
        let (kind, number) = match tree.attr("id").map(|id| id.split_at(id.len().min(1))) {
            Some((kind, number)) => (kind, number.parse::<u32>().ok()),
            None => ("", None),
        };
        let is_error = tree.attr("type") == Some("error");
        // What eve herself says may look like an answer. Nobody is called `none`: that is the server's answer.
        let from = tree.attr("from").unwrap_or_default();
        let from_eve = from.starts_with("eve@x.example/") && !from.ends_with("/none");
        let message =
            number.filter(|n| tree.name == "message" && kind == "m" && self.messages.contains_key(n) && !from_eve);
        if let Some(number) = number.filter(|_| tree.name == "iq" && kind == "q" && !from_eve) {
            assert!(session.asked.remove(&number).is_some(), "answered twice:\n{tree}");
        }
        if session.counts {
            session.heard.push(message.filter(|_| !is_error));
        }
        let Some(number) = message else { return };
        if is_error {
            self.refused.insert(number);
            return;
        }
        assert!(!session.had.contains(&number), "twice in one session:\n{tree}");
        session.had.push(number);
        if !session.counts {
            session.leaving.push(number);
        }
    }

    // --- the end ----------------------------------------------------------------------------------------------------

    fn end(mut self) {
        let held = self.house.held_bytes();
        assert!(held <= MEMORY_BYTES_MAX, "{held} bytes are held");
        self.settle();
        self.everybody_was_answered();
        for line in 0..self.house.lines.len() {
            self.house.close(line);
        }
        self.settle();
        self.house.pass(RESUME_TIME_MAX * 2, 0);
        self.settle();
        for (person, name) in PEOPLE.iter().enumerate() {
            if self.house.account(person).is_some() {
                let line = self.house.bind(person, Some("last"));
                self.settle();
                assert_eq!(self.house.lines[line].stage, Stage::Bound, "{name} is let in again");
                self.house.say(line, b"<presence/>");
                self.settle();
            }
        }
        self.house.pass(Duration::from_secs(2), 0);
        self.settle();
        for (person, name) in PEOPLE.iter().enumerate() {
            let waiting = self.house.account(person).map_or(0, |opened| opened.row.pending);
            assert_eq!(waiting, 0, "nothing waits for {name} who is here");
        }
        self.verdict();
        for line in 0..self.house.lines.len() {
            self.house.close(line);
        }
        self.settle();
        assert_eq!(self.house.held_bytes(), 0, "nobody is here, and nothing is held for anybody");
    }

    /// Each question of a client that is still here has its answer.
    fn everybody_was_answered(&self) {
        for session in &self.sessions {
            let Some(line) = session.line else { continue };
            if self.house.lines[line].stage == Stage::Bound && self.session_of.contains_key(&line) {
                assert!(session.asked.is_empty(), "{:?} of {} not answered", session.asked, PEOPLE[session.person]);
            }
        }
    }

    /// What was acknowledged has arrived, waits, is history or was refused; and came in the order in which it was said.
    fn verdict(&self) {
        let kept: Vec<BTreeSet<u32>> = (0..PEOPLE.len()).map(|person| self.kept(person)).collect();
        for number in &self.acknowledged {
            let message = &self.messages[number];
            let known = self.refused.contains(number) || self.arrived.contains(number);
            assert!(
                known || kept[message.addressee].contains(number) || self.excused[message.addressee],
                "message {number} of {} to {} was acknowledged and is lost",
                PEOPLE[message.author],
                PEOPLE[message.addressee],
            );
        }
        for session in self.sessions.iter().filter(|s| !self.several[s.person]) {
            for (author, name) in PEOPLE.iter().enumerate() {
                let in_order = |number: &&u32| {
                    let message = &self.messages[number];
                    message.author == author && message.bare && message.addressee == session.person
                };
                let had: Vec<&u32> = session.had.iter().filter(in_order).collect();
                assert!(self.several[author] || had.is_sorted(), "{had:?} of {name} came in another order");
            }
        }
    }

    /// Numbers of the messages that the store has of a person.
    fn kept(&self, person: usize) -> BTreeSet<u32> {
        let number = |stanza: &[u8]| {
            let text = String::from_utf8_lossy(stanza);
            text.split(" id='m").nth(1).and_then(|rest| rest.split('\'').next()?.parse().ok())
        };
        self.house.kept(person).iter().filter_map(|row| number(&row.stanza)).collect()
    }
}
