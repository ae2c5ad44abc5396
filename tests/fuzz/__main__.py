"""Fuzzes the targets one after another with many inputs, each target in a child process that may crash.

python -m tests.fuzz --inputs 100000 --target text --target zip
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.fuzz.harness import Failure, Tally, fuzz
from tests.fuzz.targets import TARGETS

ADDRESS_SPACE = 8 << 30
"""Limit on the memory of a target's process, which protects the machine."""
REPORT_S = 0.5
CURRENT, RESULT = "current", "result.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000, help="for each target")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="all unless given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="folder for inputs that failed")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.target or list(TARGETS)
    if arguments.child:
        return _work(names[0], arguments.inputs, arguments.seed, arguments.child)
    with Progress(console=Console(stderr=True)) as progress:
        tallies = [_fuzz_in_child(name, arguments.inputs, arguments.seed, progress) for name in names]
    _show(tallies, arguments.keep)
    return 1 if any(tally.failures for tally in tallies) else 0


def _work(name: str, n: int, seed: int, folder: Path) -> int:
    """Run in the child: fuzz the target and write the result to the folder."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    os.environ["IMURUN_STORE"] = str(folder / "history")
    current = folder / CURRENT
    reported_s = 0.0

    def progress(tally: Tally) -> None:
        nonlocal reported_s
        if time.monotonic() - reported_s > REPORT_S:
            reported_s = time.monotonic()
            print(tally.inputs, flush=True)

    tally = fuzz(TARGETS[name], folder, n, seed=seed, before=current.write_bytes, progress=progress)
    failures = [[f.what, base64.b64encode(f.data).decode(), f.detail] for f in tally.failures.values()]
    (folder / RESULT).write_text(json.dumps(vars(tally) | {"failures": failures}))
    return 0


def _fuzz_in_child(name: str, n: int, seed: int, progress: Progress) -> Tally:
    """Fuzz a target in a child; when that crashes, another one continues with the remaining inputs."""
    whole = Tally(name)
    bar = progress.add_task(name, total=n)
    while whole.inputs < n:
        with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_fast_folder()) as place:
            command = [sys.executable, "-m", "tests.fuzz", "--child", place, "--target", name]
            command += ["--inputs", str(n - whole.inputs), "--seed", str(seed)]
            done = 0
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
                assert child.stdout is not None
                for line in child.stdout:
                    done = int(line)
                    progress.update(bar, completed=whole.inputs + done)
            result, current = Path(place, RESULT), Path(place, CURRENT)
            if result.exists():
                _add(whole, json.loads(result.read_text()))
            elif not current.exists():
                raise SystemExit(f"{name} cannot be set up ({child.returncode})")
            else:
                data = current.read_bytes()
                what = f"the process died ({child.returncode})"
                whole.failures.setdefault(what, Failure(what, data))
                whole.inputs += max(done, 1)
        seed += 1
    progress.update(bar, completed=n)
    return whole


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _add(whole: Tally, part: dict) -> None:
    whole.inputs += part["inputs"]
    whole.seconds += part["seconds"]
    whole.slowest_s = max(whole.slowest_s, part["slowest_s"])
    whole.most_mib = max(whole.most_mib, part["most_mib"])
    whole.outcomes += Counter(part["outcomes"])
    for what, data, detail in part["failures"]:
        whole.failures.setdefault(what, Failure(what, base64.b64decode(data), detail))


def _show(tallies: list[Tally], keep: Path) -> None:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    console = Console()
    table = Table()
    columns = ("target", "inputs", "processor s", "slowest s", "most MiB", "distinct outcomes", "failures")
    for column in columns:
        table.add_column(column, justify="left" if column == "target" else "right")
    for tally in tallies:
        numbers = (f"{tally.seconds:.0f}", f"{tally.slowest_s:.2f}", f"{tally.most_mib:.0f}")
        table.add_row(
            tally.name, f"{tally.inputs:,}", *numbers, str(len(tally.outcomes)), str(len(tally.failures))
        )
    console.print(table)
    for tally in tallies:
        for k, failure in enumerate(tally.failures.values()):
            keep.mkdir(parents=True, exist_ok=True)
            file = keep / f"{tally.name}-{k}"
            file.write_bytes(failure.data)
            console.print(f"{tally.name}: {failure.what} ({file})", markup=False)
            console.print(failure.detail[-1500:], markup=False, style="dim")


if __name__ == "__main__":
    sys.exit(main())
