"""People of other programs on a laptop (XEP-0174): Finch's Bonjour over avahi, and a peer written by hand.

The laptop gets a message bus and an avahi-daemon of its own; programs find them by the environment.
"""

import asyncio
import os
import shutil
import subprocess
import time

from cases import Skip, until
from purple import Finch, prepare

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/></policy></busconfig>
"""


class Avahi:
    """A bus and an avahi-daemon on a laptop."""

    def __init__(self, laptop, folder, host):
        for program in ("dbus-daemon", "avahi-daemon", "avahi-publish"):
            if not shutil.which(program):
                raise Skip(f"there is no {program} (Debian: `apt install dbus avahi-daemon avahi-utils`)")
        self.laptop, self.folder = laptop, folder / f"avahi-{host}"
        self.folder.mkdir()
        socket = self.folder / "bus"
        (self.folder / "bus.conf").write_text(BUS.format(socket=socket))
        config = self.folder / "avahi.conf"
        config.write_text(f"[server]\nhost-name={host}\n[reflector]\n[wide-area]\nenable-wide-area=no\n")
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}"}
        self.quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        laptop.run("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile", **self.quiet)
        until(socket.exists)
        # Its places in /run are the machine's: it gets its own.
        words = f"mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {config}"
        self.run("unshare", "--mount", "sh", "-c", words)
        until(self.serves, 15)

    def run(self, *words):
        return self.laptop.run(*words, env=self.environment, **self.quiet)

    def serves(self):
        """avahi-daemon serves"""
        ask = ["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.Avahi", "/",
               "org.freedesktop.Avahi.Server.GetState"]  # fmt: skip
        command = self.laptop.command(*ask)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return "int32 2" in done.stdout

    def publish(self, instance, port, *txt):
        """Announces somebody, until the program that is given is killed."""
        return self.run("avahi-publish", "-s", instance, "_presence._tcp", str(port), *txt)


def finch(avahi, name, first):
    """Finch with a Bonjour account, in tmux on a laptop."""
    purple = prepare(avahi.folder / name, "finch", "prpl-bonjour", name, port=5298, first=first, last="")
    return Finch(avahi.laptop, purple, avahi.environment)


class Peer:
    """Somebody by hand: listens, answers headers as libpurple does, keeps what comes. In a house's room (`house.Room`)."""

    def __init__(self, room, name, port):
        self.room, self.name = room, name
        self.heard = ""
        self.writer = None
        room.do(self.listen(port))

    async def listen(self, port):
        self.server = await asyncio.start_server(self.serve, port=port)

    def header(self, other):
        return (
            '<?xml version="1.0" encoding="UTF-8" ?>\n<stream:stream xmlns="jabber:client" '
            f'xmlns:stream="http://etherx.jabber.org/streams" from="{self.name}" to="{other}">'
        )

    async def serve(self, reader, writer):
        greeted = False
        while data := await reader.read(65536):
            self.heard += data.decode(errors="replace")
            if not greeted and "<stream:stream" in self.heard:
                greeted, self.writer = True, writer
                writer.write(self.header("lisa").encode())
                await writer.drain()
        writer.close()

    def call(self, host, port, other, words):
        """Calls somebody and says this, raw; what comes is kept."""

        async def go():
            reader, writer = await asyncio.open_connection(host, port)
            writer.write((self.header(other) + words).encode())
            await writer.drain()
            self.writer = writer
            asyncio.ensure_future(self.keep(reader))

        self.room.do(go())

    async def keep(self, reader):
        while data := await reader.read(65536):
            self.heard += data.decode(errors="replace")

    def close(self):
        """The program ends."""

        async def go():
            self.server.close()
            if self.writer:
                self.writer.close()

        self.room.do(go())

    def write(self, text):
        async def go():
            self.writer.write(text.encode())
            await self.writer.drain()

        self.room.do(go())

    def hears(self, words, seconds=15):
        """Waits for words; gives when they were there."""
        until(lambda: words in self.heard, seconds)
        return time.time()
