"""Weather on a cable: frames get lost, are late or come in another order. The kernels of many machines have no such thing
(netem), so a process stands between the laptop's cable and the switch and passes the frames by hand.

    ip netns exec HUB python3 weather.py CABLE SWITCH LOSS SECONDS

LOSS is the share of the UDP datagrams for links (to or from port 5290) that are lost; SECONDS is how much later at most those
are that arrive: each at random, so that they overtake each other.
"""

import heapq
import random
import select
import socket
import sys
import time

PORT = 5290
FRAME_MAX = 70_000
OUTGOING = 4  # PACKET_OUTGOING: what we said ourselves.


def is_of_link(frame):
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 17:
        start = 14 + (frame[14] & 15) * 4
    elif kind == b"\x86\xdd" and frame[20] == 17:
        start = 54
    else:
        return False
    ports = frame[start : start + 4]
    return PORT in (int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big"))


def main(cable, switch, loss, late):
    chance = random.Random(1)
    ends = []
    for interface in (cable, switch):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        end.bind((interface, 0))
        ends.append(end)
    waiting, number = [], 0
    print("weather", flush=True)
    while True:
        wait = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for end in select.select(ends, [], [], wait)[0]:
            frame, where = end.recvfrom(FRAME_MAX)
            if where[2] == OUTGOING:
                continue
            after = 0
            if is_of_link(frame):
                if chance.random() < loss:
                    continue
                after = chance.random() * late
            number += 1
            heapq.heappush(waiting, (time.monotonic() + after, number, ends[end is ends[0]], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, end, frame = heapq.heappop(waiting)
            try:
                end.send(frame)
            except OSError:
                pass  # The cable is out, or the frame does not fit: then it is lost.


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
