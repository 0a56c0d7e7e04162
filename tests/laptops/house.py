"""Whole daemons on laptops, and people at them: slixmpp, unmodified, on the laptop's own network.

    with street(2) as (lisa, tom):       # two houses with a person each, who are in
        lisa.befriend(tom)
        lisa.say(tom, "hello")
        tom.hears("hello")

The people are told what to do from the case's own thread. Each laptop has a thread in its namespace, with the loop on which
its clients live.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

from cases import check, until
from lab import Lab

sys.path.append(str(Path(__file__).parents[1] / "clients"))
from bot import Bot  # noqa: E402
from terminal import Terminal  # noqa: E402

# The daemon's program.
JIRANI = None

CLONE_NEWNET = 0x40000000
START_SECONDS_MAX = 40

# What a person's contacts see of them when nobody is there.
GONE = "unavailable"


class Room(threading.Thread):
    """A thread on a laptop's network."""

    def __init__(self, laptop):
        super().__init__(daemon=True)
        self.namespace = laptop.namespace
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        with open(f"/var/run/netns/{self.namespace}") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def do(self, what, seconds=20):
        """Runs a coroutine there to its end."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(what, seconds), self.loop).result()

    def tell(self, what, *args):
        self.loop.call_soon_threadsafe(what, *args)

    def close(self):
        def end():
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.call_later(0.05, self.loop.stop)

        self.tell(end)
        self.join(5)


class House:
    """One daemon on a laptop. It can be killed and started again with the same data."""

    def __init__(self, street, laptop, name, config="", port=5222, data=None):
        self.street, self.laptop, self.port = street, laptop, port
        self.folder = street.folder / f"{laptop.number}-{name}"
        self.folder.mkdir()
        self.data = data or self.folder / "data"
        self.log = self.folder / "log"
        self.config = self.folder / "config.toml"
        self.config.write_text(f'listen = ["127.0.0.1:{port}"]\nlisten_tls = []\n{config}\n')
        self.name = name
        self.owner = None
        self.process = None
        street.houses.append(self)

    def room(self):
        return self.street.room(self.laptop)

    def command(self, *words):
        return self.laptop.command(JIRANI, "--data", self.data, "--config", self.config, *words)

    def begin(self):
        """Starts the daemon; `ready` waits for it."""
        self.begun = time.time()
        with open(self.log, "ab") as log, open(self.folder / "greeting", "wb") as out:
            self.process = self.laptop.run(
                JIRANI, "--data", self.data, "--config", self.config, "run", "--name", self.name,
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, env={**os.environ, "RUST_LOG": os.environ.get("RUST_LOG", "info")},
            )  # fmt: skip
        return self

    def ready(self):
        def greeted():
            """the daemon's greeting"""
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.tail()}")
            text = (self.folder / "greeting").read_text()
            return text if "Ctrl-C ends it." in text else None

        greeting = until(greeted, START_SECONDS_MAX)
        if first := re.search(r"Address +(\S+)\s+Password +(\S+)", greeting):
            self.owner = Person(self, *first.groups())
        return self

    def start(self):
        return self.begin().ready()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends the daemon as a system does; gives how long that took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(10), 0)
        return time.monotonic() - begun

    def ask(self, *words, stdin=""):
        """A command of the program that must succeed; gives what it printed."""
        done = subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"{words} failed: {done.stderr}")
        return done.stdout

    def status(self):
        """What `jirani status` prints. Its exit code says whether it has something to complain about."""
        return subprocess.run(self.command("status"), capture_output=True, text=True, timeout=30, check=False).stdout

    def person(self, name):
        """Somebody more in this house."""
        password = f"secret of {name}"
        printed = self.ask("account", "add", name, "--password-stdin", stdin=password + "\n")
        return Person(self, printed.split()[1], password)

    def logged(self, pattern, after=0):
        """The lines of the log that have this, with their times."""
        found = []
        for line in self.log.read_bytes()[after:].decode(errors="replace").splitlines():
            if re.search(pattern, line):
                found.append((datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp(), line))
        return found

    def mark(self):
        return self.log.stat().st_size

    def reaches(self, person, up=True, after=0, seconds=15):
        """Waits until the log says that somebody came in reach or left; gives when."""
        pattern = rf"reach address={re.escape(person.address)} .*up={str(up).lower()}"
        try:
            return until(lambda: self.logged(pattern, after), seconds)[0][0]
        except TimeoutError:
            raise TimeoutError(f"no {pattern} within {seconds} s:\n{self.tail()}") from None

    def tail(self, lines=30):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class Person:
    """Somebody with an account and, once they are in, a client."""

    def __init__(self, house, address, password):
        self.house, self.address, self.password = house, address, password
        self.bot = None
        # (when, from, body) and (when, from, what): of all clients that this person had.
        self.heard, self.seen = [], []
        # Bodies that the daemon has acknowledged (XEP-0198).
        self.acknowledged = []

    def room(self):
        return self.house.room()

    def login(self, plugins=(), available=True):
        async def come():
            self.bot = Bot(self.house, (self.address, self.password), plugins=plugins)
            self.bot.add_filter("in", self.note)
            self.bot.add_event_handler("stanza_acked", lambda stanza: self.acknowledged.append(stanza["body"]))
            await self.bot.login(available=available)

        self.room().do(come())
        return self

    def note(self, stanza):
        if stanza.name == "message" and (stanza["body"] or stanza["type"] == "error"):
            body = stanza["error"]["condition"] if stanza["type"] == "error" else stanza["body"]
            self.heard.append((time.time(), stanza["from"].bare, body))
        if stanza.name == "presence" and stanza["from"].bare != self.address:
            self.seen.append((time.time(), stanza["from"].bare, stanza["type"]))
        return stanza

    def drop(self):
        """The client is gone without a word."""
        self.room().tell(self.bot.abort)

    def leave(self):
        self.room().do(self.bot.leave())

    def befriend(self, other, seconds=15):
        """Each subscribes to the other, and both see each other. slixmpp agrees by itself, and asks back."""
        self.room().tell(lambda: self.bot.send_presence_subscription(pto=other.address, ptype="subscribe"))
        self.sees(other, "available", seconds)
        other.sees(self, "available", seconds)

    def is_(self, show):
        """Available, or `away` and so on."""
        self.room().tell(lambda: self.bot.send_presence(pshow=show if show != "available" else None))

    def shown(self, other):
        """What was last seen of somebody, with when."""
        states = [(at, what) for at, who, what in list(self.seen) if who == other.address]
        states = [state for state in states if state[1] in ("available", "away", "xa", "dnd", "chat", GONE)]
        return states[-1] if states else (0, GONE)

    def sees(self, other, what, seconds=15):
        """Waits until somebody is seen so; gives when that came."""
        try:
            until(lambda: self.shown(other)[1] == what, seconds)
        except TimeoutError:
            seen = "\n".join(f"{at:.3f} {who} {what}" for at, who, what in self.seen)
            raise TimeoutError(
                f"{other.address} not {what} to {self.address} within {seconds} s; seen:\n{seen}\n"
                f"--- the daemon of {self.address}:\n{self.house.tail()}\n--- of {other.address}:\n{other.house.tail()}"
            ) from None
        return self.shown(other)[0]

    def say(self, other, body):
        """Says it; gives when."""
        at = time.time()
        self.room().tell(lambda: self.bot.send_message(mto=other.address, mbody=body, mtype="chat"))
        return at

    def told(self, other):
        """All that somebody said, in order."""
        return self.told_by(other.address)

    def told_by(self, address):
        """All that an address that is nobody's said, in order."""
        return [body for _, who, body in list(self.heard) if who == address]

    def hears(self, other, body, seconds=15):
        """Waits for words of somebody; gives when they came."""
        found = lambda: [at for at, who, said in list(self.heard) if (who, said) == (other.address, body)]  # noqa: E731
        try:
            return until(found, seconds)[0]
        except TimeoutError:
            raise TimeoutError(
                f"{self.address} did not hear {body!r} within {seconds} s, but {self.heard[-20:]}\n"
                f"--- the daemon of {self.address}:\n{self.house.tail()}\n--- of {other.address}:\n{other.house.tail()}"
            ) from None

    def archive(self, other):
        """All bodies that the archive has between the two, in order (XEP-0313): (who, body)."""

        async def ask():
            self.bot.register_plugin("xep_0313")
            found = []
            async for result in self.bot["xep_0313"].iterate(with_jid=other.address):
                message = result["mam_result"]["forwarded"]["stanza"]
                found.append((message["from"].bare, message["body"]))
            return found

        return self.room().do(ask(), 60)


