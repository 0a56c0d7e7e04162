"""A soak: `soak.py JIRANI MINUTES SEED`. People come and go, write, read slowly, break off and resume for a long time.

It fails if the daemon's memory grows or its files leak, or if a message was lost or doubled. `cargo xtask soak` builds the
release daemon and calls this.

- *Memory is flat* if, after a warm-up of a fifth of the time, the median of the last third of the samples is at most a
  twentieth, or 2 MB, above the median of the first third. A run of less than ten minutes is all warm-up: it says nothing
  of memory.
- *No file leaks* if, when all have left, as many are open as before the first came.
- *Nothing is lost or doubled*: what the daemon has acknowledged to its author (XEP-0198) and not returned is in the
  addressee's archive once, and has reached an addressee who uses XEP-0198, under one stanza-id. It comes again in the same
  session never.
"""

import asyncio
import collections
import contextlib
import os
import random
import socket
import statistics
import struct
import sys
import time

import harness
from raw import CLIENT, SM, Raw

PEOPLE = 24
STEP_SECONDS_MAX = 0.6
PAGE = 100
JUDGED_MINUTES_MIN = 10
MAM = "urn:xmpp:mam:2"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


class Ledger:
    """What was said to whom, and what became of it."""

    def __init__(self):
        self.to = {}
        self.acknowledged = set()
        self.refused = set()
        self.got = collections.defaultdict(dict)
        self.kept = collections.defaultdict(collections.Counter)
        self.faults = []
        self.counts = collections.Counter()

    def new(self, to):
        name = f"s{len(self.to) + 1}"
        self.to[name] = to
        return name

    def verdict(self, strict):
        for name in self.acknowledged - self.refused:
            to = self.to[name]
            if self.kept[to][name] != 1:
                self.faults.append(f"{name} to {to} is {self.kept[to][name]} times in the archive")
            if to in strict and name not in self.got[to]:
                self.faults.append(f"{name} to {to} was acknowledged and never came")
        for to, got in self.got.items():
            self.faults += [f"{name} to {to} was refused, and came" for name in self.refused & got.keys()]
        return self.faults


class Session:
    """What a client remembers of a session that it may resume."""

    def __init__(self):
        self.id = None
        self.had = 0
        self.acknowledged = 0
        self.queue = collections.deque()
        self.seen = set()


