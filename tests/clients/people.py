"""Several people on one computer: a second one finds the daemon, and nobody reads another's things (case B21)."""

import asyncio
import os
import pwd
import re
import socket
import stat
import subprocess
import time

from bot import Bot
from harness import Skip, case, check
from raw import SASL, Raw

SECOND = "jirani-test"


def second_person(world):
    """Another user of this computer, made for the tests."""
    try:
        return pwd.getpwnam(SECOND)
    except KeyError:
        if os.geteuid() != 0:
            raise Skip(f"there is no user {SECOND} on this computer, and only root can make one") from None
        subprocess.run(["useradd", "--system", "--shell", "/bin/sh", SECOND], check=True, capture_output=True)
        world.at_end.append(lambda: subprocess.run(["userdel", SECOND], check=False, capture_output=True))
        return pwd.getpwnam(SECOND)


def as_second(world, *command, stdin=""):
    """Runs a command as that user, to its end."""
    if os.geteuid() != 0:
        raise Skip("only root can run a program as another user")
    user = second_person(world)
    home = world.folder / "second"
    if not home.exists():
        home.mkdir(mode=0o700)
        os.chown(home, user.pw_uid, user.pw_gid)
    return subprocess.run(
        [str(word) for word in command], input=stdin, capture_output=True, text=True, timeout=30, check=False,
        user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@case("a second person's `jirani` finds the daemon and gets one account, named as they are; with it they chat")
async def joins(world):
    house = world.standing
    command = [world.jirani, "--config", house.config]
    done = await asyncio.to_thread(as_second, world, *command)
    check((done.returncode, done.stderr), (0, ""))
    address = re.search(r"Address +(\S+)", done.stdout)[1]
    password = re.search(r"Password +(\S+)", done.stdout)[1]
    check(address, f"{SECOND}@{house.domain}")
    bot = await Bot(house, (address, password)).login()
    (person,) = house.people("ana")
    ana = await Bot(house, person).login()
    await bot.say(person[0], "we share this computer")
    check((await ana.hear())["from"].bare, address)
    await bot.leave()
    await ana.leave()

    setup = await asyncio.to_thread(as_second, world, *command, "setup", "profanity")
    check((setup.returncode, f"/connect {address} server 127.0.0.1 port {house.port}" in setup.stdout), (0, True))

    again = await asyncio.to_thread(as_second, world, *command)
    check(again.returncode, 1)
    check("exists already" in again.stderr, True)


@case("a second `jirani` with the same data says that one runs")
async def same_data(world):
    done = world.standing.run("run")
    check(done.returncode, 1)
    check("a daemon runs with the data in" in done.stderr, True)


@case("port taken by another program: a clear error (H14)")
async def port_taken(world):
    house = world.house()
    with socket.create_server(("127.0.0.1", house.port)):
        done = house.run("run")
    check(done.returncode, 1)
    check(f"another program has 127.0.0.1:{house.port} already" in done.stderr, True)
    check((house.data / "identity").exists(), False)


@case("what the daemon keeps is its owner's alone (B21)")
async def private_files(world):
    house = world.standing
    for path in [house.data, *house.data.rglob("*")]:
        mode = path.stat().st_mode
        check((str(path), oct(stat.S_IMODE(mode))), (str(path), "0o700" if path.is_dir() else "0o600"))


@case("another user can neither read the data nor give the daemon orders, even in an open folder (B21)")
async def no_orders(world):
    house = await world.house().start()
    ask = house.command("account", "list")
    for mode in (0o700, 0o755):
        house.data.chmod(mode)
        for path in (house.data / "identity/root.key", house.data / "store/store.sqlite", house.data / "tls/authority.pem"):
            read = await asyncio.to_thread(as_second, world, "cat", path)
            check((read.returncode, read.stdout), (1, ""))
        asked = await asyncio.to_thread(as_second, world, *ask)
        check((asked.returncode, asked.stdout), (1, ""))
    (house.data / "control").chmod(0o777)
    asked = await asyncio.to_thread(as_second, world, *ask)
    check((asked.returncode, asked.stdout), (1, ""))
    check("only the user who runs the daemon may do that" in asked.stderr, True)
    # On the socket for everybody, everything but joining is refused in the same words.
    for order in ('"list"', '{"remove":{"name":"root"}}', '{"add":{"name":"root2","password":"x"}}', "nonsense", ""):
        with socket.socket(socket.AF_UNIX) as public:
            public.settimeout(10)
            public.connect(f"\0jirani-{house.port}")
            public.sendall(order.encode() + b"\n")
            check("only the user who runs the daemon may do that" in public.recv(4096).decode(), True)
    house.stop()


@case("nobody logs in without the password, though they are on the same computer (B21, B02)")
async def no_login(world):
    house = world.standing
    ((address, _),) = house.people("ana")
    name, domain = address.split("@")
    failure = f"{SASL}not-authorized"
    for mechanism, message, expect in (
        ("PLAIN", f"\0{name}\0", None),
        ("PLAIN", f"\0{name}\0wrong", failure),
        ("PLAIN", f"{address}\0{name}\0", None),
        ("ANONYMOUS", "", f"{SASL}invalid-mechanism"),
        ("EXTERNAL", address, f"{SASL}invalid-mechanism"),
    ):
        raw = await Raw.connect(house.port)
        await raw.open(domain)
        answer = await raw.auth(mechanism, message.encode())
        assert answer != f"{SASL}success", (mechanism, message)
        if expect:
            check(answer, expect)
        raw.cut()


@case("the daemon stops within seconds on SIGTERM, with people logged in, and is there again")
async def stops(world):
    house = await world.house().start()
    (person,) = house.people("ana")
    bot = await Bot(house, person).login()
    begun = time.monotonic()
    house.stop()
    check(time.monotonic() - begun < 5, True)
    await asyncio.wait_for(bot.ends.get(), 10)
    bot.abort()
    await house.start()
    again = await Bot(house, person).login()
    await again.leave()
    house.stop()
