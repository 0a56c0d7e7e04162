"""A small client of our own with XEP-0198 in plain sight: for cases in which every acknowledgement counts."""

import asyncio
import base64
import xml.etree.ElementTree as ET

CLIENT = "{jabber:client}"
SM = "{urn:xmpp:sm:3}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"


class Raw:
    """A stream in clear on loopback."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.elements = []
        self.answer = None
        """The last answer to a SASL message."""
        self.had = 0
        """Stanzas received since stream management was enabled."""

    @classmethod
    async def connect(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, text):
        self.writer.write(text.encode())

    async def open(self, domain):
        """Begins a stream; gives the features."""
        self.parser, self.depth, self.elements = ET.XMLPullParser(("start", "end")), 0, []
        self.send(
            f"<?xml version='1.0'?><stream:stream to='{domain}' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        )
        return await self.next()

    async def next(self):
        """The next element of the stream. `ConnectionError` at its end."""
        while not self.elements:
            piece = await self.reader.read(65536)
            if not piece:
                raise ConnectionError("the stream has ended")
            self.parser.feed(piece)
            for event, element in self.parser.read_events():
                if event == "start":
                    if self.depth == 0:
                        self.root = element
                    self.depth += 1
                    continue
                self.depth -= 1
                if self.depth == 1:
                    self.root.clear()
                    self.elements.append(element)
        return self.elements.pop(0)

    async def auth(self, mechanism, message):
        """One SASL message; gives the name of the answer, or the condition of the failure."""
        encoded = base64.b64encode(message).decode() or "="
        self.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='{mechanism}'>{encoded}</auth>")
        self.answer = await self.next()
        return self.answer[0].tag if self.answer.tag == f"{SASL}failure" else self.answer.tag

    @classmethod
    async def login(cls, port, person, resource="raw", *, managed=True):
        """In by PLAIN, bound, `managed`: stream management on (not to be resumed), available."""
        address, password = person
        name, domain = address.split("@")
        raw = await cls.connect(port)
        await raw.open(domain)
        answer = await raw.auth("PLAIN", b"\0" + name.encode() + b"\0" + password.encode())
        if answer != f"{SASL}success":
            raise ConnectionError(answer)
        await raw.open(domain)
        raw.send(
            "<iq id='bind' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind></iq>"
        )
        answer = await raw.next()
        if answer.get("type") != "result":
            raise ConnectionError("not bound: " + " ".join(child.tag for child in answer))
        if managed:
            raw.send("<enable xmlns='urn:xmpp:sm:3'/>")
            if (await raw.next()).tag != f"{SM}enabled":
                raise ConnectionError("no stream management")
        raw.send("<presence/>")
        return raw

    def cut(self):
        self.writer.close()
