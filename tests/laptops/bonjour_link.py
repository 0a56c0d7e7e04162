"""People of other programs on the same link (XEP-0174): seen, heard and written to by ours, and the other way round."""

import contextlib
import os
import re
import signal
import subprocess
import time

from bonjour_peer import Avahi, Peer, finch
from cases import case, check, until
from house import GONE, Room, empty_street


class Nearby:
    """Somebody on the link, as a person of ours knows them."""

    def __init__(self, person, local):
        self.address = f"{local}@nearby.{person.address.split('@')[1]}"
        self.house = person.house


@contextlib.contextmanager
def beside(host="forza", owner="lisa"):
    """A laptop with our daemon and its owner on the link, and one with avahi."""
    with empty_street(2) as place:
        lisa = place.house(place.lab.laptops[0], owner).start().owner
        lisa.login()
        lisa.house.ask("account", "bonjour", owner, "on")
        yield lisa, Avahi(place.lab.laptops[1], place.folder, host), place


@case("Finch's Bonjour: appears both ways, chats both ways, away, leaves, comes back, is killed, loses its cable")
def with_finch():
    with beside() as (lisa, avahi, place):
        romeo = Nearby(lisa, r"romeo\40forza")
        begun = time.time()
        with contextlib.closing(finch(avahi, "romeo", "Romeo M")) as program:
            seen = lisa.sees(romeo, "available", 30)
            program.shows("lisa", 30)
            print(f"      both see each other {time.time() - begun:.1f} s after Finch was started (lisa after {seen - begun:.1f} s)")
            at = lisa.say(romeo, "Habari, Romeo? <&> \u00e9\u00fc")
            took = program.says("Habari, Romeo? <&> \u00e9\u00fc") - at
            at = program.answer("Nzuri, <b> & \u00e4")
            back = lisa.hears(romeo, "Nzuri, <b> & \u00e4") - at
            print(f"      chat to Finch {took:.2f} s, back {back:.2f} s")
            long = "word " * 20_000
            lisa.say(romeo, long + "andnowtheend")
            program.says("andnowtheend")
            program.answer("and still here")
            lisa.hears(romeo, "and still here")
            at = program.away()
            print(f"      away seen after {lisa.sees(romeo, 'away', 10) - at:.1f} s")
            at = time.time()
            lisa.is_("dnd")
            print(f"      ours away on Finch's screen after {program.shows('⊖ lisa', 15) - at:.1f} s")
            # Looking whether he is there does not disturb the conversation.
            time.sleep(2)
            lisa.say(romeo, "now one more")
            program.says("now one more")
            os.kill(program.pid(), signal.SIGTERM)
            at = time.time()
            print(f"      left: gone after {lisa.sees(romeo, GONE, 15) - at:.1f} s")
        with contextlib.closing(finch(avahi, "paris", "Paris")) as program:
            paris = Nearby(lisa, r"paris\40forza")
            lisa.sees(paris, "available", 30)
            program.shows("lisa", 30)
            os.kill(program.pid(), signal.SIGKILL)
            at = time.time()
            print(f"      kill -9: gone after {lisa.sees(paris, GONE, 15) - at:.1f} s")
        with contextlib.closing(finch(avahi, "juliet", "Juliet")) as program:
            juliet = Nearby(lisa, r"juliet\40forza")
            lisa.sees(juliet, "available", 30)
            program.shows("lisa", 30)
            lisa.say(juliet, "are you there?")
            program.says("are you there?")
            avahi.laptop.cut()
            at = time.time()
            print(f"      cable out, in a conversation: gone after {lisa.sees(juliet, GONE, 60) - at:.1f} s")
            avahi.laptop.restore()
            lisa.sees(juliet, "available", 120)
            # Our end: the person switches it off, or the daemon ends.
            lisa.house.ask("account", "bonjour", "lisa", "off")
            lisa.sees(juliet, GONE, 5)
            program.hides(r"◯ lisa", 15)


@case("names with spaces, in UTF-8 and without an @; a long text, an offered file, an impostor; off is off")
def names():
    with beside("tablet") as (lisa, avahi, place):
        room = place.rooms[avahi.laptop.number] = Room(avahi.laptop)
        for port, name, local in (
            (5301, "Jörg Müller@tablet", r"jörg\20müller\40tablet"),
            (5302, "alice", "alice"),
            (5303, "x@y@z", r"x\40y\40z"),
            (5304, "dot.name@tablet", r"dot.name\40tablet"),
        ):
            peer, other = Peer(room, name, port), Nearby(lisa, local)
            publisher = avahi.publish(name, port, "txtvers=1", "status=avail")
            lisa.sees(other, "available", 20)
            lisa.say(other, f"to {name}")
            peer.hears(f"<body>to {name}</body>")
            peer.write(f"<message from='{name}' to='lisa' type='chat'><body>from {name}</body></message>")
            lisa.hears(other, f"from {name}")
            if name == "alice":
                long = "y" * 100_000
                peer.write(f"<message type='chat'><body>{long}</body><html xmlns='http://www.w3.org/1999/xhtml'><body/></html></message>")
                lisa.hears(other, long)
                peer.write("<iq type='set' id='0'><si xmlns='http://jabber.org/protocol/si' id='0'/></iq>")
                peer.hears("<forbidden")
                # Somebody else says that they are her, from an address where she is not.
                eve = Peer(place.rooms[avahi.laptop.number], "juliet@pronto", 5311)
                port_of_lisa = int(re.search(r"port\.p2pj=(\d+)", browse(avahi))[1])
                eve.call("10.77.0.1", port_of_lisa, "lisa", "<message type='chat'><body>psst</body></message>")
                eve.hears("</stream:stream>")
                check("psst" in str(lisa.heard), False)
            peer.close()
            publisher.kill()
            lisa.sees(other, GONE, 15)
        lisa.house.ask("account", "bonjour", "lisa", "off")
        until(lambda: "lisa@" not in browse(avahi), 15)
        lisa.say(other, "anybody?")
        lisa.hears(other, "item-not-found")


def browse(avahi):
    """What avahi knows of people on the link."""
    command = avahi.laptop.command("avahi-browse", "-rtp", "_presence._tcp")
    return subprocess.run(command, env=avahi.environment, capture_output=True, text=True, timeout=20, check=False).stdout
