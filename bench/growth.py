#!/usr/bin/env python3
"""How costs grow: 100, 1,000 and 10,000 sessions; contact lists of 10, 100 and 1,000. A table and a plot.

    YARDSTICK=DIR bench/growth.py --loadgen DIR/loadgen/target/release/loadgen --work TEMPORARY --plot docs/growth.svg

Needs only Jirani and the yardstick's load generator (see yardstick.py). CPU is all that the daemon's process took, in
ticks of 10 ms; memory is what a session adds. 10,000 sessions need 10,000 files: `ulimit -n 30000` before.
"""

import argparse
import json
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import yardstick  # noqa: E402
from yardstick import servers  # noqa: E402

SESSIONS = (100, 1000, 10000)
CONTACTS = (10, 100, 1000)
MESSAGES = 200_000


def add(control, name):
    request = {"add": {"name": name, "password": servers.PASSWORD}}
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(control))
        one.sendall(json.dumps(request).encode() + b"\n")
        answer = one.makefile().readline()
    if "account" not in json.loads(answer):
        sys.exit(f"{name} could not be made: {answer}")


class Node:
    """One daemon with the people that all measurements draw on."""

    def __init__(self, args):
        self.loadgen = args.loadgen
        self.server = yardstick.Jirani(args.work, "growth.example", 47300, args.loadgen)
        self.server.data.mkdir(parents=True, exist_ok=True)
        self.server.configure()
        self.server.start()
        control = self.server.data / "control"
        while not control.exists():
            time.sleep(0.05)
        for number in range(max(SESSIONS)):
            add(control, f"c{number}")
        for contacts in CONTACTS:
            for number in range(contacts + 1):
                add(control, f"h{contacts}-{number}")
            self.run("befriend", prefix=f"h{contacts}-", hub=contacts)
        self.server.stop()

    def run(self, scenario, **options):
        options = {"port": self.server.port, "domain": self.server.domain, "password": servers.PASSWORD,
                   "pids": ",".join(map(str, self.server.pids())), **options}
        argv = [self.loadgen, scenario]
        for key, value in options.items():
            argv += [f"--{key}", str(value)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600)
        if done.returncode:
            sys.exit(f"{' '.join(argv)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def fresh(self, scenario, **options):
        """The same on a daemon that has just started."""
        self.server.start()
        self.run("wait", since=self.server.started_ns, prefix="c", timeout=60)
        try:
            return self.run(scenario, **options)
        finally:
            self.server.stop()


def measure(node):
    """Rows of (what, unit, [(size, figure)])."""
    chat, rate, memory = [], [], []
    for n in SESSIONS:
        got = node.fresh("chat", prefix="c", pairs=n // 2, messages=MESSAGES // n, rate=600, secs=5)
        chat.append((n, got["cpu_us_per_msg"]))
        rate.append((n, got["rate_cpu_us_per_msg"]))
    steps = node.fresh("idle", prefix="c", steps=",".join(map(str, SESSIONS)), settle=3)["steps"]
    memory = [(step["sessions"], step["rss_kb_per_session"]) for step in steps]
    presence, login = [], []
    for n in CONTACTS:
        got = node.fresh("presence", prefix=f"h{n}-", contacts=n, messages=max(10, 20_000 // n))
        presence.append((n, got["cpu_us_per_delivery"]))
        # User 0 is the one who has all these contacts.
        got = node.fresh("login", prefix=f"h{n}-", count=200, pool=1, session=1)
        login.append((n, got["cpu_ms_per_login"] * 1000))
    return [
        ("chat, windowed", "CPU us for a message", "sessions", chat),
        ("chat at 600/s", "CPU us for a message", "sessions", rate),
        ("idle session", "RSS kB", "sessions", memory),
        ("presence broadcast", "CPU us for a delivered stanza", "contacts", presence),
        ("login, contact list, presence", "CPU us for a login", "contacts", login),
    ]


def table(rows):
    for what, unit, over, points in rows:
        cells = " | ".join(f"{size:,} {over}: **{figure:.3g}**" for size, figure in points)
        print(f"| {what}: {unit} | {cells} |")


def plot(rows):
    """One small panel for each row: sizes on a logarithmic axis, figures from zero."""
    width, height, gap = 210, 150, 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(rows) * (width + gap) + gap}" '
           f'height="{height + 110}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>']
    for at, (what, unit, over, points) in enumerate(rows):
        left, top = gap + at * (width + gap), 50
        most = max(figure for _, figure in points) * 1.2 or 1
        x = [left + 20 + i * (width - 40) / (len(points) - 1) for i in range(len(points))]
        y = [top + height * (1 - figure / most) for _, figure in points]
        out += [f'<text x="{left}" y="{top - 26}" font-weight="bold">{what}</text>',
                f'<text x="{left}" y="{top - 12}">{unit}</text>',
                f'<path d="M{left} {top}V{top + height}H{left + width}" fill="none" stroke="black"/>',
                f'<polyline points="{" ".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y))}" fill="none" '
                'stroke="#1a66aa" stroke-width="2"/>']
        for a, b, (size, figure) in zip(x, y, points):
            out += [f'<circle cx="{a:.0f}" cy="{b:.0f}" r="3" fill="#1a66aa"/>',
                    f'<text x="{a:.0f}" y="{b - 7:.0f}" text-anchor="middle">{figure:.3g}</text>',
                    f'<text x="{a:.0f}" y="{top + height + 16}" text-anchor="middle">{size:,}</text>']
        out.append(f'<text x="{left + width / 2:.0f}" y="{top + height + 34}" text-anchor="middle">{over}</text>')
    return "\n".join([*out, "</svg>", ""])


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--loadgen", required=True)
    parse.add_argument("--work", required=True)
    parse.add_argument("--plot")
    args = parse.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = measure(Node(args))
    table(rows)
    if args.plot:
        Path(args.plot).write_text(plot(rows))


if __name__ == "__main__":
    main()
