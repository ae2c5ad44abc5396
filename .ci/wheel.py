"""Build the wheel, install it in a clean environment, and use it elsewhere, without and with extras."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXPORT = ["export", "test.csv", "--fit", "test.fit", "--start", "2026-05-01T07:30"]


def run(*words: str | Path, cwd: Path = ROOT, code: int = 0, says: str = "") -> None:
    """Run a command; stop unless it ends with this exit code and prints this text."""
    done = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != code or says not in done.stdout + done.stderr:
        raise SystemExit(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def show_live(imurun: Path, folder: Path) -> None:
    """Run `live --simulate` until its recording has steps, then end it with Ctrl-C as a user does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [imurun, "live", "--simulate", "--speed", "20", "--out", "run", "--port", port]
    live = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(12)
    live.send_signal(signal.SIGINT)
    printed, _ = live.communicate(timeout=120)
    if live.returncode or not (folder / "run.parquet").exists() or "Traceback" in printed:
        raise SystemExit(f"live --simulate: exit code {live.returncode}\n{printed}")


def use_base(imurun: Path, folder: Path) -> None:
    """What files and their analysis need is in the base; each missing extra is one sentence that names it."""
    run(imurun, "--version", cwd=folder, says="imurun ")
    run(imurun, "demo", cwd=folder, says="Cadence")
    run(imurun, "simulate", "test.csv", cwd=folder)
    run(imurun, "analyze", "test.csv", cwd=folder, says="Cadence")
    run(imurun, "cohort", "test.csv", "--out", "local", cwd=folder)
    run(imurun, "bench", "speed", cwd=folder, code=1, says="come with a checkout")
    distant = ["cohort", "test.csv", "--out", "distant"]
    for extra, words in {
        "ble": ["scan"],
        "live": ["live", "--simulate"],
        "report": ["report", "test.csv", "--out", "test.html"],
        "fit": EXPORT,
        "lsl": ["live", "--simulate", "--no-page", "--lsl"],
        "virtual": ["simulate", "--ble", "usb:0"],
        "cohort": [*distant, "--scheduler", "tcp://127.0.0.1:9"],
    }.items():
        run(imurun, *words, cwd=folder, code=1, says=f"-e '.[{extra}]'")


def use_extras(imurun: Path, folder: Path) -> None:
    """The commands of README that need extras."""
    run(imurun, "report", "test.csv", "--out", "test.html", cwd=folder)
    run(imurun, *EXPORT, cwd=folder)
    show_live(imurun, folder)
    run(imurun, "analyze", "run.parquet", cwd=folder)


def main() -> None:
    """Stop at the first fault."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist")
        (wheel,) = (folder / "dist").glob("*.whl")
        run(sys.executable, "-m", "venv", folder / "clean")
        pip = [folder / "clean" / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
        imurun, user = folder / "clean" / "bin" / "imurun", folder / "user"
        user.mkdir()
        run(*pip, "--quiet", "-c", ROOT / "constraints.txt", wheel)
        use_base(imurun, user)
        run(*pip, "--quiet", "-c", ROOT / "constraints.txt", f"{wheel}[ble,live,report,fit]")
        use_extras(imurun, user)
    print("The wheel works in a clean environment.")


if __name__ == "__main__":
    main()
