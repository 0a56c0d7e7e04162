"""Profanity in tmux, typed into as a person would: what `jirani setup profanity` prints, letter for letter."""

import re

from bot import Bot
from harness import case, check
from terminal import Terminal, needs


@case("Profanity logs in by what `jirani setup profanity` prints, and chats with slixmpp")
async def chats(world):
    needs("profanity")
    house = world.standing
    (maria, password), ben_person = house.people("maria", "ben")
    ben = await Bot(house, ben_person).login()
    printed = house.ask("setup", "profanity", "--name", maria)
    connect = re.search(r"^\s*(/connect .*)$", printed, re.MULTILINE)[1]
    trust = re.search(r"answer (/tls \w+)", printed)[1]

    folder = house.folder / "profanity"
    folder.mkdir()
    terminal = Terminal(folder, f"profanity --log DEBUG --logfile {folder}/log")
    try:
        await terminal.shows("Profanity")
        terminal.type(connect)
        await terminal.shows("password")
        terminal.type(password)
        await terminal.shows("tls")
        terminal.type(trust)
        await terminal.shows(rf"{re.escape(maria)}/\S+ logged in successfully")

        terminal.type(f"/msg {ben_person[0]} Habari, Ben?")
        heard = await ben.hear()
        check((heard["body"], heard["from"].bare), ("Habari, Ben?", maria))
        await ben.say(heard["from"].full, "Nzuri sana, asante!")
        await terminal.shows("Nzuri sana, asante!")
        terminal.type("ẞ 漢字 <&>")
        check((await ben.hear())["body"], "ẞ 漢字 <&>")
        terminal.type("/quit")
    finally:
        terminal.close()
    await ben.leave()
