"""Profanity in tmux, typed into as a person would: what `jirani setup profanity` prints, letter for letter."""

import contextlib
import re

from bot import Bot
from harness import case, check
from terminal import Terminal, needs


@contextlib.asynccontextmanager
async def at_profanity(house, name):
    """Profanity in a folder of its own, which it finds again under the same name."""
    folder = house.folder / f"profanity-{name}"
    folder.mkdir(exist_ok=True)
    terminal = Terminal(folder, f"profanity --log DEBUG --logfile {folder}/log")
    try:
        await terminal.shows("Profanity")
        yield terminal
    finally:
        terminal.close()


async def log_in(terminal, house, person, *, known=False):
    """Types what `jirani setup profanity` prints; the certificate is asked about only the first time."""
    address, password = person
    printed = house.ask("setup", "profanity", "--name", address)
    terminal.type(re.search(r"^\s*(/connect .*)$", printed, re.MULTILINE)[1])
    await terminal.shows("password")
    terminal.type(password)
    if not known:
        await terminal.shows("tls")
        terminal.type(re.search(r"answer (/tls \w+)", printed)[1])
    await terminal.shows(rf"{re.escape(address)}/\S+ logged in successfully")


@case("Profanity logs in by what `jirani setup profanity` prints, and chats with slixmpp")
async def chats(world):
    needs("profanity")
    house = world.standing
    maria, ben_person = house.people("maria", "ben")
    ben = await Bot(house, ben_person).login()
    async with at_profanity(house, "chats") as terminal:
        await log_in(terminal, house, maria)
        terminal.type(f"/msg {ben_person[0]} Habari, Ben?")
        heard = await ben.hear()
        check((heard["body"], heard["from"].bare), ("Habari, Ben?", maria[0]))
        await ben.say(heard["from"].full, "Nzuri sana, asante!")
        await terminal.shows("Nzuri sana, asante!")
        terminal.type("ẞ 漢字 <&>")
        check((await ben.hear())["body"], "ẞ 漢字 <&>")
        terminal.type("/quit")
    await ben.leave()
