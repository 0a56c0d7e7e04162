"""Bonjour as laptops have had it for twenty years (XEP-0174 by libpurple and avahi): the peer that ours is measured beside.

A laptop gets a message bus and an avahi-daemon of its own, in its namespace; Finch and Pidgin find them by the environment.
"""

import os
import shutil
import subprocess

from cases import Skip, until

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""

AVAHI = """[server]
host-name={host}
[reflector]
[wide-area]
enable-wide-area=no
"""


class Bonjour:
    """A bus and an avahi-daemon on a laptop. `environment` is for the programs that shall use them."""

    def __init__(self, laptop, folder, host):
        for program in ("dbus-daemon", "avahi-daemon"):
            if not shutil.which(program):
                raise Skip(f"there is no {program} (Debian: `apt install dbus avahi-daemon`)")
        folder = folder / f"bonjour-{host}"
        folder.mkdir()
        socket = folder / "bus"
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}"}
        (folder / "bus.conf").write_text(BUS.format(socket=socket))
        (folder / "avahi.conf").write_text(AVAHI.format(host=host))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": (folder / "log").open("ab")}
        self.bus = laptop.run("dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile", **quiet)
        until(socket.exists)
        # It writes the number of its process where the whole machine has it: that it gets for itself.
        words = "mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f"
        command = ["unshare", "--mount", "sh", "-c", f"{words} {folder}/avahi.conf"]
        self.avahi = laptop.run(*command, env={**os.environ, **self.environment}, **quiet)
        until(lambda: self.serves(laptop), 10)

    def serves(self, laptop):
        """avahi-daemon on its bus"""
        ask = ["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.Avahi", "/", "org.freedesktop.Avahi.Server.GetState"]
        done = subprocess.run(
            laptop.command(*ask), env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        # AVAHI_SERVER_RUNNING: the host's name is its own.
        return "int32 2" in done.stdout
