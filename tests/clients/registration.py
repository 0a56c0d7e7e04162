"""Accounts made, changed and removed from the chat program itself (XEP-0077), as slixmpp does it."""

import asyncio

from slixmpp.exceptions import IqError

from bot import SECONDS_MAX, Bot
from harness import case, check
from raw import CLIENT, Raw


class Stranger(Bot):
    """Registers, if the server lets it, before it logs in. `refused` is the error, if it does not."""

    def __init__(self, house, person, **how):
        super().__init__(house, person, plugins=("xep_0077",), **how)
        self.refused = None
        self.add_event_handler("register", self._register)

    async def _register(self, form):
        iq = self.Iq()
        iq["type"] = "set"
        iq["register"]["username"] = self.boundjid.user
        iq["register"]["password"] = self.password
        try:
            await iq.send(timeout=SECONDS_MAX)
        except IqError as error:
            self.refused = error.condition


async def refusal(bot):
    """Why a bot is not let in."""
    try:
        await bot.login()
    except ConnectionError as why:
        return str(why)
    finally:
        bot.abort()
    raise AssertionError("it was let in")


async def answer(raw):
    """The next answer to a request."""
    while (element := await raw.next()).tag != f"{CLIENT}iq":
        pass
    return element


@case("slixmpp registers by STARTTLS, logs in, changes its password, and removes its account")
async def whole_life(world):
    house = await world.house("registration = true").start()
    address = f"amina@{house.domain}"
    bot = await Stranger(house, (address, "first")).login()
    check((bot.refused, bot.boundjid.bare), (None, address))
    other = await Bot(house, (address, "first")).login()

    await bot["xep_0077"].change_password("second", timeout=SECONDS_MAX)
    check(await asyncio.wait_for(other.ends.get(), SECONDS_MAX), "policy-violation")
    await bot.ping()
    check(await refusal(Bot(house, (address, "first"))), "not-authorized")
    again = await Bot(house, (address, "second")).login()
    await again.leave()

    await bot["xep_0077"].cancel_registration(timeout=SECONDS_MAX)
    check(await asyncio.wait_for(bot.ends.get(), SECONDS_MAX), "not-authorized")
    check(await refusal(Bot(house, (address, "second"))), "not-authorized")
    check(address in house.ask("account", "list"), False)
    house.stop()


@case("a name that is taken is refused, and its password stays; in clear on loopback too")
async def taken(world):
    house = await world.house("registration = true").start()
    address, password = house.account("amina")
    for how in ("starttls", "direct", "clear"):
        bot = Stranger(house, (address, "stolen"), how=how, mech="PLAIN")
        check(await refusal(bot), "not-authorized")
        check(bot.refused, "conflict")
    await (await Bot(house, (address, password)).login()).leave()
    house.stop()


@case("strangers make no accounts unless the configuration says so; who is in changes the password all the same")
async def off(world):
    house = world.standing
    stranger = Stranger(house, (f"{world.fresh('stranger')}@{house.domain}", "secret"))
    check(await refusal(stranger), "not-authorized")
    ((address, password),) = house.people("ana")
    ana = await Bot(house, (address, password), plugins=("xep_0077",)).login()
    await ana["xep_0077"].change_password("another", timeout=SECONDS_MAX)
    await ana.leave()
    await (await Bot(house, (address, "another")).login()).leave()


@case("of two new passwords at once the second is refused, and the first one holds")
async def two_at_once(world):
    house = world.standing
    ((address, password),) = house.people("ana")
    raw = await Raw.login(house.port, (address, password), managed=False)
    raw.send(
        "".join(
            f"<iq type='set' id='{new}'><query xmlns='jabber:iq:register'><username>{address.split('@')[0]}</username>"
            f"<password>{new}</password></query></iq>"
            for new in ("first", "second")
        )
    )
    answers = {(iq.get("id"), iq.get("type")) for iq in [await answer(raw), await answer(raw)]}
    check(answers, {("first", "result"), ("second", "error")})
    await (await Bot(house, (address, "first")).login()).leave()
    raw.cut()


@case("what cannot be a password is refused in words, before the login and after it")
async def no_password(world):
    house = await world.house("registration = true").start()
    wish = (
        "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>amina</username>"
        "<password>a\u0085b</password></query></iq>"
    )
    raw = await Raw.connect(house.port)
    await raw.open(house.domain)
    raw.send(wish)
    check((await answer(raw)).find(".//{*}not-acceptable") is not None, True)
    person = house.account("amina")
    ana = await Raw.login(house.port, person, managed=False)
    ana.send(wish)
    check((await answer(ana)).find(".//{*}not-acceptable") is not None, True)
    await (await Bot(house, person).login()).leave()
    raw.cut()
    ana.cut()
    house.stop()
