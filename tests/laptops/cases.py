"""What every case with laptops stands on: the list of cases, and a finder whose lines can be waited for."""

import re
import threading
import time

ALL = []

# The program that finds, alone (the example `laptop` of crate `net`).
FINDER = None


class Skip(Exception):
    """This machine cannot run the case; the sentence says why."""


def case(title):
    """Registers `def case()`. What it raises is its failure."""

    def register(run):
        ALL.append((f"{run.__module__}: {title}", run))
        return run

    return register


def check(got, expect):
    if got != expect:
        raise AssertionError(f"got {got!r}, expected {expect!r}")


def until(what, seconds=15):
    """Waits until `what()` is true, and gives what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what.__doc__ or what}")
        time.sleep(0.01)
    return found


class Finder:
    """A finder on a laptop. Each line it prints is kept, with its time since the start."""

    def __init__(self, laptop, port=4700, *words):
        self.laptop, self.port = laptop, port
        self.lines = []
        self.begun = time.monotonic()
        self.process = laptop.run(FINDER, port, *words, stdin=-1, stdout=-1, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append((time.monotonic() - self.begun, line.strip()))

    def tell(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def mark(self):
        """A place in what it said: `wait` looks at what comes after."""
        return len(self.lines)

    def said(self, pattern, after=0):
        for at, line in list(self.lines)[after:]:
            if found := re.fullmatch(pattern, line):
                return at, found
        return None

    def wait(self, pattern, seconds=10, after=0):
        """Waits for a line; gives when it came, and the match."""
        try:
            return until(lambda: self.said(pattern, after), seconds)
        except TimeoutError:
            said = "\n".join(f"{at:7.3f} {line}" for at, line in self.lines)
            raise TimeoutError(f"no {pattern!r} within {seconds} s; it said:\n{said}") from None

    def silent(self, pattern, seconds, after=0):
        """Sees that a line does not come."""
        time.sleep(seconds)
        if found := self.said(pattern, after):
            raise AssertionError(f"it said {found[1][0]!r} after {found[0]:.3f} s")

    def name(self):
        """What it is announced as, at last."""
        self.wait(r"announce \d+ (\w+)")
        return [line.split()[2] for _, line in self.lines if line.startswith("announce")][-1]

    def finds(self, other, seconds=10, after=0):
        """Waits until it finds another one; gives when, and its addresses."""
        at, found = self.wait(rf"candidate {other.name()} (\S+)", seconds, after)
        return at, found[1].split(",")

    def quit(self):
        self.tell("quit")
        check(self.process.wait(5), 0)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cpu_ms(self):
        """CPU time so far."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 10

    def rss_kb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read())[1])
