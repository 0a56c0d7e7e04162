"""Two people who sit together compare words at their terminals (docs/formats/verification.md): whole daemons on laptops."""

import contextlib
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from cases import case, check, until
from lab import Lab
from nearby import Home

WORDS = re.compile(r"^    ([a-z]+)   ([a-z]+)   ([a-z]+)$", re.MULTILINE)
QUESTION = "in this order? [y/N]"


class Terminal:
    """A person at `jirani verify`: what it prints is read as it comes, and lines are typed into it."""

    def __init__(self, home, *words):
        self.text = ""
        self.process = home.laptop.run(*home.words("verify", *words), stdin=-1, stdout=-1, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while piece := self.process.stdout.read1(4096):
            self.text += piece.decode()

    def shows(self, text):
        try:
            until(lambda: text in self.text)
        except TimeoutError:
            raise AssertionError(f"{text!r} is not in {self.text!r}") from None

    def words(self):
        self.shows(QUESTION)
        return WORDS.search(self.text).groups()

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ends(self, code):
        check(self.process.wait(20), code)
        self.reader.join(5)
        return self.text


@contextlib.contextmanager
def laptops(*names, settled=True):
    """People on laptops of their own, in reach of each other."""
    with Lab(len(names)) as lab, tempfile.TemporaryDirectory(prefix="jirani-verification-") as folder:
        homes = [Home(Path(folder), laptop, name) for laptop, name in zip(lab.laptops, names)]
        try:
            for home in homes:
                home.start()
            for home in homes:
                home.sees(*(other.address() for other in homes if other is not home))
            if settled:
                # Both may have dialled, and one of two links is closed soon: words end with their link.
                time.sleep(2)
                until(lambda: {home.links()["count"] for home in homes} == {len(names) - 1})
            yield homes
        finally:
            for home in homes:
                if home.process:
                    home.process.kill()


def two(settled=True):
    return laptops("lisa", "tom", settled=settled)


def verified(home):
    return sorted(n["address"] for n in home.links()["neighbours"] if n["verified_by"] == [home.address()])


@case("two people compare three words and are verified, also after a start, until one takes it back")
def compare():
    with two() as (lisa, tom):
        check((verified(lisa), verified(tom)), ([], []))
        first = Terminal(lisa, "tom")
        first.shows(f"jirani verify {lisa.address()}")
        second = Terminal(tom, lisa.address(), "--account", "tom")
        check(first.words(), second.words())
        check(len(set(first.words())), 3)
        second.type("y")
        check(verified(tom), [])
        first.type("y")
        assert f"{tom.address()} is verified" in first.ends(0)
        assert f"{lisa.address()} is verified" in second.ends(0)
        check((verified(lisa), verified(tom)), ([tom.address()], [lisa.address()]))
        assert lisa.ask("neighbours").strip().endswith(", verified")
        assert ", verified\n" in lisa.run("status")[1]

        lisa.stop()
        lisa.start()
        lisa.sees(tom.address())
        check(verified(lisa), [tom.address()])
        check(lisa.ask("unverify", "tom"), f"{tom.address()} is verified no more.\n")
        check((verified(lisa), verified(tom)), ([], [lisa.address()]))
        code, said = lisa.run("unverify", "tom")
        check(code, 1)
        assert "has not verified" in said, said


@case("two people who begin at once are verified, whatever becomes of the first links between them")
def begin_at_once():
    with two(settled=False) as homes:
        while True:
            terminals = []
            for home, other in zip(homes, reversed(homes)):
                terminals.append(Terminal(home, other.address()))
                terminals[0].shows("has to do the same now")
            for terminal in terminals:
                until(lambda terminal=terminal: QUESTION in terminal.text or terminal.process.poll() is not None)
            for terminal in terminals:
                with contextlib.suppress(BrokenPipeError):
                    terminal.type("y")
            said = [terminal.ends(terminal.process.wait(20)) for terminal in terminals]
            if all(" is verified" in text for text in said):
                break
            # No other reason is good enough.
            again = "the connection between you changed: both begin again"
            assert any(again in text for text in said), said
        lisa, tom = homes
        check((verified(lisa), verified(tom)), ([tom.address()], [lisa.address()]))


def compare_words(*homes):
    """Two people compare words and say that they are the same."""
    terminals = []
    for home, other in zip(homes, reversed(homes)):
        terminals.append(Terminal(home, other.address()))
        terminals[0].shows("has to do the same now")
    check(terminals[0].words(), terminals[1].words())
    for terminal in terminals:
        terminal.type("y")
    for terminal in terminals:
        assert " is verified" in terminal.ends(0)


@case("whoever shows themselves to friends of friends is seen by whom two friends have met")
def vouched():
    with laptops("lisa", "tom", "ana", "paulo") as (lisa, tom, ana, paulo):
        friends = [ana.address(), paulo.address()]
        compare_words(lisa, ana)
        compare_words(lisa, paulo)
        lisa.ask("account", "visible", "lisa", "vouched")
        tom.sees(*friends)
        ana.sees(lisa.address(), tom.address(), paulo.address())
        compare_words(tom, ana)
        time.sleep(1)
        tom.sees(*friends)
        compare_words(tom, paulo)
        tom.sees(lisa.address(), *friends)
        check(verified(lisa), sorted(friends))
        # Tom is started again, and shows it on his next link. When Lisa takes one back, it is over.
        tom.stop()
        tom.start()
        tom.sees(lisa.address(), *friends)
        lisa.ask("unverify", "ana")
        tom.sees(*friends)
        ana.sees(lisa.address(), tom.address(), paulo.address())


@case("a no on one screen is told on both, and three tries are all there are in an hour")
def refuse():
    with two() as (lisa, tom):
        seen = set()
        for n in range(3):
            # The two take turns.
            homes = (lisa, tom) if n % 2 == 0 else (tom, lisa)
            first = Terminal(homes[0], homes[1].address())
            first.shows("has to do the same now")
            second = Terminal(homes[1], homes[0].address())
            check(first.words(), second.words())
            seen.add(first.words())
            first.type("y")
            second.type("n")
            assert "is not verified: they saw other words" in first.ends(1)
            assert "is not verified: you said no" in second.ends(1)
        check(len(seen), 3)
        for home, other in ((lisa, tom), (tom, lisa)):
            code, said = home.run("verify", other.address())
            check(code, 1)
            assert re.search(r"too many tries: try again in (60|59) min", said), said
        check((verified(lisa), verified(tom)), ([], []))


@case("whoever is not there is not compared with, and a link that ends ends it")
def gone():
    with two() as (lisa, tom):
        for who, why in [("mary", "nobody in reach is called mary"), ("m@x.jirani.alt", "they are not in reach")]:
            code, said = lisa.run("verify", who)
            check(code, 1)
            assert why in said, said
        first = Terminal(lisa, "tom")
        first.shows("has to do the same now")
        second = Terminal(tom, "lisa")
        check(first.words(), second.words())
        tom.process.kill()
        tom.process.wait()
        first.type("y")
        assert "they left reach" in first.ends(1), first.text
        second.type("y")
        second.ends(3)
        check(verified(lisa), [])
