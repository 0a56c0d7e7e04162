"""`kill -9` while messages stream: what was acknowledged is there afterwards, in order, and nothing that was confirmed
comes again.

Acknowledged: an `<a h=.../>` of the daemon covers it. Confirmed: an `<a h=.../>` of the addressee covers it, and the
daemon has acknowledged something durable that the addressee sent behind that `<a/>`: until then its confirmation may
have been in the air, or not yet on disk, when the daemon died.
"""

import asyncio
import random

from harness import case, check
from raw import CLIENT, SM, Raw

SEEDS = range(5)
UNACKNOWLEDGED_MAX = 400


def number_in(message):
    body = message.find(f"{CLIENT}body")
    return int(body.text) if message.tag == f"{CLIENT}message" and body is not None else None


class Sender:
    """Writes numbered messages, in turn to each of `to`, as fast as they are acknowledged."""

    def __init__(self, raw, to, first):
        self.raw, self.to, self.first = raw, to, first
        self.sent = []
        self.acknowledged = 0

    async def write(self):
        number = self.first
        while True:
            for _ in range(random.randint(1, 10)):
                to = self.to[number % len(self.to)]
                self.raw.send(f"<message type='chat' to='{to}' id='m{number}'><body>{number}</body></message>")
                self.sent.append((to, number))
                number += 1
            self.raw.send("<r xmlns='urn:xmpp:sm:3'/>")
            await self.raw.writer.drain()
            while len(self.sent) - self.acknowledged > UNACKNOWLEDGED_MAX:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)

    async def read(self, available):
        while True:
            element = await self.raw.next()
            if element.tag == f"{SM}a":
                # The presence of the login is counted too.
                self.acknowledged = int(element.get("h")) - available
            elif element.tag == f"{SM}r":
                self.raw.send(f"<a xmlns='urn:xmpp:sm:3' h='{self.raw.had}'/>")
            else:
                self.raw.had += 1

    def promised(self, to):
        return [number for whom, number in self.sent[: self.acknowledged] if whom == to]


class Reader:
    """Takes messages, confirms them when asked, and knows what the daemon has surely heard of that."""

    def __init__(self, raw, friend):
        self.raw, self.friend = raw, friend
        self.numbers = []
        self.sure = 0
        """How many of `numbers` are confirmed."""
        self.barriers = []
        self.sent = 1

    async def read(self):
        while True:
            element = await self.raw.next()
            if element.tag == f"{SM}r":
                self.confirm()
            elif element.tag == f"{SM}a":
                handled = int(element.get("h"))
                self.sure = max([self.sure, *(count for sent, count in self.barriers if sent <= handled)])
            else:
                self.raw.had += 1
                number = number_in(element)
                if number is not None:
                    self.numbers.append(number)

    def confirm(self):
        self.raw.send(
            f"<a xmlns='urn:xmpp:sm:3' h='{self.raw.had}'/>"
            f"<message type='chat' to='{self.friend}'><body>0</body></message><r xmlns='urn:xmpp:sm:3'/>"
        )
        self.sent += 1
        self.barriers.append((self.sent, len(self.numbers)))

    async def take_everything(self):
        """Reads and confirms until all that waits has come and its confirmation is safe."""
        reading = asyncio.ensure_future(self.read())
        quiet = 0
        while quiet < 3:
            before = len(self.numbers)
            self.confirm()
            await asyncio.sleep(0.15)
            quiet = quiet + 1 if len(self.numbers) == before == self.sure else 0
        self.raw.send("</stream:stream>")
        await asyncio.wait([reading], timeout=10)
        self.raw.cut()
        await until_cut(reading)


async def until_cut(*tasks):
    """Lets them run into the end of the daemon. An error of another kind is the case's failure."""
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(ended, (ConnectionError, asyncio.CancelledError)):
            raise ended


async def round_of(house, seed, first, ana, eve, ben):
    """One life of the daemon, and the look afterwards. Gives the next number."""
    random.seed(seed)
    sender = Sender(await Raw.login(house.port, ana), [eve[0], ben[0]], first)
    online = Reader(await Raw.login(house.port, eve), ana[0])
    tasks = [asyncio.ensure_future(t) for t in (sender.write(), sender.read(1), online.read())]
    await asyncio.sleep(random.uniform(0.3, 1.2))
    house.kill()
    await asyncio.wait(tasks[1:], timeout=10)
    tasks[0].cancel()
    await until_cut(*tasks)
    for raw in (sender.raw, online.raw):
        raw.cut()
    # Otherwise nothing was tried.
    assert sender.acknowledged > 0 and online.sure > 0, (sender.acknowledged, online.sure)

    await house.start()
    for who, had, sure in ((eve, online.numbers, online.sure), (ben, [], 0)):
        after = Reader(await Raw.login(house.port, who), ana[0])
        await asyncio.wait_for(after.take_everything(), 30)
        promised, name = sender.promised(who[0]), f"{who[0]}, seed {seed}"
        lost = set(promised) - set(had) - set(after.numbers)
        assert not lost, f"{name}: {len(lost)} of {len(promised)} acknowledged messages were lost: {sorted(lost)[:5]}"
        for numbers in (had, after.numbers):
            assert numbers == sorted(set(numbers)), f"{name}: out of order or twice in one session: {numbers}"
        again = set(had[:sure]) & set(after.numbers)
        assert not again, f"{name}: {len(again)} confirmed messages came again: {sorted(again)[:5]}"
        third = Reader(await Raw.login(house.port, who), ana[0])
        await asyncio.wait_for(third.take_everything(), 30)
        check(third.numbers, [])
    return first + len(sender.sent)


@case(f"kill -9 during a stream of messages, {len(SEEDS)} times: nothing acknowledged is lost, nothing confirmed comes twice")
async def kill(world):
    house = await world.house().start()
    ana, eve, ben = house.people("ana", "eve", "ben")
    first = 1
    for seed in SEEDS:
        first = await round_of(house, seed, first, ana, eve, ben)
    house.stop()
