"""Limits that a client meets, one less, just so, and beyond: the daemon says so and goes on serving the others."""

import asyncio
import resource
import socket

from bot import Bot
from harness import Skip, case, check, limit
from raw import CLIENT, SASL, SM, Raw


async def write_large(ana, to, number, size):
    body = f"{number} ".ljust(size, "x")
    ana.send(f"<message type='chat' to='{to}' id='{number}'><body>{body}</body></message>")
    await ana.writer.drain()


async def acknowledged(ana):
    """Reads until the daemon has acknowledged; gives the ids of the messages that came back as errors."""
    ana.send("<r xmlns='urn:xmpp:sm:3'/>")
    returned = []
    while (element := await ana.next()).tag != f"{SM}a":
        if element.get("type") == "error":
            returned.append(element.get("id"))
    return returned


@case("a password may have PASSWORD_BYTES_MAX bytes, and not one more")
async def passwords(world):
    house, most = world.standing, limit("PASSWORD_BYTES_MAX")
    for length in (most - 1, most):
        person = house.account(world.fresh("ana"), "p" * length)
        await (await Bot(house, person).login()).leave()
    for length in (most + 1, 10 * most):
        refused = house.run("account", "add", world.fresh("ana"), "--password-stdin", stdin="p" * length)
        check(refused.returncode, 1)


@case("an order may have CONTROL_LINE_BYTES_MAX bytes; who says more is not answered")
async def orders(world):
    house, most = world.standing, limit("CONTROL_LINE_BYTES_MAX")
    for length, answered in ((most - 1, True), (most, True), (most + 1, False), (10 * most, False)):
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(str(house.data / "control"))
            try:
                control.sendall(b'"' + b"x" * (length - 2) + b'"\n')
                answer = control.recv(4096)
            except ConnectionError:
                answer = b""
        check((length, b"that is no request" in answer), (length, answered))


@case("CONTROL_CONNECTIONS_MAX are answered at once; the next one waits until one of them has gone")
async def controls(world):
    house = world.standing
    silent = []
    for _ in range(limit("CONTROL_CONNECTIONS_MAX") - 1):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].connect(str(house.data / "control"))
    house.ask("account", "list")
    silent.append(socket.socket(socket.AF_UNIX))
    silent[-1].connect(str(house.data / "control"))
    listing = asyncio.create_task(asyncio.to_thread(house.ask, "account", "list"))
    done, _ = await asyncio.wait([listing], timeout=1)
    check(done, set())
    silent.pop().close()
    await asyncio.wait_for(listing, 5)
    for one in silent:
        one.close()


@case("UNAUTHENTICATED_CONNECTIONS_MAX: the stranger who has waited longest makes room; who is logged in stays")
async def strangers(world):
    house, most = world.standing, limit("UNAUTHENTICATED_CONNECTIONS_MAX")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * most:
        raise Skip("this process may not have so many connections (`ulimit -n`)")
    person, other = house.people("ana", "ben")
    ana = await Bot(house, person).login()
    there = [await Raw.connect(house.port) for _ in range(most)]
    await ana.ping()
    check(await gone(there[0]), False)
    there += [await Raw.connect(house.port) for _ in range(10)]
    await ana.ping()
    check([await gone(raw) for raw in there[:11]], [True] * 10 + [False])
    ben = await Bot(house, other).login()
    await ben.say(person[0], "we are still let in")
    check((await ana.hear())["body"], "we are still let in")
    for raw in there:
        raw.cut()
    await ana.leave()
    await ben.leave()


async def gone(raw):
    """Whether the daemon has ended a connection on which nobody spoke."""
    try:
        return await asyncio.wait_for(raw.reader.read(1), 0.2) == b""
    except ConnectionError:
        return True
    except (TimeoutError, asyncio.TimeoutError):
        return False


@case("AUTHENTICATION_FAILURES_MAX attempts to log in on one connection")
async def attempts(world):
    house, most = world.standing, limit("AUTHENTICATION_FAILURES_MAX")
    ((address, _),) = house.people("ana")
    name, domain = address.split("@")
    raw = await Raw.connect(house.port)
    await raw.open(domain)
    for _ in range(most):
        check(await raw.auth("PLAIN", f"\0{name}\0wrong".encode()), f"{SASL}not-authorized")
    check((await raw.next())[0].tag, "{urn:ietf:params:xml:ns:xmpp-streams}policy-violation")
    raw.cut()


@case("ACCOUNT_SESSIONS_MAX sessions of one account; the next is refused, and welcome when one has left")
async def sessions(world):
    house, most = world.standing, limit("ACCOUNT_SESSIONS_MAX")
    (person,) = house.people("ana")
    there = [await Raw.login(house.port, person, f"device{n}", managed=False) for n in range(most)]
    for _ in range(2):
        try:
            await Raw.login(house.port, person, "one too many", managed=False)
        except ConnectionError as why:
            check("not bound: {urn:ietf:params:xml:ns:xmpp-streams}resource-constraint" in str(why), True)
        else:
            raise AssertionError("there was no limit")
    there.pop().send("</stream:stream>")
    await asyncio.sleep(0.2)
    there.append(await Raw.login(house.port, person, "another", managed=False))
    for raw in there:
        raw.cut()


@case("a client that does not read is sent no more; what is said to it meanwhile waits, and comes when it reads")
async def deaf(world):
    house = world.standing
    people = house.people("ana", "ben")
    deaf = await Raw.login(house.port, people[1], "deaf", managed=False)
    ana = await Raw.login(house.port, people[0])
    # What the system's own buffers hold comes on top of the limit.
    body = "x" * 100_000
    sent = 10 * limit("SESSION_OUTPUT_BYTES_MAX") // len(body)
    for number in range(sent):
        ana.send(f"<message type='chat' to='{people[1][0]}/deaf' id='m{number}'><body>{body}</body></message>")
        await ana.writer.drain()
    refused = len(await acknowledged(ana))
    check(refused, 0)
    for number in range(sent):
        while (element := await deaf.next()).tag != f"{CLIENT}message":
            pass
        check(element.get("id"), f"m{number}")
    ana.cut()
    deaf.cut()


@case("large messages that waited come by pages of PAGE_BYTES_MAX: a client that confirms is never cut off")
async def large_pages(world):
    house, size = world.standing, limit("PAGE_BYTES_MAX") // 4
    for count in (3, 4, 5, 40):
        people = house.people("ana", "ben")
        ana = await Raw.login(house.port, people[0])
        for number in range(count):
            await write_large(ana, people[1][0], number, size)
            check(await acknowledged(ana), [])
        ben = await Bot(house, people[1], plugins=["xep_0198"]).login()
        for number in range(count):
            check((await ben.hear())["body"].split()[0], str(number))
        await ben.ping()
        check((ben.inbox.qsize(), ben.ends.qsize()), (0, 0))
        await ben.leave()
        ana.cut()


@case("a burst to somebody whose account is asleep: each message waits for them or comes back, none vanishes")
async def burst(world):
    house, count = world.standing, 40
    people = house.people("ana", "ben")
    ana = await Raw.login(house.port, people[0])
    for number in range(count):
        await write_large(ana, people[1][0], number, limit("PAGE_BYTES_MAX") // 4)
    returned = await acknowledged(ana)
    ben = await Bot(house, people[1], plugins=["xep_0198"]).login()
    for number in range(count):
        if str(number) not in returned:
            check((await ben.hear())["body"].split()[0], str(number))
    await ben.leave()
    ana.cut()
