"""slixmpp, unmodified, as the cases use it."""

import asyncio
import ssl

import slixmpp

SECONDS_MAX = 15


class Bot(slixmpp.ClientXMPP):
    """A client of slixmpp. How it connects is one of `starttls`, `direct` (TLS at once) and `clear`.

    Verification is on where an `authority` is given.
    """

    def __init__(self, house, person, *, how="starttls", port=None, mech=None, authority=None, alpn=False, plugins=()):
        address, password = person
        super().__init__(address, password, sasl_mech=mech)
        self.house, self.where = house, port or house.port
        self.enable_starttls, self.enable_direct_tls = how == "starttls", how == "direct"
        self.enable_plaintext = how == "clear"
        for plugin in plugins:
            self.register_plugin(plugin)
        self["feature_mechanisms"].config.update(unencrypted_plain=how == "clear", unencrypted_scram=how == "clear")
        if authority:
            self.ca_certs = authority
        else:
            self.ssl_context.check_hostname = False
            self.ssl_context.verify_mode = ssl.CERT_NONE
        if alpn:
            self.ssl_context.set_alpn_protocols(["xmpp-client"])
        self.inbox = asyncio.Queue()
        self.ends = asyncio.Queue()
        self.started = asyncio.get_running_loop().create_future()
        self.failure = None
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("message", self._message)
        self.add_event_handler("message_error", self._message)
        self.add_event_handler("failed_auth", self._failed)
        self.add_event_handler("stream_error", lambda error: self.ends.put_nowait(error["condition"]))
        self.add_event_handler("disconnected", self._disconnected)

    def _started(self, _):
        if not self.started.done():
            self.started.set_result(None)

    def _message(self, message):
        if message["type"] in ("chat", "normal", "error"):
            self.inbox.put_nowait(message)

    def _failed(self, failure):
        self.failure = failure["condition"]

    def _disconnected(self, reason):
        self.ends.put_nowait("disconnected")
        if not self.started.done():
            self.started.set_exception(ConnectionError(self.failure or str(reason)))

    async def login(self, *, available=True):
        """Connects, and is there when this returns; or raises `ConnectionError` with the reason."""
        self.connect("127.0.0.1", self.where)
        await asyncio.wait_for(self.started, SECONDS_MAX)
        if available:
            self.send_presence()
            # What comes before the answer has been done.
            await self.ping()
        return self

    @property
    def mechanism(self):
        """The one that was really used."""
        return self["feature_mechanisms"].mech.name

    async def ping(self):
        """One round trip: what was sent before has been handled, what was sent to us has come."""
        iq = self.make_iq_get(ito=self.boundjid.domain)
        iq.append(slixmpp.xmlstream.ET.Element("{urn:xmpp:ping}ping"))
        try:
            await iq.send(timeout=SECONDS_MAX)
        except slixmpp.exceptions.IqError:
            pass  # An answer is an answer.

    async def say(self, to, body):
        self.send_message(mto=to, mbody=body, mtype="chat")

    async def hear(self, seconds=SECONDS_MAX):
        """The next message."""
        return await asyncio.wait_for(self.inbox.get(), seconds)

    async def leave(self):
        await asyncio.wait_for(self.disconnect(), SECONDS_MAX)
