"""Runs the cases with real clients: `run.py JIRANI [WORD...]`, those whose title has one of the words.

`cargo xtask clients` builds the program, makes the environment and calls this.
"""

import asyncio
import logging
import resource
import sys

import harness

# In the order of running: what is basic first.
import login  # noqa: F401
import binding  # noqa: F401
import certificates  # noqa: F401
import chat  # noqa: F401
import profanity  # noqa: F401
import devices  # noqa: F401
import finch  # noqa: F401
import people  # noqa: F401
import registration  # noqa: F401
import easy  # noqa: F401
import limits  # noqa: F401
import crowds  # noqa: F401
import crash  # noqa: F401
import faults  # noqa: F401


async def main(jirani, only):
    # A client's own complaints belong to the cases that provoke them.
    logging.getLogger().setLevel(logging.CRITICAL)
    # Crowds need as many files as the system lets us and the daemon have.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    world = harness.World(jirani)
    try:
        world.standing = await world.house().start()
        return await harness.run_cases(world, only)
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(sys.argv[1], sys.argv[2:])) else 1)
