"""Pidgin on a screen that is not there (Xvfb), typed into with xdotool. What it shows is in its log and its saved list."""

import os
import shutil
import subprocess

from cases import Skip, until
from purple import Purple, for_xmpp


class Pidgin(Purple):
    """Somebody's, on their laptop."""

    def __init__(self, person):
        for program in ("Xvfb", "xdotool"):
            if not shutil.which(program):
                raise Skip(f"there is no {program} (Debian: `apt install xvfb xdotool`)")
        folder = person.house.folder / "pidgin"
        super().__init__(for_xmpp(folder, "pidgin", person))
        self.laptop = person.house.laptop
        reads, writes = os.pipe()
        screen = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1000x700x24", "-nolisten", "tcp"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.xvfb = self.laptop.run(*screen, pass_fds=[writes], **quiet)
        os.close(writes)
        with open(reads) as shown:
            self.environment = {**os.environ, "DISPLAY": f":{shown.readline().strip()}", "HOME": str(folder), "LANG": "C.UTF-8"}
        self.process = self.laptop.run("pidgin", "--multiple", "--config", self.purple, env=self.environment, **quiet)

    def x(self, *words):
        done = subprocess.run(
            self.laptop.command("xdotool", *words), env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout.split()

    def window(self, name):
        """Waits for a window by its title."""

        def found():
            """the window"""
            return self.x("search", "--onlyvisible", "--name", name)

        return until(found, 20)[0]

    def answer(self, line):
        """Writes in the window of who wrote first."""
        window = self.window("not verified")
        self.x("windowfocus", window, "type", "--delay", "20", line)
        self.x("key", "Return")

    def picture(self, file):
        """A picture of the screen, for people to look at."""
        subprocess.run(self.laptop.command("import", "-window", "root", file), env=self.environment, check=True)

    def leave(self):
        """As the session's end ends it."""
        self.process.terminate()

    def close(self):
        for process in (self.process, self.xvfb):
            process.kill()
            process.wait()
