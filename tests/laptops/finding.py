"""Laptops find each other: the finder, the kernel and the responders, without the rest of a daemon."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from cases import Finder, Skip, case, check, until
from lab import Lab


# Who starts in the same second as another is found with its second announcement: RFC 6762 section 6 forbids that a record
# is said again within a second, even to who asks.
SOON_SECONDS = 1.3


def soon(found, seconds=SOON_SECONDS):
    at, addresses = found
    assert at <= seconds, f"found after {at:.2f} s"
    return addresses


def all_find_each_other(finders):
    for one in finders:
        for other in finders:
            if one is not other:
                soon(one.finds(other))


@case("two, three and five find each other in a second")
def numbers():
    for count in (2, 3, 5):
        with Lab(count) as lab:
            finders = [Finder(laptop) for laptop in lab.laptops]
            all_find_each_other(finders)


@case("with nothing but link-local addresses, which come with their scope")
def link_local_only():
    with Lab(2, v4=False) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        all_find_each_other([one, two])
        index = lab.laptops[0].index()
        for address in one.finds(two)[1]:
            assert address.startswith("[fe80::") and address.endswith(f"%{index}]:4700"), address


@case("one that comes later is found at once, and so are the others by it")
def later():
    with Lab(2) as lab:
        one = Finder(lab.laptops[0])
        time.sleep(4)
        before, two = time.monotonic(), Finder(lab.laptops[1])
        soon(two.finds(one))
        one.finds(two)
        assert time.monotonic() - before <= 1


@case("two daemons on one laptop find each other and a third")
def two_on_one():
    with Lab(2) as lab:
        one, other = Finder(lab.laptops[0], 4700), Finder(lab.laptops[0], 4701)
        third = Finder(lab.laptops[1], 4700)
        all_find_each_other([one, other, third])
        check({address.rsplit(":")[-1] for address in third.finds(other)[1]}, {"4701"})


@case("who leaves says goodbye")
def goodbye():
    with Lab(2) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.finds(two)
        name = two.name()
        mark = one.mark()
        two.quit()
        one.wait(f"gone {name}", 2.5, mark)


@case("who is killed is asked for, and gone within seconds")
def killed():
    with Lab(2) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        addresses, name = one.finds(two)[1], two.name()
        one.tell(f"up 1 {name} {addresses[0]}")
        two.kill()
        mark = one.mark()
        one.tell("down 1")
        one.wait(rf"verify \d+ {name}", 1, mark)
        one.wait(f"gone {name}", 6, mark)


@case("E04 a goodbye that somebody else says changes nothing")
def false_goodbye():
    with Lab(3) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops[:2]]
        addresses, name = one.finds(two)[1], two.name()
        one.tell(f"up 1 {name} {addresses[0]}")
        time.sleep(2)
        mark = one.mark()
        lab.laptops[2].python(SAY + f"say(response(*instance({name!r}, {name!r}, '10.77.0.2', 4700, 0)))")
        one.silent(f"gone {name}", 6, mark)
        # The link ends, and it is still there: it answered when it was asked for.
        mark = one.mark()
        one.tell("down 1")
        one.wait(rf"candidate {name} \S+", 2, mark)


@case("a cable that is pulled and put back, under the same names")
def cable():
    with Lab(2) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.finds(two)
        name, mark = two.name(), two.mark()
        lab.laptops[1].cut()
        two.wait(r"stop \d+", 2, mark)
        two.wait("reason Some\\(NoInterface\\)", 2, mark)
        time.sleep(3)
        mark, ones = two.mark(), one.mark()
        lab.laptops[1].restore()
        two.finds(one, 3, mark)
        check(two.name(), name)
        two.silent(r"reason Some.*", 1, mark)
        one.silent(rf"gone {name}", 1, ones)


@case("an interface that is switched off for long, and on again")
def long_loss():
    with Lab(2) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.finds(two)
        old = two.name()
        lab.laptops[1].down()
        # A minute: no visit is interrupted for so long.
        time.sleep(61)
        mark, ones = two.mark(), one.mark()
        lab.laptops[1].up()
        two.finds(one, 5, mark)
        one.finds(two, 5, ones)
        # It may be another network: nobody shall be able to tell that it is the same laptop.
        assert two.name() != old


@case("another address: the others hear of it")
def readdressed():
    with Lab(2) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.finds(two)
        mark = one.mark()
        lab.laptops[1].readdress("10.77.0.99/24")
        one.wait(r"candidate \w+ \S*10\.77\.0\.99:4700\S*", 2, mark)
        # The old one is not believed any more, either.
        until(lambda: "10.77.0.2:" not in [line for _, line in one.lines if line.startswith("candidate")][-1], 5)


@case("E16 another network behind the same interface: another name")
def another_network():
    with Lab(1) as lab:
        one = Finder(lab.laptops[0])
        name, mark = one.name(), one.mark()
        lab.laptops[0].readdress("192.168.5.1/24")
        one.wait(rf"withdraw \d+ {name}", 5, mark)
        one.wait(rf"announce \d+ (?!{name})\w+", 2, mark)


@case("E13 two interfaces on one link are one neighbour")
def two_interfaces():
    with Lab(2) as lab:
        lab.laptops[0].plug("eth1", "10.77.0.101/24")
        lab.settle()
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.wait(r"withdraw \d+ \w+", 5)
        time.sleep(2)
        present = set()
        for _, line in two.lines:
            word, name, *_ = line.split()
            if word == "candidate":
                present.add(name)
            if word == "gone":
                present.discard(name)
        check(len(present), 1)
        # And who has two interfaces sees one neighbour, too.
        check(len({line.split()[1] for _, line in one.lines if line.startswith("candidate")}), 1)
        # Without the first, the second is announced.
        mark = one.mark()
        lab.laptops[0].cut()
        one.wait(r"announce \d+ \w+", 3, mark)
        two.wait(r"candidate \w+ \S*10\.77\.0\.101:4700\S*", 3)


@case("loopback is left alone, and used if that is wanted")
def loopback():
    with Lab(1) as lab:
        lab.laptops[0].cut()
        alone = Finder(lab.laptops[0], 4700)
        alone.wait(r"reason Some\(NoInterface\)", 2)
        alone.silent(r"start \d+", 1)
        one, two = [Finder(lab.laptops[0], port, "loopback") for port in (4701, 4702)]
        all_find_each_other([one, two])


@case("E12 nobody there, an access point that isolates, and no network are told apart within 30 s")
def reasons():
    with Lab(2) as lab:
        lab.isolate()
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.tell("manual 10.77.0.2:4700")
        one.wait(r"candidate 10.77.0.2:4700 \S+", 2)
        at, _ = two.wait(r"reason Some\(Nobody \{ wireless: false \}\)", 32)
        assert at >= 29
        mark = two.mark()
        lab.isolate(False)
        lab.laptops[1].cut()
        two.wait(r"reason Some\(NoInterface\)", 2, mark)
        mark = two.mark()
        lab.laptops[1].restore()
        two.wait(r"reason None", 3, mark)
        two.finds(one, 3, mark)


@case("E03 a question that may come from beyond the link is not answered, one from the link is")
def unicast():
    with Lab(2) as lab:
        one, two = lab.laptops
        finder = Finder(one)
        finder.name()
        time.sleep(1)
        # By multicast, with a port that is not mDNS's: RFC 6762 section 6.7. And to the link-local address.
        check(two.python(SAY + "print(ask(GROUP[0], query('_jirani._udp.local', 12)))").strip(), "answered")
        local = one.ip("-6", "-o", "address", "show", "scope", "link").split()[3].split("/")[0]
        ask = f"print(ask({local!r}, query('_jirani._udp.local', 12), socket.if_nametoindex('eth0')))"
        check(two.python(SAY + ask).strip(), "answered")
        # To an address that all the world may reach; from beyond the link, too.
        two.ip("address", "add", "192.0.2.9/32", "dev", "lo")
        one.ip("route", "add", "192.0.2.9/32", "via", "10.77.0.2")
        for source in ("10.77.0.2", "192.0.2.9"):
            ask = f"print(ask('10.77.0.1', query('_jirani._udp.local', 12), source={source!r}))"
            check(two.python(SAY + ask).strip(), "silence")


@case("so much changes that the kernel cannot tell it all: the end of it is seen")
def overflow():
    with Lab(1) as lab:
        one = Finder(lab.laptops[0])
        one.name()
        time.sleep(1)
        mark = one.mark()
        os.kill(one.process.pid, signal.SIGSTOP)
        changes = "".join(f"address {word} 10.8.0.1/24 dev eth0\n" for _ in range(3000) for word in ("add", "del"))
        batch = lab.laptops[0].command("ip", "-batch", "-")
        subprocess.run(batch, input=changes + "address add 10.77.0.50/24 dev eth0\n", text=True, check=True)
        os.kill(one.process.pid, signal.SIGCONT)
        one.wait(r"look \d+", 3, mark)
        # And what comes later, too.
        mark = one.mark()
        lab.laptops[0].ip("address", "add", "10.77.0.51/24", "dev", "eth0")
        one.wait(r"look \d+", 1, mark)


@case("E01 E02 malformed packets do no harm")
def malformed():
    with Lab(3) as lab:
        one = Finder(lab.laptops[0])
        one.name()
        lab.laptops[2].python(SAY + MALFORMED)
        two = Finder(lab.laptops[1])
        one.finds(two, 3)
        two.finds(one, 3)
        check(one.process.poll(), None)
        check([line for _, line in one.lines if line.startswith("stop")], [])
        assert one.cpu_ms() < 2000, f"{one.cpu_ms()} ms of CPU"


@case("E06 100,000 made-up neighbours: memory stays flat, and a real one is found")
def crowd():
    with Lab(3) as lab:
        one = Finder(lab.laptops[0])
        one.name()
        before = one.rss_kb()
        most = [before]
        flood = lab.laptops[2].run("python3", "-c", SAY + CROWD)
        while flood.poll() is None:
            most.append(one.rss_kb())
            time.sleep(0.1)
        check(flood.returncode, 0)
        tried = sum(line.startswith("candidate") for _, line in one.lines)
        print(f"      RSS {before} kB, at most {max(most)} kB; {tried} tried; {one.cpu_ms()} ms of CPU")
        assert max(most) < before + 32_000, f"{before} kB became {max(most)} kB"
        two = Finder(lab.laptops[1])
        one.finds(two, 65)


@case("E05 who claims our name makes us take others, and not for ever")
def contested():
    with Lab(2) as lab:
        one = Finder(lab.laptops[0])
        for _ in range(4):
            name, mark = one.name(), one.mark()
            lab.laptops[1].python(SAY + f"say(response(*instance({name!r}, 'thief', '10.77.0.2', 9)))")
            one.wait(rf"withdraw \d+ {name}", 5, mark)
        one.silent(r"announce .*", 2, mark)


@case("avahi on the same laptop and on another is no hindrance, and sees us")
def beside_avahi():
    daemon = shutil.which("avahi-daemon")
    if not daemon:
        raise Skip("there is no avahi-daemon (Debian: `apt install avahi-daemon avahi-utils`)")
    with Lab(2) as lab, tempfile.TemporaryDirectory(prefix="jirani-avahi-") as folder:
        config = f"{folder}/avahi.conf"
        with open(config, "w") as out:
            out.write("[server]\nhost-name=beside\nenable-dbus=no\n[reflector]\n[wide-area]\nenable-wide-area=no\n")
        laptop = lab.laptops[0]
        # Its places in /run are the machine's: it gets its own.
        words = f"mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && exec {daemon} -f {config} --no-drop-root --no-chroot"
        avahi = laptop.run("unshare", "--mount", "sh", "-c", words, stdout=-3, stderr=-3)
        time.sleep(1.5)
        check(avahi.poll(), None)
        one, two = [Finder(laptop) for laptop in lab.laptops]
        all_find_each_other([one, two])
        ask = SAY + "print(ask(GROUP[0], query('beside.local', 1)))"
        check(lab.laptops[1].python(ask).strip(), "answered")
        check(avahi.poll(), None)


@case("an idle finder takes next to nothing")
def idle():
    with Lab(2) as lab:
        one, two = [Finder(laptop) for laptop in lab.laptops]
        one.finds(two)
        time.sleep(10)
        before = one.cpu_ms()
        time.sleep(30)
        took = one.cpu_ms() - before
        print(f"      {took} ms of CPU in 30 s, {one.rss_kb()} kB")
        # The system counts in steps of 10 ms.
        assert took <= 10, f"{took} ms"


# What a stranger on the link says, by hand.
SAY = r"""
import os, socket, struct, time
GROUP = ("224.0.0.251", 5353)
def name(*labels):
    return b"".join(bytes([len(l)]) + l for l in (x.encode() if isinstance(x, str) else x for x in labels)) + b"\0"
