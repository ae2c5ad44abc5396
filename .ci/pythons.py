"""Run tests with newer Pythons: `python .ci/pythons.py 3.12 3.13 -- PYTEST-WORDS`; names missing ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = "pytest pytest-xdist hypothesis".split()
EXTRAS = "ble,live,report,fit,cohort"
"""Extras that the chosen tests need."""


def interpreter(version: str) -> str | None:
    """Path of a Python of this version, from PATH or pyenv; None where there is none."""
    found = [shutil.which(f"python{version}")]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for path in sorted(root.glob(f"{version}.*/bin/python"))]
    for python in filter(None, found):
        # pyenv's shims exist for versions that are not active, too
        if subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def test(version: str, python: str, words: list[str]) -> bool:
    """Install imurun in a separate environment and run the tests; True when all passed."""
    folder = Path(f".venv-{version}")
    own = folder / "bin" / "python"
    if not own.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", "constraints.txt", "-e", f".[{EXTRAS}]", *TOOLS], check=True)
    return subprocess.run([str(own), "-m", "pytest", *words], check=False).returncode == 0


def main() -> int:
    """Run the tests with each version; exit code 1 when any failed."""
    end = sys.argv.index("--")
    failed = []
    for version in sys.argv[1:end]:
        python = interpreter(version)
        if python is None:
            print(f"Python {version} is not on this machine: skipped.", flush=True)
        elif not test(version, python, sys.argv[end + 1 :]):
            failed.append(version)
    if failed:
        print(f"Tests failed with Python {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
