"""`imurun runner`: shows or edits the description of this machine's runner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def runner(
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE.toml", help="File to use; default: this machine's runner."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name, for the history.")] = None,
    mass: Annotated[float | None, typer.Option(metavar="KG", help="Body mass.")] = None,
    height: Annotated[float | None, typer.Option(metavar="M", help="Body height.")] = None,
    shoes: Annotated[
        str | None, typer.Option(metavar="NAME", help="Shoes of sessions that name no others.")
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option(metavar="BW^4", help="Highest session load; live runs warn of it."),
    ] = None,
) -> None:
    """Show or set the runner: name, mass, height, shoes, load limit."""
    from imurun.files.text import sanitize
    from imurun.io.runner_file import default_runner_file, edit_runner

    path = default_runner_file() if file is None else file
    given = {"name": name, "mass_kg": mass, "height_m": height, "shoes": shoes}
    values = {key: value for key, value in given.items() if value is not None}
    limits = {} if limit is None else {"session_load_bw4": limit}
    if values or limits:
        edit_runner(path, values, limits, check_runner_file)
    elif not path.exists():
        print(f"No runner is described in {sanitize(str(path))}; without one, loads are in body weights.")
        print("To set one: imurun runner --name Kim --mass 62 --height 1.68 --shoes Blue")
        return
    _print(path)


def check_runner_file(path: Path) -> None:
    """Read every table of the file that imurun uses.

    Raises:
        SettingsError: a value makes no sense; `edit_runner` then keeps the file as it was.
    """
    from imurun.history.thresholds import read_thresholds
    from imurun.io import read_runner
    from imurun.io.runner_file import read_shoes
    from imurun.live.runner_profile import read_limits

    read_runner(path)
    read_shoes(path)
    read_limits(path)
    read_thresholds(path)


def _print(path: Path) -> None:
    from imurun.files.text import sanitize
    from imurun.history.thresholds import read_thresholds
    from imurun.io import read_runner
    from imurun.io.runner_file import read_shoes
    from imurun.live.runner_profile import read_limits

    runner, limits, shoes = read_runner(path), read_limits(path), read_shoes(path)
    read_thresholds(path)  # not shown, but an error in them is reported here too
    rows: list[tuple[str, Any, str]] = [
        ("name", sanitize(runner.name), ""),
        ("mass", runner.mass_kg, " kg"),
        ("height", runner.height_m, " m"),
        ("shoes", shoes, ""),
        ("session limit", limits.session_load_bw4, " BW⁴"),
        ("calibration", None if runner.calibration is None else sanitize(runner.calibration.words), ""),
    ]
    print(sanitize(str(path)))
    for label, value, unit in rows:
        text = f"{value:g}" if isinstance(value, float) else value
        print(f"  {label:14}" + ("not set" if value is None else f"{text}{unit}"))
