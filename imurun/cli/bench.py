"""`imurun bench`: the benchmarks of a checkout; an installed package does not hold them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from imurun.errors import SettingsError


def bench_accuracy(
    out: Path | None, methods: list[str] | None, datasets: list[str] | None, *, quick: bool
) -> None:
    """Run the accuracy benchmark, print its tables, write its page.

    Raises:
        SettingsError: no benchmarks here, an unknown name, or a folder that cannot be used.
        FormatError: no dataset can be used.
    """
    _benchmark("benchmarks.accuracy.command").run_benchmark(out, methods, datasets, quick=quick)


def bench_speed(out: Path | None, only: list[str] | None, *, quick: bool) -> None:
    """Run the speed benchmark, print its tables, keep its figures.

    Raises:
        SettingsError: no benchmarks here, an unknown name, or a folder that cannot be used.
        ImurunError: an entry that could not be measured; the others were.
    """
    _benchmark("benchmarks.speed.command").run_benchmark(out, only, quick=quick)


def bench_peers(
    out: Path | None, environments: Path | None, *, n_rounds: int | None, fresh: bool, quick: bool
) -> None:
    """Run the benchmark beside peers, print its tables, keep its figures.

    Raises:
        SettingsError: no benchmarks here, a folder that cannot be used, or nobody could be measured.
    """
    _benchmark("benchmarks.peers.command").run_benchmark(
        out, environments, n_rounds=n_rounds, fresh=fresh, quick=quick
    )


def bench_data(name: str | None, *, download: bool) -> None:
    """List the datasets, show one, or download one.

    Raises:
        SettingsError: no benchmarks here, no such dataset, or it may not be downloaded.
        FormatError: a file cannot be reached or is not the expected one.
    """
    _benchmark("benchmarks.datasets.__main__").show_datasets(name, download=download)


def _benchmark(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "benchmarks":
            raise
        raise SettingsError(
            "The benchmarks come with a checkout of the source, not with the installed package; "
            "in a checkout, run: python -m imurun bench ..."
        ) from error
