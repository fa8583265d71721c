"""Prints lines from stdin with Printrun's printcore on a port; says as JSON what it received.

A process of its own: importing printcore changes the locale and the builtins.
"""

import json
import sys
import threading

from printrun import gcoder  # type: ignore[import-untyped]
from printrun.printcore import printcore  # type: ignore[import-untyped]


def main() -> None:
    port, lines = sys.argv[1], sys.stdin.read().splitlines()
    online, done = threading.Event(), threading.Event()
    received: list[str] = []
    errors: list[str] = []
    core = printcore()
    core.onlinecb, core.endcb = online.set, done.set
    core.recvcb, core.errorcb = received.append, errors.append
    try:
        core.connect(port, 115200)
        reached = online.wait(20)
        ended = reached and core.startprint(gcoder.LightGCode(lines)) and done.wait(40)
        for thread in threading.enumerate():  # it starts its sender again before it is really done
            if thread.name == "print thread":
                thread.join(20)
    finally:
        core.disconnect()
    print(json.dumps({"ended": ended, "received": received, "errors": errors}))


if __name__ == "__main__":
    main()
