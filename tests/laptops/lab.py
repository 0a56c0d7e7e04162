"""Laptops that are not there: network namespaces with a cable each to one switch, which is a bridge in a namespace of its
own. Nothing of it is seen by the rest of the machine, and all of it goes when the lab closes, whatever happened.

    with Lab(3) as lab:
        one, two, three = lab.laptops
        one.run("program", "argument")
        two.cut()
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# Namespaces are called after the process that made them, so that what a killed one left behind can be told and removed.
PREFIX = "jirani-lab-"

HUB = "hub"

# Switches off what cards do for the kernel (linux/ethtool.h: ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_STSO), as `ethtool -K` does.
OFFLOAD = r"""
import array, fcntl, socket, struct, sys
with socket.socket() as s:
    for command in (0x17, 0x24, 0x1F):
        order = array.array("B", struct.pack("II", command, 0))
        fcntl.ioctl(s, 0x8946, struct.pack("16sP", sys.argv[1].encode(), order.buffer_info()[0]))
"""


def why_not():
    """Why this machine can have no lab, in words; None if it can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "there is no `ip` (Debian: `apt install iproute2`)"
    probe = f"{PREFIX}{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no network namespace can be made: {made.stderr.strip()}"
    try:
        pair = ["ip", "-n", probe, "link", "add", "one", "type", "veth", "peer", "name", "other"]
        made = subprocess.run(pair, capture_output=True, text=True, check=False)
        return None if made.returncode == 0 else f"no cable can be made: {made.stderr.strip()}"
    finally:
        ip("netns", "del", probe)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def sweep():
    """Removes what labs left behind whose process is no more."""
    for line in ip("netns", "list").splitlines():
        name = line.split()[0]
        owner = re.fullmatch(PREFIX + r"(\d+)-.*", name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            remove(name)


def remove(namespace):
    """Ends what runs in a namespace, and removes it with all its interfaces."""
    deadline = time.monotonic() + 5
    while pids := ip("netns", "pids", namespace).split():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    ip("netns", "del", namespace)


class Lab:
    """So many laptops on one switch. `v4`: with addresses 10.77.0.1 and so on; without, they have link-local IPv6 only."""

    def __init__(self, count, v4=True):
        self.namespaces = []
        self.laptops = []
        self.v4 = v4
        self.count = count

    def __enter__(self):
        # So that a lab is closed, too, when somebody ends the tests.
        self.before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            sweep()
            self.hub = self.namespace(HUB)
            ip("-n", self.hub, "link", "add", "switch", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
            ip("-n", self.hub, "link", "set", "switch", "up")
            for _ in range(self.count):
                self.add()
            self.settle()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def namespace(self, name):
        namespace = f"{PREFIX}{os.getpid()}-{name}"
        ip("netns", "add", namespace)
        self.namespaces.append(namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
        return namespace

    def add(self):
        """One laptop more."""
        laptop = Laptop(self, len(self.laptops) + 1)
        self.laptops.append(laptop)
        laptop.plug("eth0", f"10.77.0.{laptop.number}/24" if self.v4 else None)
        return laptop

    def settle(self, seconds=10):
        """Waits until every laptop has a link-local address that it may use (RFC 4862)."""
        deadline = time.monotonic() + seconds
        while not all(laptop.is_ready() for laptop in self.laptops):
            if time.monotonic() > deadline:
                raise TimeoutError("the laptops have no link-local addresses")
            time.sleep(0.05)

    def isolate(self, on=True):
        """As an access point does that keeps its clients apart."""
        for line in ip("-n", self.hub, "-o", "link", "show", "master", "switch").splitlines():
            port = line.split()[1].rstrip(":").split("@")[0]
            command = ["bridge", "link", "set", "dev", port, "isolated", "on" if on else "off"]
            subprocess.run(["ip", "netns", "exec", self.hub, *command], check=True)

    def close(self):
        signal.signal(signal.SIGTERM, self.before)
        for laptop in self.laptops:
            for program in laptop.programs:
                program.kill()
                program.wait()
        while self.namespaces:
            remove(self.namespaces.pop())


class Laptop:
    """One of a lab's. Its first interface is `eth0`."""

    def __init__(self, lab, number):
        self.lab = lab
        self.number = number
        self.programs = []
        self.namespace = lab.namespace(str(number))

    def ip(self, *words):
        return ip("-n", self.namespace, *words)

    def plug(self, interface, address=None):
        """Makes an interface and puts its cable into the switch."""
        port = self.port(interface)
        ip("-n", self.lab.hub, "link", "add", port, "type", "veth", "peer", "name", interface, "netns", self.namespace)
        ip("-n", self.lab.hub, "link", "set", port, "master", "switch", "up")
        if address:
            self.ip("address", "add", address, "dev", interface)
        self.ip("link", "set", interface, "up")

    def port(self, interface):
        return f"p{self.number}-{interface}"

    def index(self, interface="eth0"):
        return int(self.ip("-o", "link", "show", interface).split(":")[0])

    def cut(self, interface="eth0"):
        """Pulls the cable out of the switch."""
        ip("-n", self.lab.hub, "link", "set", self.port(interface), "down")

    def restore(self, interface="eth0"):
        """Puts it back."""
        ip("-n", self.lab.hub, "link", "set", self.port(interface), "up")

    def down(self, interface="eth0"):
        """Switches the interface off, as somebody does who saves power."""
        self.ip("link", "set", interface, "down")

    def up(self, interface="eth0"):
        self.ip("link", "set", interface, "up")

    def offload(self, interface="eth0"):
        """Frames leave whole, with their sums: otherwise a kernel leaves both to a card, and here there is none. For whoever
        looks at frames by hand."""
        ip("netns", "exec", self.namespace, sys.executable, "-c", OFFLOAD, interface)

    def weather(self, loss, late, interface="eth0"):
        """Puts a cloud between the cable and the switch: see `weather.py`."""
        self.offload(interface)
        port, cloud = self.port(interface), f"w{self.number}-{interface}"
        ip("-n", self.lab.hub, "link", "set", port, "nomaster")
        ip("-n", self.lab.hub, "link", "add", cloud, "type", "veth", "peer", "name", f"{cloud}-s")
        for end in (cloud, f"{cloud}-s"):
            ip("-n", self.lab.hub, "link", "set", end, "up")
        ip("-n", self.lab.hub, "link", "set", f"{cloud}-s", "master", "switch")
        for laptop in self.lab.laptops:
            laptop.offload()
        script = str(Path(__file__).with_name("weather.py"))
        words = ["ip", "netns", "exec", self.lab.hub, sys.executable, "-B", script, port, cloud, str(loss), str(late)]
        program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.programs.append(program)
        if program.stdout.readline() != "weather\n":
            raise RuntimeError("no weather")

    def readdress(self, address, interface="eth0"):
        """Has another IPv4 address from now on."""
        self.ip("-4", "address", "flush", "dev", interface)
        self.ip("address", "add", address, "dev", interface)

    def is_ready(self):
        shown = self.ip("-6", "-o", "address", "show", "scope", "link")
        return bool(shown) and "tentative" not in shown

    def command(self, *words):
        return ["ip", "netns", "exec", self.namespace, *map(str, words)]

    def run(self, *words, **more):
        """Starts a program there. It is killed when the lab closes. Its process is the program itself: `ip` becomes it."""
        program = subprocess.Popen(self.command(*words), **more)
        self.programs.append(program)
        return program

    def python(self, code):
        """Runs some lines of Python there to their end; gives what they printed."""
        done = subprocess.run(
            self.command(sys.executable, "-c", code), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout
