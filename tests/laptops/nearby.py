"""What a person sees and says of neighbours: whole daemons on laptops, and the commands that ask them."""

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import house
from cases import case, check, until
from lab import Lab

# Finding takes a second; with a machine that is busy, more.
SOON_SECONDS = 20


class Home:
    """A daemon on a laptop."""

    def __init__(self, folder, laptop, name, config=""):
        self.laptop, self.name = laptop, name
        self.folder = folder / f"{laptop.number}-{name}"
        self.folder.mkdir()
        self.data, self.process = self.folder / "data", None
        self.configure(config)

    def configure(self, config):
        text = 'listen = ["127.0.0.1:5222"]\nlisten_tls = []\nopen_to_this_computer = false\nscram_iterations = 1000\n'
        (self.folder / "config.toml").write_text(text + config + "\n")

    def words(self, *words, data=None):
        return [house.JIRANI, "--data", data or self.data, "--config", self.folder / "config.toml", *words]

    def start(self):
        out = (self.folder / "said").open("ab")
        self.process = self.laptop.run(
            *self.words("run", "--name", self.name), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )

        def serves():
            """the daemon serves"""
            check(self.process.poll(), None)
            return self.run("account", "list")[0] == 0

        until(serves, 40)
        return self

    def stop(self):
        self.process.terminate()
        check(self.process.wait(10), 0)

    def run(self, *words, stdin="", data=None):
        """A command's exit code and what it said."""
        done = subprocess.run(
            self.laptop.command(*self.words(*words, data=data)),
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def ask(self, *words, stdin=""):
        code, said = self.run(*words, stdin=stdin)
        assert code == 0, f"{words}: {code}, {said}"
        return said

    def status(self):
        return json.loads(self.run("status", "--json")[1])

    def links(self):
        return self.status()["links"]

    def address(self, name=None):
        return next(a for a in self.ask("account", "list").split() if a.startswith(f"{name or self.name}@"))

    def key(self, name=None):
        return next(k["fingerprint"] for k in self.links()["keys"] if k["address"] == self.address(name))

    def sees(self, *addresses):
        """Waits until exactly these are in reach."""

        def seen():
            """who is in reach"""
            return sorted(n["address"] for n in self.links()["neighbours"]) == sorted(addresses)

        try:
            until(seen, SOON_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{addresses} are not in reach:\n{self.run('status')[1]}") from None

    def metric(self, name):
        text = self.laptop.python(
            "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:9522/metrics').read().decode())"
        )
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " "))

    def finding(self, which):
        return next((f for f in self.status()["findings"] if f["id"] == which), None)

    def write_to(self, whom, body):
        """Says something as the house's owner, by the line client."""
        self.ask("account", "passwd", self.name, "--password-stdin", stdin="a-password\n")
        self.ask("chat", self.name, stdin=f"a-password\n/to {whom}\n{body}\n/quit\n")

        def is_quiet():
            """the client's session is over, and all is written"""
            status = self.status()
            return status["people"] == [] and status["store"]["unwritten_batches"] == 0

        until(is_quiet)

    def read(self, whom):
        """What waits from somebody for the house's owner: all that the line client shows in two seconds."""
        self.ask("account", "passwd", self.name, "--password-stdin", stdin="a-password\n")
        chat = self.laptop.run(*self.words("chat", self.name), stdin=-1, stdout=-1, text=True)
        chat.stdin.write("a-password\n")
        chat.stdin.flush()
        time.sleep(2)
        shown, _ = chat.communicate("/quit\n", timeout=20)
        return [line.split(f" {whom}: ")[1] for line in shown.splitlines() if f" {whom}: " in line]


@contextlib.contextmanager
def homes(count, config="", **more):
    with Lab(count, **more) as lab, tempfile.TemporaryDirectory(prefix="jirani-nearby-") as folder:
        names = ("lisa", "tom", "mary")
        yield [Home(Path(folder), laptop, names[at], config).start() for at, laptop in enumerate(lab.laptops)]


@case("neighbours are listed, and an account that is made or removed is seen at once")
def listed():
    with homes(2, config='metrics = "127.0.0.1:9522"') as (one, two):
        one.sees(two.address())
        said = one.ask("neighbours")
        assert said.startswith(two.address()) and ":5290" in said and len(said.splitlines()) == 1, said
        links = one.links()
        check((links["on"], links["count"], links["without_people"], links["nobody"]), (True, 1, 0, None))
        status = one.run("status")[1]
        for words in ("Neighbours  1 in reach", "Links       1, 0 of them", "UDP [::]:5290", one.key()):
            assert words in status, f"{words} is not in\n{status}"
        two.ask("account", "add", "anna")
        anna = two.address("anna")
        one.sees(two.address(), anna)
        people = two.data / "identity/people"
        check(len(list(people.iterdir())), 2)
        two.ask("account", "remove", "anna", "--yes")
        one.sees(two.address())
        until(lambda: len(list(people.iterdir())) == 1)
        # What is written to who has left waits in the outbox, and is gone when they have it.
        tom = two.address()
        two.stop()
        one.sees()
        assert "none: " in one.run("status")[1]
        one.write_to(tom, "habari")
        check(one.status()["outbox"]["count"], 1)
        assert "Outbox      1 waiting for who is not in reach, the oldest since" in one.run("status")[1]
        two.start()
        one.sees(tom)
        until(lambda: one.status()["outbox"] == {"count": 0, "since_ms": None})
        # A link before Tom left and one after.
        for name, least in (
            ("jirani_links", 1),
            ("jirani_links_total", 2),
            ("jirani_devices_in_reach", 1),
            ('jirani_parcels_total{result="out"}', 1),
            ('jirani_parcels_total{result="in"}', 1),
        ):
            assert one.metric(name) >= least, f"{name} is {one.metric(name)}"
        check([one.metric("jirani_outbox"), one.metric('jirani_parcels_total{result="refused"}')], [0, 0])


