"""Start one program and write down what it took.

    python -I -S launcher.py RESULT.json PROGRAM ARGUMENT...

A process of its own that imports next to nothing: Linux counts the memory of who starts a program as that
program's until it has more itself, so one that holds a recording cannot measure another.
"""

import json
import os
import sys
import time


def main():
    result, *words = sys.argv[1:]
    begin_s = time.perf_counter()
    child = os.posix_spawnp(words[0], words, os.environ)
    _, status, used = os.wait4(child, 0)
    wall_s = time.perf_counter() - begin_s
    # in kB, on macOS in bytes
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(
            {
                "code": os.waitstatus_to_exitcode(status),
                "wall_s": wall_s,
                "cpu_s": used.ru_utime + used.ru_stime,
                "peak_mb": used.ru_maxrss * unit / 1e6,
            },
            stream,
        )


main()
