"""What makes the daemon easy to run: it says how it is."""

import json
import socket

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
        "Line 3: there is no key `lisen`.\n  Do you mean `listen`?",
        "Line 4: `resume_minutes` cannot be that",
        "No certificate is configured for school.example",
        f"Another program has 127.0.0.1:{house.port} already",
        f"chmod 700 {house.data}",
    ):
        check((words, words in done.stdout), (words, True))
    check(house.run("run").returncode, 1)
