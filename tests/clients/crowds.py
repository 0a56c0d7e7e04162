"""Crowds of connections that want nothing good: whoever wants to log in still can."""

import asyncio
import resource
import socket

from bot import Bot
from harness import case, check, limit


def gone(connection):
    """Whether the daemon has closed it."""
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@case("UNAUTHENTICATED_CONNECTIONS_MAX idle connections; the oldest make room for who comes, and a person logs in")
async def idle(world):
    house, most = world.standing, limit("UNAUTHENTICATED_CONNECTIONS_MAX")
    (person,) = house.people("ana")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = []
    try:
        for number in range(most + 100):
            crowd.append(socket.create_connection(("127.0.0.1", house.port)))
            if number % 100 == 0:
                await asyncio.sleep(0)
        await (await Bot(house, person).login()).leave()
        await asyncio.sleep(0.5)
        closed = [gone(connection) for connection in crowd]
        check((sum(closed[:100]), sum(closed[200:])), (100, 0))
    finally:
        for connection in crowd:
            connection.close()


@case("CONTROL_CONNECTIONS_MAX silent orders; the next waits for its turn and gets it")
async def orders(world):
    house, most = world.standing, limit("CONTROL_CONNECTIONS_MAX")

    def connect():
        control = socket.socket(socket.AF_UNIX)
        control.settimeout(10)
        control.connect(str(house.data / "control"))
        return control

    for silent, answered in ((most - 1, True), (most, False), (10 * most, False)):
        crowd = [connect() for _ in range(silent)]
        with connect() as last:
            last.sendall(b'"list"\n')
            last.settimeout(0.5)
            try:
                at_once = b"accounts" in last.recv(65536)
            except TimeoutError:
                at_once = False
            check((silent, at_once), (silent, answered))
            for control in crowd:
                control.close()
            if not at_once:
                last.settimeout(10)
                check(b"accounts" in last.recv(65536), True)
