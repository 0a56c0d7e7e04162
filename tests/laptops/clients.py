"""Unmodified chat programs of several kinds, one on each laptop, as neighbours: nobody adds anybody, and nobody is asked."""

import contextlib
import re
import time

from bonjour_peer import Avahi, finch
from cases import case, check, until
from crowd import Crowd
from house import GONE, Profanity, empty_street, times
from pidgin import Pidgin
from purple import AVAILABLE, AWAY, Finch, for_xmpp

# A peer that is cut off is known to be gone in this time (design, section 8).
GONE_SECONDS_MAX = 30

# People in reach whom a list shows (limits.rs, IN_REACH_SHOWN_MAX).
SHOWN_MAX = 30


def entry(person, other):
    """How a person's list (slixmpp) has somebody: name, groups, subscription; or nothing."""
    roster = person.bot.client_roster
    if other.address not in roster.keys():
        return None
    item = roster[other.address]
    return item["name"], item["groups"], item["subscription"]


def enters(person):
    """Logs in and reads the contact list, as chat programs do."""
    person.login()
    person.room().do(person.bot.get_roster())


def called(person):
    """How somebody is shown whom nobody has verified."""
    return f"{person.address.split('@')[0]} (not verified)"


def lists(person, other, seconds=20):
    """Waits until somebody stands in a person's list as who is in reach; gives when."""
    try:
        until(lambda: entry(person, other) == (called(other), ["In reach"], "both"), seconds)
    except TimeoutError:
        raise AssertionError(f"{person.address} has {entry(person, other)} for {other.address}") from None
    return time.time()


def enter_finch(person):
    return Finch(person.house.laptop, for_xmpp(person.house.folder / "finch", "finch", person))


def moved_in(place, names):
    """A house for each on a laptop of their own; gives the owners."""
    houses = [place.house(laptop, name).begin() for laptop, name in zip(place.lab.laptops, names)]
    return [house.ready().owner for house in houses]


@case("Profanity, slixmpp and Finch in reach of each other: chat, away, logout, cable, kill -9, another key; nobody was added")
def kinds():
    with empty_street(4) as place, contextlib.ExitStack() as screens:
        lisa, tom, asha, juma = moved_in(place, ("lisa", "tom", "asha", "juma"))
        begun = time.time()
        for person in (lisa, juma):
            enters(person)
        profanity = screens.enter_context(contextlib.closing(Profanity(tom)))
        finch = screens.enter_context(contextlib.closing(enter_finch(asha)))

        for other in (tom, asha, juma):
            lists(lisa, other)
            lisa.sees(other, "available")
        profanity.type("/roster by group")
        for other in (lisa, asha, juma):
            profanity.shows(re.escape(called(other)))
        profanity.shows(r"In reach \(")
        for other in (lisa, tom, juma):
            finch.lists(called(other), (AVAILABLE,))
        finch.shows("- In reach")
        everybody = time.time() - begun

        # The first words are a stranger's, and are answered.
        profanity.type(f"/msg {lisa.address} Habari, Lisa?")
        lisa.hears(tom, "Habari, Lisa?")
        typed = lisa.say(tom, "Nzuri sana, asante!")
        on_profanity = profanity.shows("Nzuri sana, asante!") - typed
        finch.write(re.escape(lisa.address), "Jambo, Lisa!")
        lisa.hears(asha, "Jambo, Lisa!")
        typed = lisa.say(asha, "Jambo, Asha!")
        on_finch = finch.says("Jambo, Asha!") - typed
        juma.say(lisa, "Mambo?")
        lisa.hears(juma, "Mambo?")
        lisa.say(juma, "Poa")
        juma.hears(lisa, "Poa")

        finch.press("M-1")
        chosen = time.time()
        profanity.type("/status set away")
        away = lisa.sees(tom, "away", 5) - chosen
        finch.lists(called(tom), (AWAY,))
        profanity.type("/status set online")
        lisa.sees(tom, "available", 5)
        finch.lists(called(tom), (AVAILABLE,))

        left = time.time()
        profanity.type("/quit")
        logout = lisa.sees(tom, GONE, 5) - left
        finch.misses(called(tom))

        cut = time.time()
        asha.house.laptop.cut()
        cable = lisa.sees(asha, GONE, GONE_SECONDS_MAX) - cut
        finch.misses(called(lisa), GONE_SECONDS_MAX)
        lisa.say(asha, "Until tomorrow!")
        asha.house.laptop.restore()
        lisa.sees(asha, "available")
        finch.says("Until tomorrow!")

        killed = time.time()
        juma.house.kill()
        kill = lisa.sees(juma, GONE, GONE_SECONDS_MAX) - killed
        # Somebody else comes with his address, and a key of their own.
        juma.drop()
        for key in (juma.house.data / "identity/people").glob("*.key"):
            key.unlink()
        juma.house.start()
        juma.login()
        domain = lisa.address.split("@")[1]
        until(lambda: any("another key" in body for body in lisa.told_by(domain)), 15)
        juma.say(lisa, "It is me")
        time.sleep(2)
        check((lisa.shown(juma)[1], lisa.told(juma)), (GONE, ["Mambo?"]))
        times(
            programs_started_to_all_seen_by_all=everybody, typed_to_Profanity=on_profanity, typed_to_Finch=on_finch, away_to_seen=away,
            logout_to_seen=logout, cable_to_gone=cable, kill_to_gone=kill,
        )  # fmt: skip


