"""What people do with slixmpp: chat, messages that wait, contacts, two devices, a new password, a cut connection."""

import asyncio

from bot import Bot
from harness import case, check, limit


@case("slixmpp and slixmpp chat, both ways, whatever the letters")
async def both_ways(world):
    house = world.standing
    people = house.people("ana", "ben")
    ana, ben = [await Bot(house, person).login() for person in people]
    for sender, receiver in ((ana, ben), (ben, ana)):
        for text in ("Habari?", "<&>\"' ]]>", "ẞ 漢字 🦦 \u2028 e\u0301"):
            await sender.say(receiver.boundjid.bare, text)
            heard = await receiver.hear()
            check((heard["body"], heard["from"]), (text, sender.boundjid))
    await ana.leave()
    await ben.leave()


@case("messages to somebody who is away wait, in order, with the time of writing; by pages of PAGE_MESSAGES_MAX")
async def offline(world):
    house, page = world.standing, limit("PAGE_MESSAGES_MAX")
    for count in (1, page - 1, page, page + 1, 10 * page):
        people = house.people("ana", "ben")
        ana = await Bot(house, people[0]).login()
        for number in range(count):
            await ana.say(people[1][0], f"number {number}")
        await ana.ping()
        ben = await Bot(house, people[1], plugins=["xep_0203"]).login()
        for number in range(count):
            heard = await ben.hear()
            check(heard["body"], f"number {number}")
            check(heard["delay"]["stamp"] is not None, True)
        await ben.leave()
        again = await Bot(house, people[1]).login()
        check(again.inbox.qsize(), 0)
        await again.leave()
        await ana.leave()


@case("a stranger to the daemon cannot be written to, and the sender is told")
async def nobody(world):
    house = world.standing
    (person,) = house.people("ana")
    ana = await Bot(house, person).login()
    await ana.say(f"no.such.person@{ana.boundjid.domain}", "hello?")
    heard = await ana.hear()
    check((heard["type"], heard["error"]["condition"]), ("error", "service-unavailable"))
    await ana.leave()


@case("two devices with one resource: both are told their names, or the older one why it must go")
async def conflict(world):
    house = world.standing
    ((address, password),) = house.people("ana")
    person = (f"{address}/phone", password)
    first = await Bot(house, person).login()
    second = await Bot(house, person).login()
    if second.boundjid == first.boundjid:
        check(await asyncio.wait_for(first.ends.get(), 10), "conflict")
    await second.say(address, "which of us?")
    check((await second.hear())["body"], "which of us?")
    await second.leave()
    await first.leave()


@case("a new password ends the sessions of the old one")
async def new_password(world):
    house = world.standing
    ((address, password),) = house.people("ana")
    bot = await Bot(house, (address, password), plugins=["xep_0198"]).login()
    house.ask("account", "passwd", address, "--password-stdin", stdin="another one\n")
    await asyncio.wait_for(bot.ends.get(), 10)
    bot.abort()
    try:
        await Bot(house, (address, password)).login()
    except ConnectionError as why:
        check(str(why), "not-authorized")
    else:
        raise AssertionError("the old password still works")
    again = await Bot(house, (address, "another one")).login()
    await again.leave()


@case("XEP-0198: a session survives its cut connection, and what came meanwhile comes once")
async def resumption(world):
    house = world.standing
    people = house.people("ana", "ben")
    ana = await Bot(house, people[0]).login()
    ben = await Bot(house, people[1], plugins=["xep_0198"]).login()
    resumed = asyncio.Event()
    ben.add_event_handler("session_resumed", lambda _: resumed.set())
    address = ben.boundjid.full
    await ana.say(address, "before")
    check((await ben.hear())["body"], "before")

    ben.transport.abort()
    await asyncio.wait_for(ben.ends.get(), 10)
    for number in range(20):
        await ana.say(address, f"meanwhile {number}")
    await ana.ping()
    ben.connect("127.0.0.1", house.port)
    await asyncio.wait_for(resumed.wait(), 15)
    check(ben.boundjid.full, address)
    for number in range(20):
        check((await ben.hear())["body"], f"meanwhile {number}")
    await ana.say(address, "after")
    check((await ben.hear())["body"], "after")
    await ben.say(people[0][0], "I am still here")
    check((await ana.hear())["body"], "I am still here")
    await ana.leave()
    await ben.leave()


@case("contacts: asked, agreed, named, seen coming and going, and still there after a restart of the client")
async def roster(world):
    house = world.standing
    people = house.people("ana", "ben")
    ana, ben = [await Bot(house, person).login() for person in people]
    ana_there, ben_gone = asyncio.Event(), asyncio.Event()
    ben.add_event_handler("got_online", lambda p: ana_there.set() if p["from"].bare == people[0][0] else None)
    ana.add_event_handler("got_offline", lambda p: ben_gone.set() if p["from"].bare == people[1][0] else None)

    await ana.update_roster(people[1][0], name="Ben", groups=["school"])
    ana.send_presence_subscription(pto=people[1][0], pfrom=people[0][0])
    await asyncio.wait_for(ana_there.wait(), 15)
    await ben.leave()
    await asyncio.wait_for(ben_gone.wait(), 15)
    await ana.leave()

    again = await Bot(house, people[0]).login()
    await again.get_roster()
    item = again.client_roster[people[1][0]]
    check((item["name"], item["groups"], item["subscription"]), ("Ben", ["school"], "both"))
    await again.leave()
