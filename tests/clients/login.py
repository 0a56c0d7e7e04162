"""Every way in that a client of today may take (RFC 6120, XEP-0368, XEP-0440), and those that must stay shut."""

import asyncio
import re
import ssl
import subprocess
from pathlib import Path

from bot import Bot
from harness import Skip, case, check

# slixmpp binds to the TLS connection where Python can: what it needs, tls-exporter, came after Python 3.11.
SCRAM = "SCRAM-SHA-256-PLUS" if "tls-exporter" in ssl.CHANNEL_BINDING_TYPES else "SCRAM-SHA-256"


async def logs_in(world, expect, **how):
    house = world.standing
    (person,) = house.people("ana")
    bot = await Bot(house, person, **how).login()
    check(bot.mechanism, expect)
    check(bot.boundjid.bare, person[0])
    check(house.logged(f"mechanism=\"{expect}\" address={person[0]}"), True)
    return bot


@case("the first account, as the greeting prints it")
async def first_account(world):
    house = await world.house().start()
    address = re.search(r"Address +(\S+)", house.greeting)[1]
    password = re.search(r"Password +(\S+)", house.greeting)[1]
    check(re.search(r"port (\d+)", house.greeting)[1], str(house.port))
    bot = await Bot(house, (address, password)).login()
    check(bot.boundjid.bare, address)
    await bot.leave()
    house.stop()


@case(f"slixmpp by STARTTLS and {SCRAM}, its own choice")
async def starttls(world):
    await (await logs_in(world, SCRAM)).leave()


@case(f"slixmpp by TLS at once on the same port, {SCRAM}")
async def direct(world):
    await (await logs_in(world, SCRAM, how="direct")).leave()


@case("slixmpp by TLS at once on the port for it, ALPN xmpp-client")
async def direct_port(world):
    bot = await logs_in(world, SCRAM, how="direct", port=world.standing.tls_port, alpn=True)
    check(bot.socket.selected_alpn_protocol(), "xmpp-client")
    await bot.leave()


@case("slixmpp by SCRAM-SHA-1 under TLS")
async def sha1(world):
    await (await logs_in(world, "SCRAM-SHA-1", mech="SCRAM-SHA-1")).leave()


@case("slixmpp by PLAIN under TLS")
async def plain(world):
    await (await logs_in(world, "PLAIN", mech="PLAIN")).leave()


@case("slixmpp by PLAIN in clear on loopback")
async def plain_in_clear(world):
    await (await logs_in(world, "PLAIN", mech="PLAIN", how="clear")).leave()


@case("a wrong password is refused, whatever the mechanism")
async def wrong_password(world):
    ((address, _),) = world.standing.people("ana")
    for mech in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
        check(await refusal(world, (address, "wrong"), mech), "not-authorized")


@case("an unknown user is refused in the same words")
async def unknown_user(world):
    domain = world.standing.domain
    for mech in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
        check(await refusal(world, (f"no.such.person@{domain}", "wrong"), mech), "not-authorized")


async def refusal(world, person, mech):
    bot = Bot(world.standing, person, mech=mech)
    try:
        await bot.login()
    except ConnectionError as why:
        return str(why)
    finally:
        bot.abort()
    raise AssertionError(f"{person[0]} was let in")


@case("`localhost` as the domain; the bind result tells the address")
async def localhost(world):
    ((address, password),) = world.standing.people("ana")
    bot = await Bot(world.standing, (f"{address.split('@')[0]}@localhost", password)).login()
    check(bot.boundjid.bare, address)
    await bot.leave()


@case("slixmpp 1.8 of Debian 12 logs in by its own choice and hears itself")
async def debian(world):
    python = Path("/usr/bin/python3")
    script = Path(__file__).with_name("debian_slixmpp.py")
    known = await asyncio.to_thread(
        subprocess.run, [python, "-c", "import slixmpp"], capture_output=True, check=False, env={}
    )
    if known.returncode != 0:
        raise Skip("python3-slixmpp is not installed")
    house = world.standing
    ((address, password),) = house.people("ana")
    done = await asyncio.to_thread(
        subprocess.run,
        [python, script, address, password, str(house.port), house.authority()],
        capture_output=True, text=True, timeout=40, check=False, env={},
    )
    check((done.returncode, done.stdout, done.stderr[-2000:]), (0, f"heard {address}\n", ""))
