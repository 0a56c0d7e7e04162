"""What the machine does to the daemon: a full disk, one that cannot be written, a torn log, no file left. Nothing that was
acknowledged is lost, people and the person who runs the node are told, and all goes on by itself when the cause is gone.
"""

import asyncio
import os
import resource
import subprocess

from bot import Bot
from harness import Skip, case, check
from raw import CLIENT, SM, Raw

DISK_MEGABYTES = 24


def small_disk(house):
    """The house's data is on a disk of its own."""
    house.data.mkdir(mode=0o700)
    options = f"size={DISK_MEGABYTES}m,mode=0700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", house.data], capture_output=True, check=False)
    if done.returncode != 0:
        raise Skip("this user may not mount a small disk (root may)")
    house.world.at_end.append(lambda: subprocess.run(["umount", "--lazy", house.data], check=False))


def fill(path):
    """Takes all the room that there is."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


async def write(author, to, numbers, size=20):
    """Writes messages and waits until all are acknowledged. Gives those that came back, with the condition and type."""
    for number in numbers:
        body = f"{number} ".ljust(size, "x")
        author.send(f"<message type='chat' to='{to}' id='{number}'><body>{body}</body></message>")
    author.send("<r xmlns='urn:xmpp:sm:3'/>")
    returned = {}
    while (element := await asyncio.wait_for(author.next(), 20)).tag != f"{SM}a":
        if element.get("type") == "error":
            error = element.find(f"{CLIENT}error")
            returned[int(element.get("id"))] = (error[0].tag.split("}")[1], error.get("type"))
    return returned


async def hear(reader, count):
    """The numbers of the next messages."""
    numbers = []
    while len(numbers) < count:
        element = await asyncio.wait_for(reader.next(), 20)
        if element.tag == f"{CLIENT}message" and element.find(f"{CLIENT}body") is not None:
            numbers.append(int(element.find(f"{CLIENT}body").text.split()[0]))
    return numbers


def cpu_seconds(house):
    with open(f"/proc/{house.process.pid}/stat") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


@case("a full disk: who writes is told, what needs no disk passes, status says why, and with room again all goes on")
async def full(world):
    house = world.house()
    small_disk(house)
    await house.start()
    people = house.people("ana", "ben")
    ana = await Raw.login(house.port, people[0])
    ben = await Raw.login(house.port, people[1], managed=False)
    check(await write(ana, people[1][0], [1]), {})
    check(await hear(ben, 1), [1])

    ballast = house.data / "ballast"
    fill(ballast)
    numbers = range(2, 102)
    returned = await write(ana, people[1][0], numbers, 20_000)
    assert returned, "the disk was not full"
    check(set(returned.values()), {("resource-constraint", "wait")})
    arrived = [number for number in numbers if number not in returned]
    check(await hear(ben, len(arrived)), arrived)
    said = house.run("status").stdout
    check("Nothing can be written" in said and "the disk is full" in said, True)
    check(house.log.read_text().count("nothing can be written"), 1)
    # What needs no disk is not disturbed: the other one is still there and answers.
    ben_says = "<message type='chat' to='{}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    ben.send(ben_says.format(people[0][0]))
    while (await asyncio.wait_for(ana.next(), 10)).find("{http://jabber.org/protocol/chatstates}composing") is None:
        pass

    ballast.unlink()
    check(await write(ana, people[1][0], [200]), {})
    check(await hear(ben, 1), [200])
    check("Nothing can be written" in house.run("status").stdout, False)
    check(house.logged("the store writes again"), True)
    ana.cut()
    ben.cut()
    house.stop()


@case("a full disk at the start: what waits is there to be read, and with room again all goes on")
async def full_at_start(world):
    house = world.house()
    small_disk(house)
    await house.start()
    people = house.people("ana", "ben")
    ana = await Raw.login(house.port, people[0])
    check(await write(ana, people[1][0], range(1, 6)), {})
    house.kill()
    ballast = house.data / "ballast"
    fill(ballast)
    await house.start()
    ben = await Raw.login(house.port, people[1], managed=False)
    check(await hear(ben, 5), list(range(1, 6)))
    check("disk" in house.run("status").stdout, True)
    ballast.unlink()
    ana = await Raw.login(house.port, people[0])
    check(await write(ana, people[1][0], [6]), {})
    check(await hear(ben, 1), [6])
    ana.cut()
    ben.cut()
    house.stop()


@case("a disk that cannot be written: the daemon says so and ends; when it can be written, all is there")
async def read_only(world):
    house = world.house()
    small_disk(house)
    await house.start()
    people = house.people("ana", "ben")
    ana = await Raw.login(house.port, people[0])
    check(await write(ana, people[1][0], range(1, 6)), {})
    house.kill()
    subprocess.run(["mount", "-o", "remount,ro", house.data], check=True)
    done = house.run("run")
    assert done.returncode not in (0, 101) and "read-only" in done.stderr.lower(), (done.returncode, done.stderr)
    subprocess.run(["mount", "-o", "remount,rw", house.data], check=True)
    await house.start()
    ben = await Raw.login(house.port, people[1])
    check(await hear(ben, 5), list(range(1, 6)))
    ben.cut()
    house.stop()


@case("a log that is torn by a power cut: the daemon starts, and has the first messages without a gap")
async def torn(world):
    house = await world.house().start()
    people = house.people("ana", "ben")
    log, = [path for path in house.data.glob("**/store.sqlite-wal")]
    first = 1
    for tear in (1, 100, 5000, 20_000):
        ana = await Raw.login(house.port, people[0])
        check(await write(ana, people[1][0], range(first, first + 10)), {})
        house.kill()
        size = log.stat().st_size
        with open(log, "r+b") as file:
            file.truncate(max(size - tear, 0))
            file.seek(0, os.SEEK_END)
            # What stood on the disk before, perhaps.
            file.write(os.urandom(777))
        await house.start()
        ben = await Raw.login(house.port, people[1], managed=False)
        bot = await Bot(house, people[0]).login()
        await bot.say(people[1][0], f"{first + 10} and it goes on")
        got = await hear(ben, 1)
        while got[-1] != first + 10:
            got += await hear(ben, 1)
        check(got[:-1], list(range(first, first + len(got) - 1)))
        ben.send("</stream:stream>")
        await bot.leave()
        # What was torn away may have been Ben's confirmation: he starts anew.
        first += 100
        people[1] = house.people("ben")[0]
    house.stop()


@case("more strangers than there are files: who is in goes on, others still get in, the daemon answers and does not spin")
async def files(world):
    house = await world.house().start(files=200)
    people = house.people("ana", "ben", "cid")
    ana, ben = await Bot(house, people[0]).login(), await Bot(house, people[1]).login()
    crowd = [await Raw.connect(house.port) for _ in range(400)]
    before = cpu_seconds(house)
    await asyncio.sleep(2)
    spent = cpu_seconds(house) - before
    assert spent < 0.4, f"{spent} s of CPU in 2 s"
    await ana.say(people[1][0], "still here")
    check((await ben.hear())["body"], "still here")
    cid = await Bot(house, people[2]).login()
    await cid.ping()
    house.ask("account", "list")
    for raw in crowd:
        raw.cut()
    for one in (ana, ben, cid):
        await one.leave()
    check(house.logged("no connection can be accepted"), False)
    house.stop()


@case("no file is left at all: who is in goes on, the daemon says so once and does not spin; later all get in again")
async def no_file(world):
    house = await world.house().start()
    people = house.people("ana", "ben", "cid")
    ana, ben = await Bot(house, people[0]).login(), await Bot(house, people[1]).login()
    pid = house.process.pid
    was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), was[1]))
    outside = [await Raw.connect(house.port) for _ in range(5)]
    before = cpu_seconds(house)
    await asyncio.sleep(2)
    spent = cpu_seconds(house) - before
    assert spent < 0.4, f"{spent} s of CPU in 2 s"
    check(house.log.read_text().count("no connection can be accepted"), 1)
    await ana.say(people[1][0], "still here")
    check((await ben.hear())["body"], "still here")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, was)
    cid = await Bot(house, people[2]).login()
    await cid.ping()
    check(house.logged("connections are accepted again"), True)
    for raw in outside:
        raw.cut()
    for one in (ana, ben, cid):
        await one.leave()
    house.stop()
