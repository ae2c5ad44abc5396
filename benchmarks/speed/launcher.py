"""Runs one program and writes its time and memory to a file.

    python -I -S launcher.py RESULT.json PROGRAM ARGUMENT...

A separate process with few imports: Linux counts the memory of the parent as that of a new program until the
program has more itself, so a process that holds a recording cannot measure another.
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
