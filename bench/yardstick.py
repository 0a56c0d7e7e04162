#!/usr/bin/env python3
"""Runs the whole-server yardstick with Jirani beside Prosody, ejabberd and the bare relay.

    YARDSTICK=DIR bench/yardstick.py --servers relay,jirani,prosody,ejabberd --scenarios chat,login

DIR is the folder with the yardstick's bench.py and its built load generator (`cargo build --release` in its loadgen
folder); the arguments are bench.py's. This file adds one adapter: how Jirani is configured, filled with users, started
and found.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
JIRANI = os.environ.get("JIRANI", str(HERE.parent / "target" / "release" / "jirani"))

if "YARDSTICK" not in os.environ:
    sys.exit(__doc__)
sys.path.insert(0, os.environ["YARDSTICK"])
sys.dont_write_bytecode = True

import bench  # noqa: E402
import servers  # noqa: E402


class Jirani(servers.Server):
    name = "jirani"
    features = {"offline", "mam"}

    def configure(self):
        (self.work / "config.toml").write_text(f"""
listen = ["127.0.0.1:{self.port}"]
listen_tls = ["127.0.0.1:{self.tls_port}"]
links = false
domain = "{self.domain}"
archive = {"true" if self.options.get("mam") else "false"}
scram_iterations = {servers.ITERATIONS}
[[certificates]]
domain = "{self.domain}"
chain = "{self.cert}"
key = "{self.key}"
""")

    def command(self):
        return [JIRANI, "--data", str(self.data), "--config", str(self.work / "config.toml"), "run"], {}

    def seed(self, population):
        """Accounts by the control socket, contacts by the ordinary handshake of the load generator."""
        self.start()
        path = self.data / "control"
        while not path.exists():
            time.sleep(0.05)
        for user in population.users:
            request = {"add": {"name": user, "password": servers.PASSWORD}}
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(path))
                control.sendall(json.dumps(request).encode() + b"\n")
                answer = control.makefile().readline()
            if "account" not in json.loads(answer):
                sys.exit(f"{user} could not be made: {answer}")
        common = ["--port", str(self.port), "--domain", self.domain, "--password", servers.PASSWORD]
        if not os.environ.get("NO_CONTACTS"):
            befriend = [self.loadgen, "befriend", *common, "--prefix"]
            subprocess.run([*befriend, "h", "--hub", str(population.hub)], check=True)
            subprocess.run([*befriend, "u", "--count", str(population.ring), "--ring", "10"], check=True)
        self.stop()


servers.ADAPTERS["jirani"] = Jirani

if __name__ == "__main__":
    bench.main()
