"""`imurun runner`: who runs, shown and set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imurun.files.text import printable
from imurun.history.thresholds import read_thresholds
from imurun.io import read_runner
from imurun.io.runner_file import default_runner_file, edit_runner, read_shoes


def show_runner(
    file: Path | None,
    *,
    name: str | None,
    mass_kg: float | None,
    height_m: float | None,
    shoes: str | None,
    limit_bw4: float | None,
) -> None:
    """Set what is given, then show the runner's file.

    Raises:
        SettingsError: a value that cannot be, or a file that makes no sense; then nothing is changed.
    """
    path = default_runner_file() if file is None else file
    given = {"name": name, "mass_kg": mass_kg, "height_m": height_m, "shoes": shoes}
    values = {key: value for key, value in given.items() if value is not None}
    limits = {} if limit_bw4 is None else {"session_load_bw4": limit_bw4}
    if values or limits:
        edit_runner(path, values, limits, _check)
    elif not path.exists():
        print(f"No runner is described in {printable(str(path))}; all works without, in body weights.")
        print("Set one: imurun runner --name Kim --mass 62 --height 1.68 --shoes Blue")
        return
    _print(path)


def _check(path: Path) -> None:
    from imurun.live.runner_profile import read_limits

    read_runner(path)
    read_shoes(path)
    read_limits(path)
    read_thresholds(path)


def _print(path: Path) -> None:
    from imurun.live.runner_profile import read_limits

    runner, limits, shoes = read_runner(path), read_limits(path), read_shoes(path)
    rows: list[tuple[str, Any, str]] = [
        ("name", printable(runner.name), ""),
        ("mass", runner.mass_kg, " kg"),
        ("height", runner.height_m, " m"),
        ("shoes", shoes, ""),
        ("session limit", limits.session_load_bw4, " BW⁴"),
    ]
    read_thresholds(path)
    print(printable(str(path)))
    for label, value, unit in rows:
        text = f"{value:g}" if isinstance(value, float) else value
        print(f"  {label:14}" + ("not set" if value is None else f"{text}{unit}"))
