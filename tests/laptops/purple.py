"""Finch and Pidgin, which share an engine: accounts as they keep them, typed into and looked at as a person would.

What they show is on the screen (Finch in tmux), in their logs and in the list that they save (`blist.xml`).
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

from cases import Skip, until

sys.path.append(str(Path(__file__).parents[1] / "clients"))
from terminal import Terminal  # noqa: E402

ACCOUNT = """<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account>
<protocol>{protocol}</protocol><name>{name}</name><password>{password}</password>
<settings>{settings}</settings>
<settings ui='{ui}'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
"""

# Who logs in and who writes is logged; windows of who writes first open by themselves; nothing is announced by sound.
PREFERENCES = """<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
<pref name='purple'><pref name='logging'>
<pref name='log_ims' type='bool' value='1'/><pref name='log_system' type='bool' value='1'/><pref name='format' type='string' value='txt'/>
</pref><pref name='away'><pref name='idle_reporting' type='string' value='none'/><pref name='away_when_idle' type='bool' value='0'/></pref>
</pref>
<pref name='finch'><pref name='sound'><pref name='method' type='string' value='nosound'/></pref></pref>
<pref name='pidgin'><pref name='conversations'><pref name='tabs' type='bool' value='0'/></pref><pref name='sound'><pref name='method' type='string' value='none'/></pref></pref>
</pref>
"""

# How Finch's list shows somebody.
AVAILABLE, AWAY = "◯", "⊖"

UI = {"finch": "gnt-purple", "pidgin": "gtk-gaim"}


def settings(**values):
    kinds = {str: "string", int: "int", bool: "bool"}
    return "".join(
        f"<setting name='{name}' type='{kinds[type(value)]}'>{escape(str(int(value) if value in (True, False) else value))}</setting>"
        for name, value in values.items()
    )


def prepare(folder, program, protocol, name, password="", **more):
    """A home directory with one account, which logs in by itself."""
    if not shutil.which(program):
        raise Skip(f"there is no {program} (Debian: `apt install {program}`)")
    purple = folder / ".purple"
    if purple.exists():
        # The program comes back.
        return purple
    purple.mkdir(parents=True)
    text = ACCOUNT.format(
        protocol=protocol, name=escape(name), password=escape(password), settings=settings(**more), ui=UI[program]
    )
    (purple / "accounts.xml").write_text(text)
    (purple / "prefs.xml").write_text(PREFERENCES)
    return purple


def for_xmpp(folder, program, person):
    """As `prepare`, for a person's account at their own daemon, whose certificate they have accepted before."""
    house = person.house
    local, domain = person.address.split("@")
    purple = prepare(
        folder, program, "prpl-jabber", f"{local}@{domain}/{program}", person.password,
        connect_server="127.0.0.1", port=house.port,
    )  # fmt: skip
    known = purple / "certificates/x509/tls_peers"
    known.mkdir(parents=True)
    fetch = f"import ssl; print(ssl.get_server_certificate(('127.0.0.1', {house.port})))"
    (known / "127.0.0.1").write_text(house.laptop.python(fetch))
    return purple


class Purple:
    """What both have in common."""

    def __init__(self, purple):
        self.purple = purple

    def logged(self):
        """All that was said to and by the person, and who came and went."""
        files = sorted(self.purple.glob("logs/**/*.txt"))
        return "\n".join(file.read_text(errors="replace") for file in files)

    def listed(self):
        """The saved list: {group: [address]}."""
        file = self.purple / "blist.xml"
        text = file.read_text() if file.exists() else ""
        groups = re.findall(r"<group name='([^']*)'.*?>(.*?)</group>", text, re.DOTALL)
        return {name: re.findall(r"<buddy .*?<name>([^<]*)</name>", inside, re.DOTALL) for name, inside in groups}


    def in_reach(self):
        """The people whom the saved list has as in reach. The daemon, which is there, too, is nobody's address."""
        return [address for address in self.listed().get("In reach", []) if "@" in address]


