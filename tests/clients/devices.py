"""One person, several devices: copies of what the other one says and hears, and the history on each (XEP-0280, 0313)."""

import asyncio
import re

from bot import Bot
from harness import case, check
from profanity import at_profanity, log_in
from terminal import needs


@case("slixmpp: what one device says and hears, the other has too, and both find it in the archive (XEP-0280, 0313)")
async def carbons_and_archive(world):
    house = world.standing
    maria, ben_person = house.people("maria", "ben")
    plugins = ["xep_0280", "xep_0313"]
    ben = await Bot(house, ben_person, plugins=plugins).login()
    laptop = await Bot(house, maria, plugins=plugins).login()
    phone = await Bot(house, maria, plugins=plugins).login()
    copies = asyncio.Queue()
    phone.add_event_handler("carbon_sent", lambda m: copies.put_nowait(("sent", m["carbon_sent"]["body"])))
    phone.add_event_handler("carbon_received", lambda m: copies.put_nowait(("received", m["carbon_received"]["body"])))
    await phone["xep_0280"].enable()

    await laptop.say(ben_person[0], "jambo")
    check((await ben.hear())["body"], "jambo")
    check(await asyncio.wait_for(copies.get(), 10), ("sent", "jambo"))
    await ben.say(laptop.boundjid.full, "jambo sana")
    check((await laptop.hear())["body"], "jambo sana")
    check(await asyncio.wait_for(copies.get(), 10), ("received", "jambo sana"))

    for client in (phone, ben):
        found = [
            result["mam_result"]["forwarded"]["stanza"]["body"]
            async for result in client["xep_0313"].iterate(rsm={"max": 1})
        ]
        check(found, ["jambo", "jambo sana"])
    for client in (laptop, phone, ben):
        await client.leave()


@case("Profanity: contacts asked, agreed, seen away; words that waited; copies from another device; history")
async def profanity_life(world):
    needs("profanity")
    house = world.standing
    maria, ben_person = house.people("maria", "ben")
    ben = await Bot(house, ben_person).login()
    ben.auto_authorize = ben.auto_subscribe = True
    async with at_profanity(house, "life") as terminal:
        await log_in(terminal, house, maria)
        terminal.type(f"/sub request {ben_person[0]}")
        await terminal.shows("(?i)subscription|added")
        terminal.type(f"/sub allow {ben_person[0]}")
        await asyncio.sleep(1)
        ben.send_presence(pshow="away", pstatus="asleep under a tree")
        await terminal.shows("asleep under a tree")
        terminal.type("/carbons on")
        await asyncio.sleep(0.5)
        phone = await Bot(house, maria).login()
        await phone.say(ben_person[0], "from my phone")
        check((await ben.hear())["body"], "from my phone")
        await terminal.shows(r"\(\d+\)|from my phone|ben")
        terminal.type(f"/msg {ben_person[0]}")
        await terminal.shows("from my phone")
        await phone.leave()
        terminal.type("/quit")
    await ben.say(maria[0], "while you were away")
    await ben.ping()
    async with at_profanity(house, "life") as terminal:
        await log_in(terminal, house, maria, known=True)
        terminal.type(f"/msg {ben_person[0]}")
        await terminal.shows("while you were away")
        terminal.type("/roster")
        terminal.type("/win 1")
        await terminal.shows(re.escape(ben_person[0]))
        terminal.type("/quit")
    await ben.leave()
