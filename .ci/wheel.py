"""Build the wheel, install it without extras in a clean environment, and use it from another folder."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*words: str | Path, cwd: Path = ROOT, code: int = 0, says: str = "") -> None:
    """Run a command that ends with this code and says this."""
    told = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    if told.returncode != code or says not in told.stdout + told.stderr:
        raise SystemExit(f"{words}: {told.returncode}\n{told.stdout}{told.stderr}")


def show_live(imurun: Path, folder: Path) -> None:
    """A simulated run for a while, ended as a user ends it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [imurun, "live", "--simulate", "--speed", "20", "--out", "run", "--port", port]
    live = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(12)
    live.send_signal(signal.SIGINT)
    told, _ = live.communicate(timeout=120)
    if live.returncode or not (folder / "run.parquet").exists() or "Traceback" in told:
        raise SystemExit(f"live --simulate: {live.returncode}\n{told}")


def main() -> None:
    """Stop at the first that is not as it should be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist")
        (wheel,) = (folder / "dist").glob("*.whl")
        run(sys.executable, "-m", "venv", folder / "clean")
        pip = [folder / "clean" / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
        run(*pip, "--quiet", "-c", ROOT / "constraints.txt", wheel)
        imurun = folder / "clean" / "bin" / "imurun"
        user = folder / "user"
        user.mkdir()
        run(imurun, "--version", cwd=user, says="imurun ")
        run(imurun, "demo", cwd=user, says="Cadence")
        run(imurun, "simulate", "test.csv", cwd=user)
        run(imurun, "analyze", "test.csv", cwd=user, says="Cadence")
        run(imurun, "report", "test.csv", "--out", "test.html", cwd=user)
        show_live(imurun, user)
        run(imurun, "analyze", "run.parquet", cwd=user)
        run(imurun, "cohort", "test.csv", "--out", "local", cwd=user)  # needs no extra
        run(imurun, "bench", "speed", cwd=user, code=1, says="come with a checkout")
        run(imurun, "live", "--simulate", "--lsl", cwd=user, code=1, says="imurun[lsl]")
        run(imurun, "simulate", "--ble", "usb:0", cwd=user, code=1, says="imurun[virtual]")
        distant = ["cohort", "test.csv", "--out", "distant", "--scheduler", "tcp://127.0.0.1:9"]
        run(imurun, *distant, cwd=user, code=1, says="imurun[cohort]")
        run(imurun, "cohort", "memory://x", "--out", "distant", cwd=user, code=1, says="imurun[cohort]")
    print("The wheel works in a clean environment.")


if __name__ == "__main__":
    main()
