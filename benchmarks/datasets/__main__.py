"""Command line: lists the datasets and downloads them.

python -m benchmarks.datasets
python -m benchmarks.datasets NAME
python -m benchmarks.datasets NAME --download
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.datasets import State, fetch, list_datasets
from benchmarks.exit_code import exit_code
from imurun.cli.screen import progress_bar
from imurun.errors import SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 if the input cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.datasets", description="Public datasets.")
    parser.add_argument("name", nargs="?", help="dataset to show or download; all when left out")
    parser.add_argument("--download", action="store_true", help="download the dataset into the cache folder")
    given = parser.parse_args(argv)
    if given.download and given.name is None:
        parser.error("name the dataset to download")
    return exit_code(lambda: show_datasets(given.name, download=given.download))


def show_datasets(name: str | None = None, *, download: bool = False) -> None:
    """Print all datasets or one; or download one and print its folder.

    Raises:
        SettingsError: the name is unknown or missing, or the dataset may not be downloaded.
        FormatError: a file cannot be reached or is not the expected one.
    """
    if name is None:
        if download:
            raise SettingsError("Name the dataset to download.")
        print_table(list_datasets())
    elif download:
        with progress_bar(f"Downloading {name}") as report:
            folder = fetch(name, report)
        print(folder)
    else:
        print_dataset(name)


def print_table(states: Sequence[State]) -> None:
    """Print a line for each dataset."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("dataset", "runners", "truth", "licence", "state"):
        table.add_column(column, justify="right" if column == "runners" else "left", overflow="fold")
    for state in states:
        entry = state.dataset
        runners = str(entry.runners) if entry.runners else "none"
        table.add_row(*map(escape, (entry.name, runners, entry.truth, entry.licence, _where(state))))
    Console(highlight=False).print(table)


def print_dataset(name: str) -> None:
    """Print the entry of one dataset in the registry.

    Raises:
        SettingsError: there is none of this name.
    """
    states = {state.dataset.name: state for state in list_datasets()}
    if name not in states:
        raise SettingsError(f"There is no dataset {name!r}; choose from {', '.join(states)}.")
    entry = states[name].dataset
    rows = {
        "title": entry.title,
        "source": entry.source,
        "doi": entry.doi,
        "licence": entry.licence,
        "citation": entry.citation,
        "runners": str(entry.runners),
        "truth": entry.truth,
        "axes": entry.axes,
        "rate": f"{entry.rate_hz:g} Hz" if entry.rate_hz else "",
        "overlaps": ", ".join(entry.overlaps),
        "note": entry.note,
        "state": f"{states[name].state}: {states[name].detail}",
    }
    for key, value in rows.items():
        if value:
            print(f"{key:9s} {value}")


def _where(state: State) -> str:
    return state.detail if state.state in ("elsewhere", "altered") else state.state


if __name__ == "__main__":
    sys.exit(main())
