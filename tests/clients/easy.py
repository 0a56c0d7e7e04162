"""What makes the daemon easy to run: it says how it is."""

import json

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