@case("Pidgin in reach: it shows who is there and writes to them; nobody was added")
def pidgin():
    with empty_street(2) as place:
        lisa, tom = moved_in(place, ("lisa", "tom"))
        enters(lisa)
        with contextlib.closing(Pidgin(tom)) as screen:
            lists(lisa, tom)
            lisa.sees(tom, "available", 30)
            until(lambda: screen.in_reach() == [lisa.address], 20)
            typed = lisa.say(tom, "Habari, Tom?")
            until(lambda: "Habari, Tom?" in screen.logged(), 10)
            shown = time.time() - typed
            screen.answer("Nzuri sana, asante!")
            lisa.hears(tom, "Nzuri sana, asante!")
            left = time.time()
            screen.leave()
            logout = lisa.sees(tom, GONE, 5) - left
        times(typed_to_logged=shown, left_to_seen=logout)


@case("Profanity in reach of Finch by Bonjour, once its person wants that: seen, chat, away and goodbye both ways")
def by_bonjour():
    with empty_street(2) as place, contextlib.ExitStack() as screens:
        (tom,) = moved_in(place, ("tom",))
        profanity = screens.enter_context(contextlib.closing(Profanity(tom)))
        profanity.type("/roster by group")
        avahi = Avahi(place.lab.laptops[1], place.folder, "forza")
        romeo = screens.enter_context(contextlib.closing(finch(avahi, "romeo", "Romeo")))
        romeo.shows("Available")
        time.sleep(4)
        check((romeo.listed_as("tom"), "Romeo" in profanity.panel()), (None, False))

        begun = time.time()
        tom.house.ask("account", "bonjour", "tom", "on")
        seen = romeo.lists("tom", (AVAILABLE,)) - begun
        profanity.shows(r"Romeo.* \(not verified\)")
        found = time.time() - begun
        typed = romeo.write(r"tom@[^├]*", "Habari, Tom?")
        from_bonjour = profanity.shows("<< .*Romeo") - typed
        typed = time.time()
        domain = tom.address.split("@")[1]
        profanity.type(rf"/msg romeo\40forza@nearby.{domain} Nzuri sana, asante!")
        to_bonjour = romeo.says("Nzuri sana, asante!") - typed
        profanity.shows(r"Habari, Tom\?")
        romeo.press("M-1")
        profanity.type("/status set away")
        romeo.lists("tom", (AWAY,))
        romeo.away()
        profanity.shows("Romeo.*away")
        profanity.type("/quit")
        left = time.time()
        gone = romeo.misses("tom") - left
        times(
            switched_on_to_seen_by_Bonjour=seen, and_by_Profanity=found, typed_to_Profanity=from_bonjour,
            typed_to_Bonjour=to_bonjour, left_to_gone=gone,
        )  # fmt: skip


@case("a hundred neighbours in the list of Profanity and of Finch: the nearest are shown, and both stay usable")
def hundred():
    with empty_street(3) as place, contextlib.ExitStack() as stack:
        cheap = "scram_iterations = 1000"
        houses = [place.house(laptop, name, cheap) for laptop, name in zip(place.lab.laptops, ("tom", "one", "two"), strict=True)]
        for house in houses:
            house.begin()
        tom = houses[0].ready().owner
        asha = houses[0].person("asha")
        crowds = [stack.enter_context(contextlib.closing(Crowd(house.ready(), 50))) for house in houses[1:]]
        begun = time.time()
        profanity = stack.enter_context(contextlib.closing(Profanity(tom)))
        finch = stack.enter_context(contextlib.closing(enter_finch(asha)))
        profanity.type("/roster by group")
        # Asha is of the same house: nobody who is near.
        until(lambda: profanity.panel().count("(not verified)") >= SHOWN_MAX, 30)
        filled = time.time() - begun
        until(lambda: len(finch.in_reach()) >= SHOWN_MAX, 30)
        time.sleep(5)
        shown = [profanity.panel().count("(not verified)"), len(finch.in_reach())]
        check(shown, [SHOWN_MAX, SHOWN_MAX])
        # Who is in the list, and who is not in it, can write; and is in it then.
        told, answered = [], []
        for crowd in crowds:
            for n in (0, 49):
                at = crowd.say(n, tom, "Habari?")
                name = re.escape(called(crowd.people[n]))
                told.append(profanity.shows(rf"<< .*{name}", 5) - at)
                at = time.time()
                profanity.type(f"/msg {crowd.people[n].address} Nzuri")
                answered.append(crowd.hears(n, "Nzuri") - at)
                profanity.type("/win 1")
        asked = [crowd.queries() for crowd in crowds]
        times(
            a_hundred_there_to_list_filled=filled, said_to_shown_at_worst=max(told), typed_to_heard_at_worst=max(answered),
            shown=f"{shown[0]} and {shown[1]}",
            queries_to_the_hundred=f"{sum(asked)}",
        )  # fmt: skip
        assert sum(asked) <= 4, f"the programs asked {asked} questions"