class Finch(Purple):
    """Finch in tmux on a laptop."""

    def __init__(self, laptop, purple, environment=None):
        super().__init__(purple)
        if not shutil.which("tmux"):
            raise Skip("there is no tmux (Debian: `apt install tmux`)")
        begun = dict(os.environ)
        os.environ.update(environment or {})
        try:
            self.terminal = Terminal(purple.parent, shlex.join(laptop.command("finch", "--config", str(purple))))
        finally:
            for name in environment or {}:
                os.environ.pop(name)
            os.environ.update(begun)
        self.begun = time.time()
        # Where the keys go that are for the list's window.
        self.at_status = False

    def screen(self):
        return self.terminal.screen()

    def press(self, *keys):
        for key in keys:
            self.terminal.press(key)
            time.sleep(0.05)

    def type(self, line):
        self.terminal.type(line)

    def shows(self, pattern, seconds=20):
        """Waits until the screen has it; gives when."""
        return self.until(lambda screen: re.search(pattern, screen), pattern, seconds)

    def hides(self, pattern, seconds=20):
        """Waits until the screen has it no more; gives when."""
        return self.until(lambda screen: not re.search(pattern, screen), f"no {pattern}", seconds)

    def says(self, words, seconds=20):
        """Waits until somebody's words are in a window; gives when. The list, if it is in front, hides their beginning."""
        seen = words[6:] if len(words) > 10 else words[2:]
        return self.shows(re.escape(seen) + r"(?!\w)", seconds)

    def listed_as(self, name):
        """The sign that the list has beside a name; `None` if it has no such name. The list's window must be in front."""
        found = re.search(rf"^│ +(\S) {re.escape(name[:12])}", self.screen(), re.MULTILINE)
        return found and found[1]

    def lists(self, name, signs, seconds=20):
        """Waits until the list shows somebody in one of these ways; gives when."""
        return self.until(lambda _: self.listed_as(name) in signs, f"{name}: {signs}", seconds)

    def misses(self, name, seconds=20):
        """Waits until the list shows that somebody has gone, or does not show them any more; gives when. (For some seconds
        Finch keeps a line for who has gone, with another sign.)"""
        return self.until(lambda _: self.listed_as(name) not in (AVAILABLE, AWAY), f"no {name}", seconds)

    def until(self, is_so, what, seconds):
        try:
            until(lambda: is_so(self.screen()), seconds)
        except TimeoutError:
            raise AssertionError(f"{what!r} is not on the screen after {seconds} s:\n{self.screen()}") from None
        return time.time()

    def write(self, name, line):
        """Chooses somebody in the list by what is shown beside them, and writes to them; gives when it was typed."""
        self.press("M-1")
        for _ in range(60):
            # The arrow keys of its list; the real ones it does not know in every terminal.
            self.press("C-n")
            time.sleep(0.3)
            if re.search(rf"┤{name}├", self.screen()):
                break
        else:
            raise AssertionError(f"{name} cannot be chosen:\n{self.screen()}")
        self.press("Enter")
        time.sleep(0.3)
        self.type(line)
        return time.time()

    def answer(self, line):
        """Writes in the window of somebody that opened last; gives when it was typed."""
        # The bar at the bottom has all windows, in the order of their keys. The daemon's greeting has one, too.
        bar = [line for line in self.screen().splitlines() if line.strip()][-1].split("│")
        people = [at for at, title in enumerate(bar, 1) if at > 1 and not title.startswith("Jirani")]
        self.press(f"M-{people[-1]}")
        time.sleep(0.1)
        self.type(line)
        return time.time()

    def away(self, is_away=True):
        """Chooses the status below the list; gives when."""
        self.press("M-1")
        if not self.at_status:
            self.press("Tab")
            self.at_status = True
        self.press("Enter", "C-n" if is_away else "C-p", "Enter")
        return time.time()

    def pid(self):
        return int(self.terminal.tmux("display", "-p", "#{pane_pid}"))

    def close(self):
        self.terminal.close()
        # Who starts it again in the same place meets nothing of the old one.
        until(lambda: not self.terminal.tmux("list-sessions"))
        (self.purple.parent / "tmux").unlink(missing_ok=True)
