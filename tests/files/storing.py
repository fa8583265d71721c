"""Programs of their own, for tests that end them in the middle or bound what they may write.

python storing.py kill BASE     begins an upload, says so, and waits for its end
python storing.py bounded BASE  writes more than the system lets it, and says what it was told
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from pathlib import Path

from callboard.files.refusals import Refused
from callboard.files.store import FileStore


def kill(store: FileStore) -> None:
    upload = store.open_upload("parts/arm.gcode")
    upload.write(b"G1 X1\n" * 10_000)
    print("writing", flush=True)
    time.sleep(60)


def bounded(store: FileStore) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        with store.open_upload("big.gcode") as upload:
            while True:
                upload.write(b"G1 X1\n" * 1000)
    except Refused as error:
        print(type(error).__name__, error, flush=True)


if __name__ == "__main__":
    {"kill": kill, "bounded": bounded}[sys.argv[1]](FileStore(Path(sys.argv[2])))
