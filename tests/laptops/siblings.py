"""One person on two laptops: an account is shared and taken, and what is said to it and by it is on both."""

import stat
import subprocess
import time

from cases import case, check, until
from house import Person, empty_street, times

PLUGINS = ["xep_0030", "xep_0280", "xep_0313"]


def refused(house, *words, stdin=""):
    """A command that must fail; gives what it said."""
    done = subprocess.run(house.command(*words), input=stdin, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0, f"{words} was done: {done.stdout}"
    return done.stderr


def share(house, name, file):
    """Shares an account; gives the words."""
    printed = house.ask("account", "share", name, file)
    check(stat.S_IMODE(file.stat().st_mode), 0o600)
    return " ".join(line.strip() for line in printed.splitlines() if line.startswith("  "))


def enter(person):
    """Logs in, with carbons. What the person says elsewhere is kept in `copies`."""
    person.copies = []

    async def carbons():
        person.bot.add_event_handler("carbon_sent", lambda m: person.copies.append(m["carbon_sent"]["body"]))
        await person.bot["xep_0280"].enable()

    person.login(PLUGINS)
    person.room().do(carbons())
    return person


def sees_itself(person, other, seconds=15):
    """Waits until a client of a person sees the person's other client."""
    roster = person.bot.client_roster
    until(lambda: other.bot.boundjid.resource in roster.presence(person.address), seconds)


def said(person, other):
    return [body for _, body in person.archive(other)]


@case("a person on two laptops has all on both, whichever is there")
def two_laptops():
    with empty_street(3) as place:
        first, second, third = [
            place.house(laptop, name).begin() for laptop, name in zip(place.lab.laptops, ("lisa", "work", "tom"))
        ]
        for house in (first, second, third):
            house.ready()
        lisa, tom = first.owner, third.owner
        file = place.folder / "lisa.jirani"
        words = share(first, "lisa", file)
        check(len(words.split()), 22)
        assert lisa.password not in file.read_text()
        assert "exists already" in refused(first, "account", "share", "lisa", file)
        assert "own domain" in refused(first, "account", "take", file, stdin=words + "\n")
        wrong = " ".join(reversed(words.split()))
        assert "words" in refused(second, "account", "take", file, stdin=wrong + "\n")
        begun = time.time()
        assert lisa.address in second.ask("account", "take", file, stdin=words + "\n")
        assert "here already" in refused(second, "account", "take", file, stdin=words + "\n")
        met = max(first.reaches(lisa), second.reaches(lisa)) - begun
        domain = lisa.address.split("@")[1]
        assert "no domain of this daemon" in refused(second, "account", "add", f"eve@{domain}")

        one, two = enter(lisa), enter(Person(second, lisa.address, lisa.password))
        enter(tom)
        sees_itself(one, two)
        sees_itself(two, one)
        one.befriend(tom)

        at = tom.say(lisa, "to both")
        arrived = [person.hears(tom, "to both") - at for person in (one, two)]
        at = one.say(tom, "from one")
        tom.hears(lisa, "from one")
        until(lambda: two.copies == ["from one"])
        copied = time.time() - at
        two.say(tom, "from two")
        tom.hears(lisa, "from two")
        until(lambda: one.copies == ["from two"])

        # The second laptop is off, and comes back.
        second.stop()
        tom.say(lisa, "to one")
        one.hears(tom, "to one")
        one.say(tom, "alone")
        tom.hears(lisa, "alone")
        second.start()
        begun = time.time()
        enter(two)
        back = two.hears(tom, "to one") - begun
        until(lambda: "alone" in said(two, tom))
        # The first is off; and the second is lisa to whoever writes.
        first.stop()
        tom.say(lisa, "to two")
        two.hears(tom, "to two")
        first.start()
        enter(one)
        one.hears(tom, "to two")
        sees_itself(one, two)

        everything = ["to both", "from one", "from two", "to one", "alone", "to two"]
        for person in (one, two):
            check(sorted(said(person, tom)), sorted(everything))
            check(sorted(person.told(tom)), sorted(["to both", "to one", "to two"]))
        check(tom.told(lisa), ["from one", "from two", "alone"])
        times(taken_to_met=met, typed_to_shown_on_both=max(arrived), said_to_copied=copied, login_to_brought=back)


@case("who leaves the first laptop lives on the second, and passwords are each laptop's own")
def moved():
    with empty_street(2) as place:
        first, second = [
            place.house(laptop, name).begin() for laptop, name in zip(place.lab.laptops, ("lisa", "work"))
        ]
        lisa = first.ready().owner
        second.ready()
        file = place.folder / "lisa.jirani"
        words = share(first, "lisa", file)
        # One word on a line, as somebody may type them.
        second.ask("account", "take", file, stdin=words.replace(" ", "\n") + "\n")
        first.reaches(lisa)
        first.ask("account", "passwd", "lisa", "--password-stdin", stdin="another one\n")
        ana = enter(first.person("ana"))
        # With the password that she had when she shared it.
        two = enter(Person(second, lisa.address, lisa.password))

        first.ask("account", "remove", "lisa", "--yes")
        until(lambda: first.reaches(lisa) and not (first.data / "identity/people/1.key").exists())
        ana.say(lisa, "where are you?")
        two.hears(ana, "where are you?")
        two.say(ana, "here")
        ana.hears(lisa, "here")
        # Also after a start, from what is on file.
        second.stop()
        first.stop()
        first.start()
        enter(ana)
        ana.say(lisa, "are you there?")
        second.start()
        enter(two)
        two.hears(ana, "are you there?")
        check([body for _, _, body in ana.heard], ["here"])
        # And who removes it there, too, is nowhere.
        second.ask("account", "remove", lisa.address, "--yes")
        assert "no domain of this daemon" in refused(second, "account", "passwd", lisa.address)
