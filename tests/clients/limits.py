"""Limits that a client meets, one less, just so, and beyond: the daemon says so and goes on serving the others."""

import asyncio
import socket

from bot import Bot
from harness import case, check, limit
from raw import CLIENT, SASL, SM, Raw


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


@case("who speaks to a client that does not read hears that it is too much; the client stays, and nobody else notices")
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
    ana.send("<r xmlns='urn:xmpp:sm:3'/>")
    refused = 0
    while (element := await ana.next()).tag != f"{SM}a":
        refused += element.get("type") == "error"
    deaf.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    had = 0
    while (element := await deaf.next()).tag != f"{CLIENT}iq":
        had += element.tag == f"{CLIENT}message"
    check(refused > 0, True)
    check(had + refused, sent)
    ana.cut()
    deaf.cut()
