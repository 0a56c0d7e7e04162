"""Many people in one house, each with a small client (tests/clients/raw.py) that says what a chat program says of itself."""

import asyncio
import time

from cases import until
from house import Person
from raw import CLIENT, Raw

# What chat programs send along, and what makes others ask: capabilities (XEP-0115) and a picture (XEP-0153).
PRESENCE = (
    "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://example.org/{0}' ver='crowd{0}'/>"
    "<x xmlns='vcard-temp:x:update'><photo>{0:040x}</photo></x></presence>"
)

AT_ONCE = 10


class Crowd:
    """So many people, all of whom are in when it is made."""

    def __init__(self, house, count):
        self.house = house
        self.people = [house.person(f"{house.name}{n}") for n in range(count)]
        self.iqs, self.heard = 0, []
        self.clients, self.readers = [None] * count, []
        house.room().do(self.enter(), 120)

    async def enter(self):
        door = asyncio.Semaphore(AT_ONCE)

        async def one(n, person: Person):
            async with door:
                self.clients[n] = await Raw.login(self.house.port, (person.address, person.password), managed=False)
            self.clients[n].send(PRESENCE.format(n))

        await asyncio.gather(*(one(n, person) for n, person in enumerate(self.people)))
        self.readers = [asyncio.create_task(self.read(n)) for n in range(len(self.clients))]

    async def read(self, n):
        while True:
            element = await self.clients[n].next()
            self.iqs += element.tag == f"{CLIENT}iq" and element.get("type") in ("get", "set")
            if element.tag == f"{CLIENT}message":
                self.heard.append((time.time(), n, element.findtext(f"{CLIENT}body")))

    def say(self, n, other, body):
        """One of them says it; gives when."""
        at = time.time()
        text = f"<message to='{other.address}' type='chat'><body>{body}</body></message>"
        self.house.room().tell(self.clients[n].send, text)
        return at

    def hears(self, n, body):
        """Waits until one of them is told this; gives when."""
        return until(lambda: [at for at, who, said in list(self.heard) if (who, said) == (n, body)], 10)[0]

    def queries(self):
        """How many questions the clients were asked."""
        return self.iqs

    def close(self):
        async def end():
            for reader in self.readers:
                reader.cancel()
            for client in self.clients:
                client.cut()

        self.house.room().do(end())
