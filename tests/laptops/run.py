"""Runs the cases with laptops in network namespaces: `run.py FINDER [WORD...]`, those whose title has one of the words.

`cargo xtask laptops` builds the program and calls this.
"""

import sys
import time
import traceback

import cases
import lab

# In the order of running: what is basic first.
import finding  # noqa: F401
import nearby  # noqa: F401


def main(finder, only):
    if why := lab.why_not():
        # Not a failure: most machines that people develop on have no root for this.
        print(f"SKIP  all: {why}", flush=True)
        return True
    cases.FINDER = finder
    passed = failed = skipped = 0
    for title, run in cases.ALL:
        if only and not any(word in title for word in only):
            continue
        start = time.monotonic()
        try:
            run()
        except cases.Skip as why:
            skipped += 1
            print(f"SKIP  {title}: {why}", flush=True)
        except Exception:  # Whatever went wrong, the other cases still run.
            failed += 1
            print(f"FAIL  {title}\n{traceback.format_exc()}", flush=True)
        else:
            passed += 1
            print(f"PASS  {title} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return failed == 0 and passed > 0


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1], sys.argv[2:]) else 1)