class Person:
    """One account with one device, and its habits."""

    def __init__(self, house, ledger, login, managed, seed):
        self.house, self.ledger, self.login, self.managed = house, ledger, login, managed
        self.random = random.Random(seed)
        self.raw = self.session = self.reading = None
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.answers = {}
        self.friends = []
        self.numbers = 0

    # --- coming and going

    async def come(self):
        address, password = self.login
        raw = await Raw.connect(self.house.port)
        name, domain = address.split("@")
        await raw.open(domain)
        await raw.auth("PLAIN", f"\0{name}\0{password}".encode())
        await raw.open(domain)
        self.raw, again = raw, []
        if self.session and self.session.id and self.random.random() < 0.8:
            raw.send(f"<resume xmlns='{SM[1:-1]}' previd='{self.session.id}' h='{self.session.had}'/>")
            answer = await raw.next()
            if answer.tag == f"{SM}resumed":
                self.ledger.counts["resumed"] += 1
                self.acknowledge(int(answer.get("h")))
                again = [xml for _, xml in self.session.queue]
                self.begin()
                for xml in again:
                    raw.send(xml)
                return
        self.session = Session()
        raw.send(
            "<iq id='bind' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>soak</resource></bind></iq>"
        )
        answer = await raw.next()
        if answer.get("type") != "result":
            raise ConnectionError("not bound")
        if self.managed:
            raw.send(f"<enable xmlns='{SM[1:-1]}' resume='true'/>")
            self.session.id = (await raw.next()).get("id")
        self.ledger.counts["logins"] += 1
        self.begin()
        self.send("<presence/>")

    def begin(self):
        self.may_read.set()
        self.reading = asyncio.ensure_future(self.read())

    async def leave(self):
        self.raw.send("</stream:stream>")
        await asyncio.wait([self.reading], timeout=5)
        self.gone()
        self.session = None

    def vanish(self):
        """The connection breaks off, with whatever was on it."""
        with contextlib.suppress(OSError):
            sock = self.raw.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.gone()
        self.ledger.counts["broken off"] += 1

    def gone(self):
        self.raw.cut()
        self.reading.cancel()
        self.raw = None
        for answer in self.answers.values():
            answer.cancel()
        self.answers.clear()

    # --- hearing

    async def read(self):
        while True:
            await self.may_read.wait()
            self.hear(await self.raw.next())

    def hear(self, element):
        session, tag = self.session, element.tag
        if tag == f"{SM}a":
            self.acknowledge(int(element.get("h")))
        elif tag == f"{SM}r":
            self.raw.send(f"<a xmlns='{SM[1:-1]}' h='{session.had}'/>")
        elif tag.startswith(CLIENT):
            session.had += 1
            if tag == f"{CLIENT}message":
                self.hear_message(element)
            elif tag == f"{CLIENT}iq" and element.get("id") in self.answers:
                answer = self.answers.pop(element.get("id"))
                if not answer.done():
                    answer.set_result(element)

    def hear_message(self, element):
        inside = element.find(f"{{{MAM}}}result/{FORWARDED}/{CLIENT}message")
        me = self.login[0]
        if inside is not None:
            name = inside.get("id")
            if self.ledger.to.get(name) == me and self.collects:
                self.ledger.kept[me][name] += 1
            return
        name = element.get("id")
        if name not in self.ledger.to:
            return
        if element.get("type") == "error":
            self.ledger.refused.add(name)
            return
        stanza_id = next((e.get("id") for e in element.findall(STANZA_ID)), None)
        known = self.ledger.got[me].setdefault(name, stanza_id)
        if known != stanza_id or name in self.session.seen:
            self.ledger.faults.append(f"{name} came twice to {me}: {known}, {stanza_id}")
        self.session.seen.add(name)

    collects = False
    """Whether what comes from the archive is counted."""

    def acknowledge(self, handled):
        session = self.session
        while session.acknowledged < handled:
            name, _ = session.queue.popleft()
            session.acknowledged += 1
            if name:
                self.ledger.acknowledged.add(name)

    # --- speaking

    def send(self, xml, name=None):
        self.raw.send(xml)
        if self.session.id:
            self.session.queue.append((name, xml))
            self.raw.send(f"<r xmlns='{SM[1:-1]}'/>")

    def write(self, length):
        friend = self.random.choice(self.friends)
        name = self.ledger.new(friend)
        body = "word " * (length // 5)
        self.send(f"<message type='chat' to='{friend}' id='{name}'><body>{name} {body}</body></message>", name)

    async def ask(self, kind, payload):
        self.numbers += 1
        name = f"q{self.numbers}"
        self.answers[name] = answer = asyncio.get_running_loop().create_future()
        self.send(f"<iq type='{kind}' id='{name}'>{payload}</iq>")
        return await asyncio.wait_for(answer, 30)

    async def step(self):
        chance = self.random.random()
        if self.raw is None:
            if chance < 0.3:
                await self.come()
            return
        if self.reading.done():
            # The daemon has ended it, for being slow perhaps.
            self.ledger.counts["ended by the daemon"] += 1
            return self.gone()
        friend = self.random.choice(self.friends)
        if chance < 0.55:
            self.write(self.random.choice([20, 40, 80, 300]))
        elif chance < 0.57:
            for _ in range(10):
                self.write(1000)
        elif chance < 0.70:
            self.send(
                f"<message type='chat' to='{friend}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
            )
        elif chance < 0.76:
            self.send(f"<presence><status>{self.random.random()}</status></presence>")
        elif chance < 0.80:
            await self.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{friend}' name='{chance}'/></query>")
        elif chance < 0.82:
            await self.ask("get", "<query xmlns='jabber:iq:roster'/>")
        elif chance < 0.86:
            before = "<set xmlns='http://jabber.org/protocol/rsm'><max>20</max><before/></set>"
            await self.ask("set", f"<query xmlns='{MAM}'>{before}</query>")
            self.ledger.counts["archive questions"] += 1
        elif chance < 0.88:
            kind = self.random.choice(["subscribe", "subscribed", "unsubscribe"])
            self.send(f"<presence type='{kind}' to='{friend}'/>")
        elif chance < 0.90:
            self.may_read.clear()
            asyncio.get_running_loop().call_later(self.random.uniform(1, 8), self.may_read.set)
            self.ledger.counts["slow"] += 1
        elif chance < 0.94:
            await self.leave()
        elif chance < 0.97:
            self.vanish()
        await asyncio.sleep(0)

    async def live(self, until):
        while time.monotonic() < until:
            self.ledger.counts["steps"] += 1
            try:
                await self.step()
            except (ConnectionError, asyncio.CancelledError, TimeoutError, asyncio.TimeoutError, OSError) as why:
                if isinstance(why, TimeoutError | asyncio.TimeoutError) and self.may_read.is_set() and self.raw:
                    self.ledger.faults.append(f"a question of {self.login[0]} was not answered within 30 s")
                if self.raw and self.reading:
                    self.gone()
                self.raw = None
            await asyncio.sleep(self.random.uniform(0, STEP_SECONDS_MAX))

    async def collect(self):
        """Takes all that waits, then the whole archive."""
        if self.raw:
            self.gone()
        if self.session:
            self.session.id = None
        await self.come()
        quiet = 0
        while quiet < 5:
            before = len(self.ledger.got[self.login[0]])
            await asyncio.sleep(0.2)
            quiet = quiet + 1 if len(self.ledger.got[self.login[0]]) == before else 0
        self.collects, after = True, ""
        while True:
            rsm = f"<set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max>{after}</set>"
            answer = await self.ask("set", f"<query xmlns='{MAM}'>{rsm}</query>")
            fin = answer.find(f"{{{MAM}}}fin")
            if fin.get("complete") == "true":
                break
            after = f"<after>{fin.find('.//{http://jabber.org/protocol/rsm}last').text}</after>"
        await self.leave()


class Samples:
    """What the daemon takes, over time."""

    def __init__(self, house):
        self.house, self.pid, self.rows, self.begun = house, house.process.pid, [], time.monotonic()

    def files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def take(self):
        with open(f"/proc/{self.pid}/status") as status:
            rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        with open(f"/proc/{self.pid}/stat") as stat:
            ticks = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
        store = sum(path.stat().st_size for path in self.house.data.glob("**/*") if path.is_file())
        row = (time.monotonic() - self.begun, rss, self.files(), store, ticks / os.sysconf("SC_CLK_TCK"))
        self.rows.append(row)
        return row

    async def go_on(self, every, ledger):
        said = 0
        while True:
            at, rss, files, store, cpu = self.take()
            if at >= said:
                said += 60
                print(
                    f"{at:6.0f} s  RSS {rss} kB  files {files}  data {store >> 10} kB  CPU {cpu:.1f} s  "
                    f"written {len(ledger.to)}  acknowledged {len(ledger.acknowledged)}",
                    flush=True,
                )
            await asyncio.sleep(every)

    def growth(self):
        """The median of the first and of the last third behind the warm-up, in kB."""
        rows = [row[1] for row in self.rows[len(self.rows) // 5 :]]
        third = max(len(rows) // 3, 1)
        return statistics.median(rows[:third]), statistics.median(rows[-third:])


async def soak(house, minutes, seed):
    """Gives what went wrong."""
    ledger = Ledger()
    logins = house.people(*["soak"] * PEOPLE)
    people = [Person(house, ledger, login, number % 3 != 0, seed * 1000 + number) for number, login in enumerate(logins)]
    for person in people:
        person.friends = [address for address, _ in logins if address != person.login[0]]
    samples = Samples(house)
    files_before = samples.files()
    sampling = asyncio.ensure_future(samples.go_on(minutes * 60 / 240, ledger))
    until = time.monotonic() + minutes * 60
    await asyncio.gather(*(person.live(until) for person in people))
    sampling.cancel()
    early, late = samples.growth()
    _, _, _, store, cpu = samples.rows[-1]
    # One after the other: a question to a large archive is work.
    for person in people:
        await asyncio.wait_for(person.collect(), 900)
    strict = {person.login[0] for person in people if person.managed}
    faults = ledger.verdict(strict)
    with contextlib.suppress(TimeoutError):
        await harness.until(lambda: samples.files() <= files_before, 10)
    files_after = samples.files()
    print(
        f"{minutes} minutes, seed {seed}: RSS {early:.0f} kB early, {late:.0f} kB late; files {files_before} before, "
        f"{files_after} after; data {store >> 10} kB; CPU {cpu:.1f} s\n"
        f"{len(ledger.to)} messages written, {len(ledger.acknowledged)} acknowledged, {len(ledger.refused)} returned, "
        f"{sum(map(len, ledger.got.values()))} came; {dict(ledger.counts)}",
        flush=True,
    )
    if minutes >= JUDGED_MINUTES_MIN and late > early + max(early / 20, 2048):
        faults.append(f"memory grew from {early:.0f} to {late:.0f} kB")
    if files_after > files_before:
        faults.append(f"{files_after} files are open, {files_before} were before")
    if not ledger.acknowledged:
        faults.append("nothing happened")
    if "panicked" in house.log.read_text(errors="replace"):
        faults.append(f"the daemon's log has a panic:\n{house.tail()}")
    return faults


async def main(jirani, minutes, seed):
    world = harness.World(jirani)
    try:
        faults = await soak(await world.house().start(), minutes, seed)
    finally:
        world.close()
    for fault in faults[:20]:
        print(f"FAULT  {fault}", flush=True)
    print(f"the soak failed: {len(faults)} faults" if faults else "the soak passed", flush=True)
    return not faults


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))) else 1)
