"""Whole daemons on laptops, with people at them: what a person sees of another on another laptop, whatever happens between."""

import contextlib
import re
import shutil
import threading
import time

from cases import Skip, case, check, until
from house import GONE, Profanity, empty_street, street, times

# A peer that is cut off is known to be gone in this time (design, section 8).
GONE_SECONDS_MAX = 30


def exactly(person, other, expect, seconds=20):
    """Waits until the last has come; then it was all, once each, in this order."""
    person.hears(other, expect[-1], seconds)
    time.sleep(0.3)
    check(person.told(other), expect)


@case("who starts is in reach in a second; subscribe, chat, away and goodbye across laptops")
def acquaintance():
    with street(2) as (lisa, tom):
        reach = max(lisa.house.reaches(tom), tom.house.reaches(lisa)) - max(lisa.house.begun, tom.house.begun)
        begun = time.time()
        lisa.befriend(tom)
        subscribed = time.time() - begun
        typed = lisa.say(tom, "hello 0")
        first = tom.hears(lisa, "hello 0") - typed
        took = []
        for n in range(1, 21):
            typed = lisa.say(tom, f"hello {n}")
            took.append(tom.hears(lisa, f"hello {n}") - typed)
            tom.say(lisa, f"habari {n}")
        exactly(lisa, tom, [f"habari {n}" for n in range(1, 21)])
        for n in range(200):
            lisa.say(tom, f"flood {n}")
        exactly(tom, lisa, [f"hello {n}" for n in range(21)] + [f"flood {n}" for n in range(200)])

        lisa.is_("away")
        tom.sees(lisa, "away", 2)
        lisa.is_("available")
        tom.sees(lisa, "available", 2)

        mark = tom.house.mark()
        ended = time.time()
        tom.house.stop()
        goodbye = lisa.sees(tom, GONE, 2) - ended
        assert goodbye < 1, f"the goodbye took {goodbye:.2f} s"
        tom.house.start()
        again = tom.house.reaches(lisa, after=mark) - tom.house.begun
        tom.login()
        lisa.sees(tom, "available", 5)
        times(
            first_start_to_in_reach=reach, start_to_in_reach=again, subscribed_both_ways=subscribed,
            first_message=first, typed_to_shown=sorted(took)[len(took) // 2], goodbye_to_seen=goodbye,
        )  # fmt: skip
        assert again < 5, f"in reach after {again:.2f} s"


@case("the cable is pulled and put back: gone within 30 s; what both sides wrote comes once and in order")
def cable():
    with street(2) as (lisa, tom):
        lisa.befriend(tom)
        lisa.say(tom, "before")
        tom.hears(lisa, "before")
        at = time.time()
        tom.house.laptop.cut()
        for n in range(10):
            lisa.say(tom, f"l{n}")
            tom.say(lisa, f"t{n}")
        seen = max(lisa.sees(tom, GONE, GONE_SECONDS_MAX + 5), tom.sees(lisa, GONE, GONE_SECONDS_MAX + 5)) - at
        assert seen < GONE_SECONDS_MAX, f"gone after {seen:.1f} s"
        for n in range(10, 20):
            lisa.say(tom, f"l{n}")
            tom.say(lisa, f"t{n}")
        back = time.time()
        tom.house.laptop.restore()
        exactly(tom, lisa, ["before"] + [f"l{n}" for n in range(20)])
        exactly(lisa, tom, [f"t{n}" for n in range(20)])
        delivered = max(tom.hears(lisa, "l19"), lisa.hears(tom, "t19")) - back
        lisa.sees(tom, "available", 5)
        tom.sees(lisa, "available", 5)

        # Out for a moment only: nobody is seen to go.
        mark = len(lisa.seen)
        tom.house.laptop.cut()
        lisa.say(tom, "while it is out")
        time.sleep(3)
        short = time.time()
        tom.house.laptop.restore()
        short = tom.hears(lisa, "while it is out") - short
        check([what for _, _, what in lisa.seen[mark:] if what == GONE], [])
        times(cut_to_unavailable=seen, back_to_delivered=delivered, after_3_s_back_to_delivered=short)


@case("links_hidden: a stranger on the link learns nobody's address; whom its person writes to learns it")
def hidden():
    with empty_street(2) as place:
        shy, open_ = (place.house(laptop, name, config) for laptop, name, config in zip(
            place.lab.laptops, ("lisa", "tom"), ("links_hidden = true", ""), strict=True))
        shy.begin()
        open_.begin()
        lisa, tom = shy.ready().owner, open_.ready().owner
        lisa.login()
        tom.login()
        shy.reaches(tom)
        time.sleep(2)
        check(open_.logged("reach address="), [])
        begun = time.time()
        lisa.befriend(tom)
        open_.reaches(lisa)
        lisa.say(tom, "It is me")
        tom.hears(lisa, "It is me")
        times(written_to_until_friends=time.time() - begun)

        # Known from now on: the next time nobody has to write first.
        mark = open_.mark()
        shy.stop()
        shy.start()
        open_.reaches(lisa, after=mark)


@case("who is visible to nobody is gone for strangers, and stays where they are for a contact")
def chosen():
    with street(3) as (lisa, tom, eve):
        lisa.befriend(tom)
        # Who asks for the contacts is shown who is near.
        eve.house.room().tell(lambda: eve.bot.get_roster())
        eve.sees(lisa, "available")
        mark = len(tom.seen)
        lisa.house.ask("account", "visible", "lisa", "nobody")
        eve.sees(lisa, GONE, 5)
        for n in range(5):
            lisa.say(tom, f"l{n}")
            tom.say(lisa, f"t{n}")
        exactly(tom, lisa, [f"l{n}" for n in range(5)])
        exactly(lisa, tom, [f"t{n}" for n in range(5)])
        check([what for _, _, what in tom.seen[mark:] if what == GONE], [])
        tom.house.kill()
        tom.house.start()
        tom.login()
        tom.sees(lisa, "available")
        lisa.house.ask("account", "visible", "lisa", "everybody")
        eve.sees(lisa, "available", 5)


@case("Profanity on one laptop, slixmpp on the other: subscribe, chat, the cable out and in, goodbye")
def profanity():
    for program in ("profanity", "tmux"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    with street(2) as (lisa, tom):
        tom.leave()
        with contextlib.closing(Profanity(tom)) as screen:
            lisa.room().tell(lambda: lisa.bot.send_presence_subscription(pto=tom.address, ptype="subscribe"))
            # slixmpp agrees by itself to what it is asked back.
            screen.shows("authorization request")
            screen.type(f"/sub allow {lisa.address}")
            screen.type(f"/sub request {lisa.address}")
            lisa.sees(tom, "available")
            screen.type(f"/msg {lisa.address} Habari, Lisa?")
            lisa.hears(tom, "Habari, Lisa?")
            typed = lisa.say(tom, "Nzuri sana, asante!")
            shown = screen.shows("Nzuri sana, asante!") - typed
            screen.type("/status set away")
            lisa.sees(tom, "away", 3)
            screen.type("/status set online")
            lisa.sees(tom, "available", 3)

            tom.house.laptop.cut()
            screen.type("written while it is out ẞ 漢字")
            lisa.say(tom, "so is this")
            time.sleep(5)
            back = time.time()
            tom.house.laptop.restore()
            lisa.hears(tom, "written while it is out ẞ 漢字")
            delivered = screen.shows("so is this") - back
            check(len(re.findall("so is this", screen.terminal.screen())), 1)
            check(lisa.told(tom).count("written while it is out ẞ 漢字"), 1)

            ended = time.time()
            lisa.house.stop()
            goodbye = screen.shows(r"lisa\S* .*offline|[Ll]ogged off|is offline", 5) - ended
            times(typed_to_on_the_screen=shown, back_to_on_the_screen=delivered, goodbye_to_on_the_screen=goodbye)
            screen.type("/quit")


class Stream(threading.Thread):
    """Somebody who writes a numbered message every 10 ms, but for breaks."""

    def __init__(self, person, to):
        super().__init__(daemon=True)
        self.person, self.to = person, to
        self.said, self.on, self.end = 0, True, False
        self.start()

    def run(self):
        while not self.end:
            if self.on:
                self.person.say(self.to, f"n{self.said}")
                self.said += 1
            time.sleep(0.01)

    def close(self):
        self.end = True
        self.join()


def gap(person, other, after=0):
    """For how long at most somebody was seen as gone, and then came back."""
    longest, gone_at = 0, None
    for at, who, what in person.seen[after:]:
        if who == other.address and what == GONE:
            gone_at = gone_at or at
        elif who == other.address and gone_at:
            longest, gone_at = max(longest, at - gone_at), None
    return longest


def number(body):
    return int(body[1:])


def crash(whose):
    """`whose`: 0 for the daemon of whoever writes, 1 for the other one."""
    with street(2, plugins=("xep_0198",)) as (lisa, tom):
        lisa.befriend(tom)
        stream = Stream(lisa, tom)
        victim = (lisa, tom)[whose]
        resumed = []
        for _ in range(3):
            time.sleep(1)
            stream.on = whose == 1
            victim.house.kill()
            time.sleep(0.2)
            victim.drop()
            victim.house.start()
            victim.login(("xep_0198",))
            begun = time.time()
            stream.on = True
            mark = len(tom.heard)
            until(lambda mark=mark: len(tom.heard) > mark, 20)
            resumed.append(tom.heard[mark][0] - begun)
        time.sleep(0.5)
        stream.close()
        lisa.say(tom, "n1000000")
        tom.hears(lisa, "n1000000", 30)
        lisa.room().do(lisa.bot.ping())
        archive = [number(body) for who, body in tom.archive(lisa) if who == lisa.address]
        promised = {number(body) for body in lisa.acknowledged if body}
        check(archive, sorted(set(archive)))
        check(sorted(promised - set(archive)), [])
        check([number(body) for who, body in lisa.archive(tom) if who == lisa.address], archive)
        heard = [number(body) for body in tom.told(lisa)]
        check(sorted(set(heard)), archive)
        if whose == 0:
            check(heard, archive)
        times(written=str(stream.said), acknowledged=str(len(promised)), arrived=str(len(archive)), on_again=max(resumed))


@case("kill -9 of the author's daemon in a stream of messages: none lost that was acknowledged, none twice, in order")
def author_crashes():
    crash(0)


@case("kill -9 of the addressee's daemon in a stream of messages: none lost, none twice, in order")
def addressee_crashes():
    crash(1)


@case("with nothing but link-local addresses")
def link_local():
    with street(2, v4=False) as (lisa, tom):
        lisa.befriend(tom)
        lisa.say(tom, "hello")
        tom.hears(lisa, "hello")
        tom.house.laptop.cut()
        time.sleep(1)
        lisa.say(tom, "again")
        tom.house.laptop.restore()
        tom.hears(lisa, "again", 10)


@case("another address in the middle of a conversation, and an interface that is switched off and on")
def addresses():
    with street(2) as (lisa, tom):
        # Otherwise the link goes on by what is left. And it shall be an old one, not one of a race.
        for person in (lisa, tom):
            person.house.laptop.ip("-6", "address", "flush", "dev", "eth0")
        lisa.befriend(tom)
        time.sleep(6)
        figures = {}
        for n, (whose, address, most) in enumerate(((tom, "10.77.0.50/24", 10), (lisa, "10.77.0.60/24", 10))):
            marks = len(lisa.seen), len(tom.seen)
            whose.house.laptop.readdress(address)
            begun = time.time()
            lisa.say(tom, f"l{n}")
            tom.say(lisa, f"t{n}")
            own, peers = (tom, lisa) if whose is tom else (lisa, tom)
            mine = peers.hears(own, ("t" if own is tom else "l") + str(n), most) - begun
            theirs = own.hears(peers, ("l" if own is tom else "t") + str(n), most) - begun
            gaps = [gap(lisa, tom, marks[0]), gap(tom, lisa, marks[1])]
            assert max(gaps) < most, f"falsely gone for {max(gaps):.1f} s"
            figures[f"own_address_changed_{n}"] = mine
            figures[f"the_peer's_{n}"] = theirs
            time.sleep(6)
        tom.house.laptop.down()
        time.sleep(4)
        lisa.say(tom, "is it on?")
        begun = time.time()
        tom.house.laptop.up()
        figures["interface on again to delivered"] = tom.hears(lisa, "is it on?", 20) - begun
        times(**figures)


@case("two people on one laptop and one on the other")
def two_on_one():
    with street(2) as (lisa, tom):
        asha = lisa.house.person("asha").login()
        tom.house.reaches(asha)
        lisa.befriend(tom)
        asha.befriend(tom)
        asha.befriend(lisa)
        for one, other in ((lisa, tom), (tom, asha), (asha, lisa), (asha, tom), (tom, lisa)):
            one.say(other, f"from {one.address}")
            exactly(other, one, [f"from {one.address}"])
        lisa.leave()
        tom.sees(lisa, GONE, 2)
        check(tom.shown(asha)[1], "available")
        # Who is removed is nobody any more, on the other laptop, too.
        lisa.house.ask("account", "remove", "asha", "--yes")
        tom.sees(asha, GONE, 5)


@case("five laptops, all with all")
def five():
    with street(5) as people:
        begun = time.time()
        pairs = [(one, other) for n, one in enumerate(people) for other in people[n + 1 :]]
        for one, other in pairs:
            one.befriend(other)
        for one in people:
            for other in people:
                if one is not other:
                    one.say(other, f"from {one.address}")
        for one in people:
            for other in people:
                if one is not other:
                    exactly(one, other, [f"from {other.address}"]) if one is people[0] else one.hears(other, f"from {other.address}")
        reach = max(at - person.house.begun for person in people for at, _ in person.house.logged("reach"))
        times(all_in_reach=reach, ten_friendships_and_twenty_messages=time.time() - begun)


@case("avahi-daemon beside, and another daemon on the same laptop")
def beside():
    daemon = shutil.which("avahi-daemon")
    if not daemon:
        raise Skip("there is no avahi-daemon (Debian: `apt install avahi-daemon avahi-utils`)")
    with empty_street(2) as place:
        config = place.folder / "avahi.conf"
        config.write_text("[server]\nhost-name=beside\nenable-dbus=no\n[reflector]\n[wide-area]\nenable-wide-area=no\n")
        words = f"mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && exec {daemon} -f {config} --no-drop-root --no-chroot"
        avahi = place.lab.laptops[0].run("unshare", "--mount", "sh", "-c", words, stdout=-3, stderr=-3)
        one, two = place.lab.laptops
        houses = [place.house(one, "lisa"), place.house(one, "asha", port=5322), place.house(two, "tom")]
        for house in houses:
            house.begin()
        lisa, asha, tom = [house.ready().owner.login() for house in houses]
        lisa.befriend(tom)
        asha.befriend(tom)
        asha.befriend(lisa)
        for one, other in ((lisa, tom), (tom, asha), (asha, lisa)):
            one.say(other, "hello")
            exactly(other, one, ["hello"])
        check(avahi.poll(), None)


def copied(place, laptop, house, name):
    """A house with a copy of the data of another, which does not run."""
    other = place.house(laptop, name)
    shutil.copytree(house.data, other.data)
    return other


@case("the same name in another domain is somebody else")
def namesake():
    with empty_street(3) as place:
        first, second, third = place.lab.laptops
        houses = [place.house(first, "tom"), place.house(second, "tom"), place.house(third, "lisa")]
        for house in houses:
            house.begin()
        tom, other, lisa = [house.ready().owner.login() for house in houses]
        lisa.befriend(tom)
        lisa.house.reaches(other)
        lisa.say(tom, "to the true one")
        exactly(tom, lisa, ["to the true one"])
        other.say(lisa, "I am tom, too")
        exactly(lisa, other, ["I am tom, too"])
        check(other.heard, [])
        check(lisa.told(tom), [])
        # Who is no contact sees that lisa is near.
        other.sees(lisa, "available")


@case("E07 another key for a contact's address: not taken for them, and the person is told in words")
def changed_key():
    with street(2) as (lisa, tom):
        lisa.befriend(tom)
        lisa.say(tom, "hello")
        tom.hears(lisa, "hello")
        tom.drop()
        tom.house.stop()
        lisa.sees(tom, GONE)
        for key in (tom.house.data / "identity/people").glob("*.key"):
            key.unlink()
        mark = lisa.house.mark()
        tom.house.start()
        tom.login()
        domain = lisa.address.split("@")[1]
        warned = lambda: [body for body in lisa.told_by(domain) if "another key" in body]  # noqa: E731
        told = until(warned, 15)
        assert tom.address in told[0], told
        lisa.say(tom, "a secret")
        tom.say(lisa, "believe me")
        time.sleep(3)
        check(lisa.house.logged("reach address=tom", mark), [])
        check(lisa.shown(tom)[1], GONE)
        check("a secret" in tom.told(lisa), False)
        check(lisa.told(tom), [])
        # Once, not with each link.
        tom.house.stop()
        tom.house.start()
        tom.login()
        time.sleep(3)
        check(len(warned()), 1)
        lisa.house.ask("accept", tom.address, "--yes")
        tom.hears(lisa, "a secret")
        lisa.hears(tom, "believe me")
        lisa.sees(tom, "available")


@case("B23 a copied data directory on two laptops at once: both say so, and a third is not confused")
def copy():
    with empty_street(3) as place:
        houses = [place.house(place.lab.laptops[0], "tom"), place.house(place.lab.laptops[2], "lisa")]
        for house in houses:
            house.begin()
        tom, lisa = [house.ready().owner.login() for house in houses]
        lisa.befriend(tom)
        tom.house.stop()
        tom.drop()
        lisa.sees(tom, GONE)
        twin = copied(place, place.lab.laptops[1], tom.house, "twin")
        tom.house.begin()
        twin.begin()
        tom.house.ready()
        twin.ready()
        tom.login()
        for house in (tom.house, twin):
            until(lambda house=house: house.logged("another computer has the same keys"), 15)
            status = house.status()
            assert "the data was copied" in status, status
        # The one that is used goes on; nothing that lisa and tom say is lost or doubled.
        lisa.sees(tom, "available")
        for n in range(20):
            lisa.say(tom, f"l{n}")
            tom.say(lisa, f"t{n}")
            time.sleep(0.05)
        time.sleep(3)
        print(f"      tom has {len(tom.told(lisa))} of 20, lisa {len(lisa.told(tom))} of 20")
        # When the copy is gone, all is well again.
        twin.stop()
        exactly(lisa, tom, [f"t{n}" for n in range(20)], 60)
        got = tom.told(lisa)
        check(got, sorted(set(got), key=number))
        lisa.say(tom, "at last")
        tom.hears(lisa, "at last", 60)


RECORD = r"""
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 0))
frames = []
def listen(seconds):
    s.settimeout(0.1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            frame, where = s.recvfrom(70000)
        except TimeoutError:
            continue
        if where[2] != 4 and b"\x14\xe9\x14\xe9" in frame[34:58] and b"_jirani" in frame:
            frames.append(frame)
print("ready", flush=True)
while not sys.stdin.readline().startswith("again"):
    pass
listen(0.1)
print(len(frames), flush=True)
for _ in range(int(3)):
    for frame in frames:
        s.send(frame)
        time.sleep(0.02)
    time.sleep(1)
print("said", flush=True)
"""


@case("announcements that were recorded and are said again when their author has left: nobody appears")
def replay():
    with empty_street(3) as place:
        first, second, third = place.lab.laptops
        for laptop in place.lab.laptops:
            laptop.offload()
        recorder = third.run("python3", "-c", RECORD, stdin=-1, stdout=-1, text=True)
        check(recorder.stdout.readline(), "ready\n")
        houses = [place.house(first, "lisa"), place.house(second, "tom")]
        for house in houses:
            house.begin()
        lisa, tom = [house.ready().owner.login() for house in houses]
        lisa.befriend(tom)
        time.sleep(2)
        tom.house.stop()
        lisa.sees(tom, GONE, 5)
        lisa.say(tom, "for tom only")
        mark, seen = lisa.house.mark(), len(lisa.seen)
        recorder.stdin.write("again\n")
        recorder.stdin.flush()
        said = int(recorder.stdout.readline())
        assert said > 0, "nothing was recorded"
        check(recorder.stdout.readline(), "said\n")
        time.sleep(3)
        check(lisa.house.logged("reach", mark), [])
        check(lisa.seen[seen:], [])
        tom.house.start()
        tom.login()
        tom.hears(lisa, "for tom only", 10)
        times(recorded=f"{said} announcements")


@case("40 % of the datagrams are lost and the others overtake each other: messages arrive, presence is true")
def storm():
    with empty_street(2) as place:
        place.lab.laptops[1].weather(0.4, 0.05)
        houses = [place.house(laptop, name) for laptop, name in zip(place.lab.laptops, ("lisa", "tom"), strict=True)]
        for house in houses:
            house.begin()
        lisa, tom = [house.ready().owner.login() for house in houses]
        lisa.house.reaches(tom, seconds=60)
        tom.house.reaches(lisa, seconds=60)
        lisa.befriend(tom, 60)
        took = []
        for n in range(30):
            at = lisa.say(tom, f"l{n}")
            tom.say(lisa, f"t{n}")
            took.append(tom.hears(lisa, f"l{n}", 60) - at)
            time.sleep(0.3)
        exactly(tom, lisa, [f"l{n}" for n in range(30)], 60)
        exactly(lisa, tom, [f"t{n}" for n in range(30)], 60)
        false = max(gap(lisa, tom), gap(tom, lisa))
        times(typed_to_shown=sorted(took)[15], at_worst=max(took), falsely_gone=false)
        assert false < 60, f"gone for {false:.0f} s"


@case("without any network, and with links switched off, all on the laptop itself works")
def alone():
    with empty_street(2) as place:
        first, second = place.lab.laptops
        first.ip("link", "del", "eth0")
        for laptop, name, config in ((first, "lisa", ""), (second, "tom", "links = false")):
            house = place.house(laptop, name, config).start()
            owner = house.owner.login()
            asha = house.person("asha").login()
            owner.befriend(asha)
            owner.say(asha, "we are here")
            exactly(asha, owner, ["we are here"])
            check(house.logged("ERROR|WARN"), [])
            status = house.status().lower()
            expect = "none: links are off" if config else "no network|no interface|not connected"
            assert re.search(expect, status), status