class Street:
    """Houses on laptops of a lab."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.houses, self.rooms = [], {}

    def room(self, laptop):
        if laptop.number not in self.rooms:
            self.rooms[laptop.number] = Room(laptop)
        return self.rooms[laptop.number]

    def house(self, laptop, name, config="", **more):
        return House(self, laptop, name, config, **more)

    def close(self):
        for room in self.rooms.values():
            room.close()


NAMES = ("lisa", "tom", "asha", "juma", "grace")


@contextlib.contextmanager
def empty_street(count, **more):
    """A lab with nobody in it, and a folder."""
    with Lab(count, **more) as lab, tempfile.TemporaryDirectory(prefix="jirani-laptops-") as folder:
        street = Street(lab, Path(folder))
        try:
            yield street
        finally:
            street.close()


@contextlib.contextmanager
def street(count, plugins=(), config="", **more):
    """A house on each laptop with its owner, who is in; all see each other's daemons."""
    with empty_street(count, **more) as place:
        houses = [place.house(laptop, NAMES[n], config) for n, laptop in enumerate(place.lab.laptops)]
        for house in houses:
            house.begin()
        people = [house.ready().owner for house in houses]
        for person in people:
            person.login(plugins)
        for house in houses:
            for other in people:
                if other.house is not house:
                    house.reaches(other)
        yield people


