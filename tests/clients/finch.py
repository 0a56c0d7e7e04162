"""Finch in tmux: an account with the fields that `jirani setup finch` names, the certificate accepted by hand."""

import re
from xml.sax.saxutils import escape

from bot import Bot
from harness import case, check, until
from terminal import Terminal, needs

ACCOUNTS = """<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account>
<protocol>prpl-jabber</protocol><name>{name}@{domain}/finch</name><password>{password}</password>
<settings>
<setting name='connect_server' type='string'>{server}</setting><setting name='port' type='int'>{port}</setting>
</settings>
<settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
"""


@case("Finch logs in by what `jirani setup finch` prints, and chats with slixmpp")
async def chats(world):
    needs("finch")
    house = world.standing
    (maria, password), ben_person = house.people("maria", "ben")
    ben = await Bot(house, ben_person).login()
    printed = house.ask("setup", "finch", "--name", maria)

    def field(label):
        return escape(re.search(rf"^ *{label} +(\S+)$", printed, re.MULTILINE)[1])

    account = ACCOUNTS.format(
        name=field("Username"), domain=field("Domain"), password=escape(password),
        server=field("Connect server"), port=field("Connect port"),
    )  # fmt: skip
    folder = house.folder / "finch"
    (folder / ".purple").mkdir(parents=True)
    (folder / ".purple/accounts.xml").write_text(account)
    terminal = Terminal(folder, "finch")
    try:
        await terminal.shows("Accept")
        # To the window that asks; its first button is Accept.
        terminal.press("M-n")
        await terminal.shows(r"Accept certificate for 127\.0\.0\.1\?")
        terminal.press("Enter")
        await until(lambda: house.logged(f"address={maria}"))

        await ben.say(maria, "Habari, Maria?")
        await terminal.shows("Habari, Maria\\?")
        terminal.press("M-n")
        terminal.type("Nzuri, <&> asante!")
        heard = await ben.hear()
        check((heard["body"], heard["from"].bare), ("Nzuri, <&> asante!", maria))
    finally:
        terminal.close()
    await ben.leave()