SERVICE = ("_jirani", "_udp", "local")
def record(owner, kind, ttl, data, flush=0x8000):
    return owner + struct.pack("!HHIH", kind, 1 | flush, ttl, len(data)) + data
def ptr(instance, ttl=4500):
    return record(name(*SERVICE), 12, ttl, name(instance, *SERVICE), 0)
def instance(label, host, address, port, ttl=120):
    target = name(host, "local")
    return (ptr(label, ttl), record(name(label, *SERVICE), 33, ttl, struct.pack("!HHH", 0, 0, port) + target),
            record(name(label, *SERVICE), 16, ttl, b"\x03v=1"), record(target, 1, ttl, socket.inet_aton(address)))
def response(*records):
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)
def query(dotted, kind):
    return struct.pack("!HHHHHH", 7, 0, 1, 0, 0, 0) + name(*dotted.split(".")) + struct.pack("!HH", kind, 1)
def own():
    return os.popen("ip -4 -o address show eth0").read().split()[3].split("/")[0]
def mouth():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own()))
    s.bind(("", 5353))
    return s
def say(packet):
    mouth().sendto(packet, GROUP)
def ask(to, packet, scope=0, source=""):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    if not scope:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own()))
        s.bind((source, 0))
    s.settimeout(1.5)
    s.sendto(packet, (to, 5353, 0, scope) if scope else (to, 5353))
    try:
        s.recv(9000)
        return "answered"
    except TimeoutError:
        return "silence"
