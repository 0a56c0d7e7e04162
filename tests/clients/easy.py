"""What makes the daemon easy to run: it says how it is."""

import asyncio
import json
import socket
import stat

from bot import Bot
from harness import case, check, until


def status(house):
    """What `jirani status --json` says, and its exit code."""
    done = house.run("status", "--json")
    return done.returncode, json.loads(done.stdout)


@case("status: who is on, what waits, what is wrong and what to do")
async def says_how_it_is(world):
    house = await world.house().start()
    ana, ben = house.people("ana", "ben")
    bot = await Bot(house, ana).login()
    await bot.say(ben[0], "for later")
    await until(lambda: status(house)[1]["waiting_messages"] == 1)

    code, said = status(house)
    check((code, said["running"]), (4, True))
    check([finding["id"] for finding in said["findings"]], ["next-root-key-here"])
    (person,) = said["people"]
    check((person["address"], person["tls"], person["available"]), (str(bot.boundjid.full), True, True))
    check(person["mechanism"].startswith("SCRAM-SHA-256"), True)
    check((said["accounts"], said["connections"]["all"], said["shard"]["sessions"]), (3, 1, 1))

    (house.data / "identity/next-root-key.txt").unlink()
    check(status(house)[0], 0)
    printed = house.ask("status")
    check(f"{bot.boundjid.full}  since" in printed, True)
    check("Messages    1 waiting" in printed, True)
    await bot.leave()
    house.stop()

    check(status(house), (3, {"running": False}))
    done = house.run("account", "list")
    check((done.returncode, "Start one with `jirani`" in done.stderr), (3, True))


@case("check: everything that is wrong with the configuration, where, and what to do")
async def says_what_is_wrong(world):
    house = await world.house().start()
    check(house.run("check").returncode, 0)
    house.stop()
    check(house.run("check").returncode, 0)
    house.write_config('lisen = []\nresume_minutes = "ten"\ndomain = "school.example"\n')
    house.data.chmod(0o755)
    with socket.create_server(("127.0.0.1", house.port)):
        done = house.run("check")
    check((done.returncode, done.stderr), (4, ""))
    for words in (
        "Line 5: there is no key `lisen`.\n  Do you mean `listen`?",
        "Line 6: `resume_minutes` cannot be that",
        "No certificate is configured for school.example",
        f"Another program has 127.0.0.1:{house.port} already",
        f"chmod 700 {house.data}",
    ):
        check((words, words in done.stdout), (words, True))
    check(house.run("run").returncode, 1)


@case("backup while people write, restore elsewhere: messages and passwords are there, and no archive id is given twice")
async def backs_up(world):
    house = await world.house().start()
    ana, ben = house.people("ana", "ben")
    writer = await Bot(house, ana).login()
    reader = await Bot(house, ben).login()

    async def write(first, count):
        for number in range(first, first + count):
            await writer.say(ben[0], f"m{number}")
        return [await reader.hear() for _ in range(count)]

    def stanza_id(message):
        return message.xml.find("{urn:xmpp:sid:0}stanza-id").get("id")

    before = {stanza_id(message) for message in await write(0, 100)}
    await reader.leave()
    for number in range(100, 120):
        await writer.say(ben[0], f"m{number}")
    await until(lambda: status(house)[1]["waiting_messages"] == 20)
    file = house.folder / "backup"
    stream = asyncio.create_task(flood(writer, ben[0]))
    await asyncio.to_thread(house.ask, "backup", str(file))
    stream.cancel()
    check(stat.S_IMODE(file.stat().st_mode), 0o600)
    check(house.run("backup", str(file)).returncode, 1)

    # What happens after the backup is lost, but clients have seen its ids.
    reader = await Bot(house, ben).login()
    await until(lambda: status(house)[1]["waiting_messages"] == 0)
    while not reader.inbox.empty():
        before.add(stanza_id(reader.inbox.get_nowait()))
    lost = {stanza_id(message) for message in await write(1000, 50)}
    check(house.run("restore", str(file)).returncode, 1)
    house.kill()
    writer.abort()
    reader.abort()

    # A daemon that was killed leaves SQLite's log behind: that is in a backup too.
    second = house.folder / "second"
    house.ask("backup", str(second))
    house.data.rename(house.folder / "lost")
    house.ask("restore", str(file))
    for path in [house.data, *house.data.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        check((str(path), oct(mode)), (str(path), "0o700" if path.is_dir() else "0o600"))
    await house.start()
    check("Jirani is running for" in house.greeting, True)
    check(ana[0] in house.ask("account", "list"), True)
    writer = await Bot(house, ana).login()
    reader = await Bot(house, ben).login()
    waited = [await reader.hear() for _ in range(20)]
    check([message["body"] for message in waited], [f"m{number}" for number in range(100, 120)])
    check({stanza_id(message) for message in waited} <= before, True)
    await until(lambda: status(house)[1]["waiting_messages"] == 0)
    while not reader.inbox.empty():
        check(reader.inbox.get_nowait()["body"], "more")
    new = {stanza_id(message) for message in await write(2000, 200)}
    check((len(new), new & (before | lost)), (200, set()))
    await writer.leave()
    await reader.leave()
    house.stop()

    house.data.rename(house.folder / "first")
    house.ask("restore", str(second))
    await house.start()
    check(status(house)[1]["accounts"], 3)
    house.stop()


@case("chat: a line client of our own writes, hears, and shows nothing that acts on a terminal")
async def chats(world):
    house = world.standing
    ana, ben = house.people("ana", "ben")
    bot = await Bot(house, ben).login()
    chat = await asyncio.create_subprocess_exec(
        *house.command("chat", ana[0].split("@")[0]), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )

    def types(line):
        chat.stdin.write(line.encode() + b"\n")

    async def shown():
        return (await asyncio.wait_for(chat.stdout.readline(), 15)).decode().rstrip("\n")

    types(ana[1])
    check((await shown()).startswith(f"You are {ana[0]}."), True)
    name = ben[0].split("@")[0]
    types(f"/to {name}")
    check(await shown(), f"* You write to {name}.")
    types("habari < & >")
    heard = await bot.hear()
    check((heard["from"].bare, heard["body"]), (ana[0], "habari < & >"))
    await bot.say(ana[0], "nzuri\u009b2J")
    check((await shown())[5:], f" {name}: nzuri\\u{{9b}}2J")
    types("/quit")
    check(await asyncio.wait_for(chat.wait(), 15), 0)
    await bot.leave()

    done = house.run("chat", name, stdin="not the password\n")
    check((done.returncode, "the password is wrong" in done.stderr), (1, True))


async def flood(bot, to):
    """Writes until it is stopped."""
    while True:
        await bot.say(to, "more")
        await asyncio.sleep(0)
