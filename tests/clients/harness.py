"""What every case stands on: cases and their report, and a house: a real daemon with its data in a folder of its own."""

import asyncio
import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import traceback
from pathlib import Path

CASES = []
CASE_SECONDS_MAX = 60
START_SECONDS_MAX = 30


class Skip(Exception):
    """This machine cannot run the case; the sentence says why."""


def case(title):
    """Registers `async def case(world)`. What it raises is its failure."""

    def register(run):
        CASES.append((f"{run.__module__}: {title}", run))
        return run

    return register


def check(got, expect):
    if got != expect:
        raise AssertionError(f"got {got!r}, expected {expect!r}")


async def until(what, seconds=15):
    """Waits until `what()` is true, and gives what it gave. For what cannot tell us that it has happened."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what.__doc__ or what}")
        await asyncio.sleep(0.05)
    return found


def limit(name):
    """A limit by its name, as the daemon has it: a number, or a part of another limit."""
    text = (Path(__file__).parents[2] / "crates/base/src/limits.rs").read_text()
    whole, part = re.search(rf"pub const {name}: \w+ = (\w+)(?: / (\d+))?;", text).groups()
    number = int(whole) if whole[0].isdigit() else limit(whole)
    return number // int(part or 1)


def free_ports(count):
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


class World:
    """What the cases share: the binary, a standing house, and a list of what must be stopped."""

    def __init__(self, jirani):
        self.folder = Path(tempfile.mkdtemp(prefix="jirani-clients-"))
        # Other users of this computer run the same binary, and may not be able to look into the checkout.
        self.folder.chmod(0o711)
        self.jirani = self.folder / "jirani"
        shutil.copy2(jirani, self.jirani)
        self.jirani.chmod(0o755)
        self.houses = []
        self.names = 0
        self.standing = None
        self.at_end = []

    def house(self, config=""):
        house = House(self, len(self.houses), config)
        self.houses.append(house)
        return house

    def fresh(self, name):
        """A name that no other case has used."""
        self.names += 1
        return f"{name}{self.names}"

    def close(self):
        for house in self.houses:
            house.kill()
        for undo in self.at_end:
            undo()
        shutil.rmtree(self.folder, ignore_errors=True)


class House:
    """One daemon. It can be killed and started again with the same data."""

    def __init__(self, world, number, config):
        self.world = world
        self.folder = world.folder / f"house{number}"
        self.folder.mkdir(mode=0o711)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port, self.tls_port = free_ports(2)
        self.config = self.folder / "config.toml"
        self.write_config(config)
        self.process = None

    def write_config(self, more):
        # What a case does not ask for, it does not hear: the daemon greets, and says how many are near.
        contact = "" if "contact" in more else "contact = false\n"
        self.config.write_text(
            # Houses of one machine are no neighbours: `cargo xtask laptops` has those.
            f'listen = ["127.0.0.1:{self.port}"]\nlisten_tls = ["127.0.0.1:{self.tls_port}"]\nlinks = false\n{contact}{more}\n'
        )

    def command(self, *args, data=None):
        return [str(self.world.jirani), "--data", str(data or self.data), "--config", str(self.config), *args]

    async def start(self, files=None):
        """Starts the daemon, with at most so many files, and waits for its last words of greeting."""

        def limit_files():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        env = {**os.environ, "RUST_LOG": "info"}
        with open(self.log, "ab") as log:
            greeting = self.folder / "greeting"
            with open(greeting, "wb") as out:
                self.process = subprocess.Popen(
                    self.command("run"),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=log,
                    env=env,
                    preexec_fn=limit_files,
                )

        def greeted():
            """the daemon's greeting"""
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.tail()}")
            text = greeting.read_text()
            return text if "Ctrl-C ends it." in text else None

        self.greeting = await until(greeted, START_SECONDS_MAX)
        return self

    def ended(self):
        """The exit code of a daemon that nobody stopped."""
        return self.process.poll() if self.process else None

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stop(self):
        self.process.terminate()
        check(self.process.wait(10), 0)
        self.process = None

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def run(self, *args, stdin="", **more):
        """A command of the program, to its end."""
        return subprocess.run(
            self.command(*args), input=stdin, capture_output=True, text=True, timeout=30, check=False, **more
        )

    def ask(self, *args, stdin=""):
        """A command that must succeed; gives what it printed."""
        done = self.run(*args, stdin=stdin)
        if done.returncode != 0:
            raise AssertionError(f"{args} failed: {done.stderr}")
        return done.stdout

    def account(self, name, password=None):
        """Makes an account; gives its address and password."""
        password = password or f"secret of {name}"
        printed = self.ask("account", "add", name, "--password-stdin", stdin=password + "\n")
        return printed.split()[1], password

    def people(self, *names):
        """Makes accounts with names that are new."""
        return [self.account(self.world.fresh(name)) for name in names]

    @property
    def domain(self):
        return self.ask("account", "add", self.world.fresh("nobody")).split()[1].split("@")[1]

    def authority(self):
        """The certificate authority in a file, as `jirani trust --print` gives it."""
        path = self.folder / "jirani.pem"
        path.write_text(self.ask("trust", "--print"))
        return path

    def logged(self, text):
        return self.log.exists() and text in self.log.read_text(errors="replace")

    def log_length(self):
        return self.log.stat().st_size if self.log.exists() else 0

    def tail(self, begin=0):
        """The last lines of the log, none before `begin`."""
        said = self.log.read_bytes()[begin:] if self.log.exists() else b""
        return "\n".join(said.decode(errors="replace").splitlines()[-25:])


async def run_cases(world, only):
    """Runs what matches, one after the other. Gives whether nothing failed."""
    passed = failed = skipped = 0
    begun = time.monotonic()
    for title, run in CASES:
        if only and not any(word in title for word in only):
            continue
        start = time.monotonic()
        lengths = {house: house.log_length() for house in world.houses}
        try:
            await asyncio.wait_for(run(world), CASE_SECONDS_MAX)
        except Skip as why:
            skipped += 1
            print(f"SKIP  {title}: {why}", flush=True)
        except Exception:  # Whatever went wrong, the other cases still run.
            failed += 1
            print(f"FAIL  {title}\n{traceback.format_exc()}", flush=True)
            for house in world.houses:
                if (code := house.ended()) is not None:
                    print(f"--- the daemon of {house.data} had ended by itself with {code}", flush=True)
                if said := house.tail(lengths.get(house, 0)):
                    print(f"--- {house.log} meanwhile:\n{said}\n", flush=True)
        else:
            passed += 1
            print(f"PASS  {title} ({time.monotonic() - start:.1f} s)", flush=True)
    aside = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{aside} in {time.monotonic() - begun:.0f} s", flush=True)
    return failed == 0 and passed > 0