@case("an address is dialled where nobody is found")
def dialled():
    with Lab(2) as lab, tempfile.TemporaryDirectory(prefix="jirani-nearby-") as folder:
        for laptop in lab.laptops:
            # As a tunnel is: packets to one, none to all.
            laptop.ip("link", "set", "eth0", "multicast", "off")
        one, two = (Home(Path(folder), laptop, name) for laptop, name in zip(lab.laptops, ("lisa", "tom")))
        code, said = one.run("check")
        assert code == 4 and "has no neighbours" in said, said
        one.start()
        two.start()
        code, said = one.run("dial", "10.77.0.2:9")
        assert code == 1 and "nobody answered at 10.77.0.2:9" in said and "UDP port 9" in said, said
        code, said = one.run("dial", "10.77.0.1")
        assert code == 1 and "this daemon itself" in said, said
        check(one.links()["neighbours"], [])
        said = one.ask("dial", "10.77.0.2")
        check(said, f"There is a link with 10.77.0.2:5290. In reach: {two.address()}\n")
        two.sees(one.address())
        # Again, and by another address of the same daemon: there is one link.
        local = two.laptop.ip("-6", "-o", "address", "show", "scope", "link").split()[3].split("/")[0]
        assert "There is a link" in one.ask("dial", "10.77.0.2"), said
        said = one.ask("dial", f"{local}%eth0")
        assert f"In reach: {two.address()}" in said, said
        until(lambda: one.links()["count"] == 1)


@case("E07: a new key is shown, refused, and accepted by a person")
def accepted():
    with homes(2) as (one, two):
        tom = two.address()
        one.sees(tom)
        code, said = one.run("accept", tom, "--yes")
        assert code == 1 and "there is nothing to accept" in said, said
        code, said = one.run("accept", "tom", "--yes")
        assert code == 1 and "is no address" in said, said
        one.write_to(tom, "habari")
        until(lambda: one.status()["outbox"]["count"] == 0)
        known = two.key()
        two.stop()
        for key in (two.data / "identity/people").iterdir():
            key.unlink()
        two.start()
        shown = two.key()
        assert known != shown

        def told():
            """the change of the key"""
            return one.finding("key-changed")

        finding = until(told, SOON_SECONDS)
        assert known in finding["what"] and shown in finding["what"], finding
        assert f"jirani accept {tom}" in finding["todo"], finding
        one.sees()
        one.write_to(tom, "are you there?")
        # No is the answer if nobody answers.
        code, said = one.run("accept", tom)
        assert code == 1 and known in said and shown in said and "nothing was accepted" in said, said
        one.sees()
        assert "Accepted." in one.ask("accept", tom, stdin="y\n")
        one.sees(tom)
        check(one.finding("key-changed"), None)
        until(lambda: one.status()["outbox"]["count"] == 0)


@case("B22: a restored node is the one that it was, and what is said to it and by it goes on")
def restored():
    with homes(2) as (one, two):
        tom, key = two.address(), two.key()
        one.sees(tom)
        # Lisa looks at what has come only at the end.
        one.write_to(tom, "before")
        until(lambda: one.status()["outbox"]["count"] == 0)
        two.write_to(one.address(), "before")
        until(lambda: two.status()["outbox"]["count"] == 0)
        two.ask("backup", two.folder / "backup")
        # The backup does not know of these.
        for words in ("lost one", "lost two"):
            two.write_to(one.address(), words)
        until(lambda: two.status()["outbox"]["count"] == 0)
        two.stop()
        shutil.rmtree(two.data)
        two.ask("restore", two.folder / "backup")
        two.start()
        one.sees(tom)
        check(two.key(), key)
        two.write_to(one.address(), "after")
        until(lambda: two.status()["outbox"]["count"] == 0)
        check([one.finding("key-changed"), two.finding("identity-copied"), one.finding("identity-copied")], [None] * 3)
        check(one.read(tom), ["before", "lost one", "lost two", "after"])
        one.write_to(tom, "after")
        until(lambda: one.status()["outbox"]["count"] == 0)
        # The backup did not know either that he had read the first.
        check(two.read(one.address())[-1], "after")


@case("B23: two copies of one data directory are told on both")
def copied():
    with homes(1) as (one,), tempfile.TemporaryDirectory(prefix="jirani-nearby-") as folder:
        lab = one.laptop.lab
        one.stop()
        other = Home(Path(folder), lab.add(), "lisa")
        lab.settle()
        shutil.copytree(one.data, other.data)
        one.start()
        other.start()
        for home in (one, other):
            until(lambda home=home: home.finding("identity-copied"), SOON_SECONDS)
            check(home.links()["neighbours"], [])


@case("without links, or without a network, the reason is told")
def alone():
    with homes(1, config="links = false") as (one,):
        check(one.ask("neighbours"), "Nobody is in reach: links are off (`links` in the configuration).\n")
        for words in (("dial", "10.77.0.9"), ("accept", "tom@x.jirani.alt", "--yes")):
            code, said = one.run(*words)
            assert code == 1 and "links are off" in said, said
        one.stop()
        one.configure("")
        one.laptop.down()
        code, said = one.run("check")
        assert code == 4 and "connected to no network" in said, said
        one.start()
        until(lambda: one.links()["nobody"])
        assert "connected to no network" in one.ask("neighbours")
        code, said = one.run("dial", "fe80::1")
        assert code == 1 and "say on which" in said, said
