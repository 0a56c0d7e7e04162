"""A program in a terminal that a case can type into and look at, by tmux."""

import os
import re
import shutil
import subprocess

from harness import Skip, until

SECONDS_MAX = 30


def needs(program):
    """Skips the case if a program is not there."""
    for name in (program, "tmux"):
        if not shutil.which(name):
            raise Skip(f"{name} is not installed")


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

    def press(self, key):
        """A key by tmux's name for it."""
        self.tmux("send-keys", key)
