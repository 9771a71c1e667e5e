"""Runs a part of the laboratory on the firmware that POSTINO_FIRMWARE names, in a process of its own (hunt.py).

    python -m tests.crash.mutants.child CHECK…

A check is a job of the laboratory as JSON, or `refusals`. Ends at the first that finds something and prints that as
JSON, or an empty object.
"""

import json
import os
import random
import resource
import signal
import sys

# A job of the hunt takes a few seconds of the processor.
PATIENCE_S = 40
# A mutant that asks for memory without end must not have that of the machine.
MOST_MEMORY = 3 << 30
REFUSALS = "refusals"


class Hang(BaseException):
    """Nothing in the firmware may catch it."""


def _hang(_signal, _frame):
    raise Hang


def look(check: str) -> str:
    """What the check finds; nothing if all is well."""
    from tests.crash import plan, refusal
    from tests.crash.invariants import Violation

    if check == REFUSALS:
        try:
            refusal.check()
        except Violation as violation:
            return str(violation)
        return ""
    tally = plan.run(plan.Job(*json.loads(check)), 1)
    return tally.violations[0] if tally.violations else ""


def bounded(check: str) -> str:
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_S)
    try:
        return look(check)
    except Hang:
        return f"hang: more than {PATIENCE_S} seconds"
    except Exception as error:
        return f"invariant 0: while it was recorded: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def main() -> None:
    sys.path.insert(0, os.environ["POSTINO_FIRMWARE"])
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    signal.signal(signal.SIGVTALRM, _hang)
    # The first UIDVALIDITY of a store: the same images each time.
    os.urandom = random.Random(REFUSALS).randbytes
    found = {}
    for check in sys.argv[1:]:
        text = bounded(check)
        if text:
            found = {"check": check, "text": text}
            break
    print(json.dumps(found))


if __name__ == "__main__":
    main()
