"""How long it takes until people see it: Finch with Jirani beside Finch by Bonjour, in labs alike, typed into and looked at alike.

    cargo xtask laptops measure

prints the figures of docs/performance.md. Without its name a case runs short: all but the cable of Bonjour, which takes two minutes.
"""

import contextlib
import os
import re
import signal
import statistics
import tempfile
import time
from pathlib import Path

from bonjour import Bonjour
from cases import case, until
from house import Street, say
from lab import Lab, ip
from purple import Finch, for_xmpp, prepare

ROUNDS = 10

# More than avahi keeps who is cut off.
CUT_SECONDS_MAX = 150


class ByBonjour:
    """Finch with libpurple's Bonjour; the system's avahi-daemon runs already, as it does on laptops."""

    def __init__(self, street, laptop, who):
        self.laptop, self.called = laptop, who.title()
        host = f"laptop{laptop.number}"
        self.shown_as = f"{who}@{host}"
        self.system = Bonjour(laptop, street.folder, host)
        self.purple = prepare(street.folder / who, "finch", "prpl-bonjour", who, port=5298, first=who.title(), last="")

    def start(self):
        self.finch = Finch(self.laptop, self.purple, self.system.environment)
        return self.finch


class ByJirani:
    """Finch with a Jirani, which runs already, as it does on laptops. Nobody has added anybody."""

    def __init__(self, street, laptop, who):
        self.laptop, self.called = laptop, who.title()
        self.house = street.house(laptop, who).start()
        self.shown_as = self.house.owner.address
        self.purple = for_xmpp(street.folder / f"finch-{who}", "finch", self.house.owner)

    def start(self):
        self.finch = Finch(self.laptop, self.purple)
        return self.finch


def finches(laptop):
    """The processes of Finch on a laptop."""
    pids = [int(pid) for pid in ip("netns", "pids", laptop.namespace).split()]
    return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "finch"]


def logged(finch, pattern, after):
    """Waits until Finch notes something in its log that was not there before; gives when."""
    until(lambda: len(re.findall(pattern, finch.logged())) > after, CUT_SECONDS_MAX)
    return time.time()


def count(finch, pattern):
    return len(re.findall(pattern, finch.logged()))


@contextlib.contextmanager
def two(kind):
    with Lab(2) as lab, tempfile.TemporaryDirectory(prefix="jirani-measures-") as folder:
        street = Street(lab, Path(folder))
        sides = [kind(street, laptop, who) for laptop, who in zip(lab.laptops, ("juliet", "romeo"), strict=True)]
        try:
            yield sides
        finally:
            for side in sides:
                side.finch.close()


def life(kind, cable):
    """All that happens between two people, measured: (what, seconds)."""
    figures = {}
    with two(kind) as (one, other):
        juliet = one.start()
        juliet.shows("Available")
        time.sleep(2)
        gone, away = (f"{re.escape(other.shown_as)}.*{words}" for words in ("(?:to|now) Offline", "to Away"))

        def enters():
            begun = time.time()
            other.start()
            return juliet.shows(rf"\b{other.called}\b", 40) - begun

        figures["program started to seen"] = enters()
        romeo = other.finch
        romeo.shows(rf"\b{one.called}\b", 40)
        time.sleep(1)
        typed = juliet.write(re.escape(other.shown_as), "hello 0")
        figures["first words typed to shown"] = romeo.shows("llo 0") - typed
        took = []
        for n in range(1, ROUNDS + 1):
            writer, reader = (juliet, romeo) if n % 2 else (romeo, juliet)
            took.append(reader_shows(writer, reader, f"hello {n}"))
        figures[f"typed to shown, median of {ROUNDS}"] = statistics.median(took)

        before = count(juliet, away)
        chosen = romeo.away()
        figures["away chosen to seen"] = logged(juliet, away, before) - chosen

        before = count(juliet, gone)
        left = time.time()
        romeo.press("M-q")
        figures["program left to seen"] = logged(juliet, gone, before) - left
        romeo.close()

        enters()
        before = count(juliet, gone)
        killed = time.time()
        for pid in finches(other.laptop):
            os.kill(pid, signal.SIGKILL)
        figures["program killed (-9) to gone"] = logged(juliet, gone, before) - killed
        other.finch.close()

        if kind is ByJirani:
            enters()
            before = count(juliet, gone)
            killed = time.time()
            other.house.kill()
            figures["daemon killed (-9) to gone"] = logged(juliet, gone, before) - killed
            other.house.start()
            other.finch.close()

        if cable:
            enters()
            before = count(juliet, gone)
            cut = time.time()
            other.laptop.cut()
            figures["cable out to gone"] = logged(juliet, gone, before) - cut
    return figures


def reader_shows(writer, reader, words):
    typed = writer.answer(words)
    # The window of the list hides the beginning, if it is in front.
    return reader.shows(rf"{words[2:]}\b") - typed


def tell(figures):
    for what, seconds in figures.items():
        print(f"      {what:34} {say(seconds)}")


@case("measure: Finch by Bonjour")
def by_bonjour():
    tell(life(ByBonjour, cable=True))


@case("measure: Finch with Jirani")
def by_jirani():
    tell(life(ByJirani, cable=True))