def times(**figures):
    """Prints figures for people: seconds as milliseconds, or as they are if they are words."""
    shown = [f"{name.replace('_', ' ')} {say(value)}" for name, value in figures.items()]
    print(f"      {', '.join(shown)}")


def say(value):
    if isinstance(value, str):
        return value
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


class Profanity:
    """Profanity in tmux on a person's laptop, typed into as they would. They are in it when it is made."""

    def __init__(self, person):
        self.folder = person.house.folder / "profanity"
        self.folder.mkdir()
        self.terminal = Terminal(self.folder, shlex.join(person.house.laptop.command("profanity")))
        self.shows("Profanity")
        printed = person.house.ask("setup", "profanity", "--name", person.address)
        self.type(re.search(r"^\s*(/connect .*)$", printed, re.MULTILINE)[1])
        self.shows("password")
        self.type(person.password)
        self.shows("tls")
        self.type(re.search(r"answer (/tls \w+)", printed)[1])
        self.shows(rf"{re.escape(person.address)}/\S+ logged in successfully")

    def type(self, line):
        self.terminal.type(line)

    def shows(self, pattern, seconds=20):
        """Waits until the screen has it; gives when."""
        try:
            until(lambda: re.search(pattern, self.terminal.screen()), seconds)
        except TimeoutError:
            raise AssertionError(f"{pattern!r} is not on the screen:\n{self.terminal.screen()}") from None
        return time.time()

    def panel(self):
        """What the list at the right shows: a quarter of the screen."""
        return "\n".join(line[150:] for line in self.terminal.screen().splitlines())

    def close(self):
        self.terminal.close()
