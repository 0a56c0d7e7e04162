"""Runs the cases with laptops in network namespaces: `run.py FINDER JIRANI [WORD...]`, those whose title has one of the words.

Several at once, in processes and labs of their own: most of them wait most of the time.

`cargo xtask laptops` builds the programs, makes the environment and calls this.
"""

import concurrent.futures
import contextlib
import io
import logging
import multiprocessing
import sys
import time
import traceback

import cases
import house
import lab

# In the order of running: what takes longest first.
import measures  # noqa: F401
import clients  # noqa: F401
import neighbours  # noqa: F401
import bonjour_link  # noqa: F401
import siblings  # noqa: F401
import finding  # noqa: F401
import nearby  # noqa: F401
import verification  # noqa: F401

AT_ONCE = 4


def perform(number):
    """Runs one case; gives the word for how it ended, and what is to be printed."""
    title, run = cases.ALL[number]
    start = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            run()
            word, more = "PASS", f" ({time.monotonic() - start:.1f} s)"
        except cases.Skip as why:
            word, more = "SKIP", f": {why}"
        except Exception:  # Whatever went wrong, the other cases still run.
            word, more = "FAIL", f"\n{traceback.format_exc()}"
    return word, f"{word}  {title}{more}\n{printed.getvalue()}"


def main(finder, jirani, only):
    if why := lab.why_not():
        # Not a failure: most machines that people develop on have no root for this.
        print(f"SKIP  all: {why}", flush=True)
        return True
    cases.FINDER, house.JIRANI = finder, jirani
    # A client's own complaints belong to the cases that provoke them.
    logging.getLogger().setLevel(logging.CRITICAL)
    words = []
    chosen = [n for n, (title, _) in enumerate(cases.ALL) if not only or any(word in title for word in only)]
    begun = time.monotonic()
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(AT_ONCE, fork) as pool:
        for done in concurrent.futures.as_completed([pool.submit(perform, number) for number in chosen]):
            word, printed = done.result()
            words.append(word)
            print(printed, end="", flush=True)
    passed, failed, skipped = (words.count(word) for word in ("PASS", "FAIL", "SKIP"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - begun:.0f} s", flush=True)
    return failed == 0 and passed > 0


if __name__ == "__main__":
    good = main(sys.argv[1], sys.argv[2], sys.argv[3:])
    sys.exit(0 if good else 1)
