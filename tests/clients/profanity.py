"""Profanity in tmux, typed into as a person would: what `jirani setup profanity` prints, letter for letter."""

import asyncio
import os
import re
import shutil
import subprocess

from bot import Bot
from harness import Skip, case, check, until

SECONDS_MAX = 30


class Terminal:
    """A program in a tmux of its own."""

    def __init__(self, folder, command):
        self.socket = str(folder / "tmux")
        env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        env.update(LANG="C.UTF-8", LC_ALL="C.UTF-8", TERM="xterm")
        env.pop("TMUX", None)
        size = ["-x", "200", "-y", "50"]
        subprocess.run(
            ["tmux", "-S", self.socket, "-f", "/dev/null", "new-session", "-d", *size, command], env=env, check=True
        )

    def tmux(self, *args):
        return subprocess.run(
            ["tmux", "-S", self.socket, *args], capture_output=True, text=True, check=False, timeout=10
        ).stdout

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    async def shows(self, pattern):
        """Waits until the screen has it; otherwise the failure shows the screen."""
        try:
            await until(lambda: re.search(pattern, self.screen()), SECONDS_MAX)
        except TimeoutError:
            raise AssertionError(f"{pattern!r} is not on the screen:\n{self.screen()}") from None

    def close(self):
        self.tmux("kill-server")


@case("Profanity logs in by what `jirani setup profanity` prints, and chats with slixmpp")
async def chats(world):
    for program in ("profanity", "tmux"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    house = world.standing
    (maria, password), ben_person = house.people("maria", "ben")
    ben = await Bot(house, ben_person).login()
    printed = house.ask("setup", "profanity", "--name", maria)
    connect = re.search(r"^\s*(/connect .*)$", printed, re.MULTILINE)[1]
    trust = re.search(r"answer (/tls \w+)", printed)[1]

    folder = house.folder / "profanity"
    folder.mkdir()
    terminal = Terminal(folder, f"profanity --log DEBUG --logfile {folder}/log")
    try:
        await terminal.shows("Profanity")
        terminal.type(connect)
        await terminal.shows("password")
        terminal.type(password)
        await terminal.shows("tls")
        terminal.type(trust)
        await terminal.shows(rf"{re.escape(maria)}/\S+ logged in successfully")

        terminal.type(f"/msg {ben_person[0]} Habari, Ben?")
        heard = await ben.hear()
        check((heard["body"], heard["from"].bare), ("Habari, Ben?", maria))
        await ben.say(heard["from"].full, "Nzuri sana, asante!")
        await terminal.shows("Nzuri sana, asante!")
        terminal.type("ẞ 漢字 <&>")
        check((await ben.hear())["body"], "ẞ 漢字 <&>")
        terminal.type("/quit")
    finally:
        terminal.close()
    await ben.leave()
