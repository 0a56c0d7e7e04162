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

from bonjour_peer import Avahi, finch
from cases import case
from house import Street, say
from lab import Lab, ip
from purple import AVAILABLE, AWAY, Finch, for_xmpp

ROUNDS = 10

# More than avahi keeps who is cut off.
CUT_SECONDS_MAX = 150


class ByBonjour:
    """Finch with libpurple's Bonjour; the system's avahi-daemon runs already, as it does on laptops."""

    def __init__(self, street, laptop, who):
        self.laptop, self.who, self.called = laptop, who, who.title()
        host = f"laptop{laptop.number}"
        self.shown_as = f"{who}@{host}"
        self.avahi = Avahi(laptop, street.folder, host)

    def start(self):
        self.finch = finch(self.avahi, self.who, self.called)
        return self.finch


class ByJirani:
    """Finch with a Jirani, which runs already, as it does on laptops. Nobody has added anybody."""

    def __init__(self, street, laptop, who):
        self.laptop, self.called = laptop, who
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


def life(kind):
    """All that happens between two people, measured: (what, seconds)."""
    figures = {}
    with two(kind) as (one, other):
        juliet = one.start()
        juliet.shows("Available")
        time.sleep(2)

        def enters():
            begun = time.time()
            other.start()
            # Away at the second time: the program remembers.
            return juliet.lists(other.called, (AVAILABLE, AWAY), 40) - begun

        figures["program started to seen"] = enters()
        romeo = other.finch
        romeo.lists(one.called, (AVAILABLE,), 40)
        time.sleep(1)
        typed = juliet.write(re.escape(other.shown_as), "hello 0")
        figures["first words typed to shown"] = romeo.says("hello 0") - typed
        took = []
        for n in range(1, ROUNDS + 1):
            writer, reader = (juliet, romeo) if n % 2 else (romeo, juliet)
            typed = writer.answer(f"hello {n}")
            took.append(reader.says(f"hello {n}") - typed)
        figures[f"typed to shown, median of {ROUNDS}"] = statistics.median(took)

        juliet.press("M-1")
        chosen = romeo.away()
        figures["away chosen to seen"] = juliet.lists(other.called, (AWAY,)) - chosen

        left = time.time()
        romeo.press("M-q")
        figures["program left to seen"] = juliet.misses(other.called, CUT_SECONDS_MAX) - left
        romeo.close()

        enters()
        killed = time.time()
        for pid in finches(other.laptop):
            os.kill(pid, signal.SIGKILL)
        figures["program killed (-9) to gone"] = juliet.misses(other.called, CUT_SECONDS_MAX) - killed
        other.finch.close()

        if kind is ByJirani:
            enters()
            killed = time.time()
            other.house.kill()
            figures["daemon killed (-9) to gone"] = juliet.misses(other.called, CUT_SECONDS_MAX) - killed
            other.finch.close()
            other.house.start()

        enters()
        cut = time.time()
        other.laptop.cut()
        figures["cable out to gone"] = juliet.misses(other.called, CUT_SECONDS_MAX) - cut
    return figures


def tell(figures):
    for what, seconds in figures.items():
        print(f"      {what:34} {say(seconds)}")


@case("measure: Finch by Bonjour")
def by_bonjour():
    tell(life(ByBonjour))


@case("measure: Finch with Jirani")
def by_jirani():
    tell(life(ByJirani))