"""

MALFORMED = r"""
import random
chance = random.Random(1)
s = mouth()
good = response(*instance("a" * 16, "host", "10.77.0.3", 4700))
def head(questions=0, answers=0, flags=0x8400):
    return struct.pack("!HHHHHH", 0, flags, questions, answers, 0, 0)
rdata = struct.pack("!HHIH", 12, 1, 4500, 2)
packets = [
    b"", b"\0", good[:11], head(), head(1), head(0, 65535), head(65535, 0, 0),
    # E01: TXT that is longer than it says, that says more than there is; labels of no length; records with no data.
    response(record(name("a", *SERVICE), 16, 120, b"\xff" + b"x" * 10)),
    response(record(name("a", *SERVICE), 16, 120, b"")),
    response(record(name("a", *SERVICE), 16, 120, b"\x00" * 4000)),
    response(record(name("a", *SERVICE), 33, 120, b"")), response(record(name(*SERVICE), 12, 120, b"")),
    response(ptr("")), response(ptr("x" * 63)), response(ptr("a.b\\.c")), response(ptr(b"\x1b[2J\xff\xfe")),
    response(record(name("h", "local"), 1, 120, b"\x01")), response(record(name("h", "local"), 28, 120, b"\x01" * 15)),
    response(*instance("zero", "z", "0.0.0.0", 0)), response(*instance("wide", "w", "255.255.255.255", 1)),
    # E02: pointers to themselves, forward, to each other, and a chain of 4,000; names of 2,000 labels.
    head(0, 1) + b"\xc0\x0c" + rdata + b"\xc0\x0c", head(0, 1) + b"\xc0\xff" + rdata + b"\xc0\x0c",
    head(0, 1) + b"\xc0\x0e\xc0\x0c" + rdata + b"\xc0\x0c",
    head(0, 1) + b"".join(struct.pack("!H", 0xc000 + 12 + 2 * n) for n in range(1, 4000)) + b"\0" + rdata + b"\xc0\x0c",
    head(1) + b"\x01a" * 2000 + b"\0" + b"\0\x0c\0\x01",
    head(40, 0, 0) + b"".join(b"\xc0\x0c\0\xff\0\x01" if n else name(*SERVICE) + b"\0\xff\0\x01" for n in range(40)),
]
for n in range(3000):
    changed = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    packets.append(bytes(changed[: chance.randint(1, len(changed))] if chance.random() < 0.3 else changed))
for packet in packets:
    s.sendto(packet, GROUP)
    time.sleep(0.0005)
"""

CROWD = r"""
s = mouth()
for n in range(100_000):
    address = f"10.77.{n // 250 % 250}.{n % 250 + 1}"
    s.sendto(response(*instance(f"{n:016x}", f"h{n}", address, 4700)), GROUP)
    if n % 10 == 0:
        time.sleep(0.001)
"""
