"""`imurun bench`: the benchmarks, which are part of a checkout and not of the installed package."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from imurun.errors import MissingExtraError, SettingsError

app = typer.Typer(help="Benchmarks, in a checkout of the source.", no_args_is_help=True)

FiguresOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the figures.")]


@app.command("accuracy", epilog="Example: imurun bench accuracy --quick")
def bench_accuracy(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the results and the page.")
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Method to score, repeatable; default: all."),
    ] = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Dataset to score on, repeatable; default: those with truth."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the simulated poor sensors, straps and placements.")
    ] = False,
) -> None:
    """Score imurun and published rules against force plates and cameras, and write a page."""
    _benchmark("benchmarks.accuracy.command").run_benchmark(out, methods, datasets, quick=quick)


@app.command("speed", epilog="Example: imurun bench speed --only push")
def bench_speed(
    out: FiguresOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Entry to measure, repeatable; default: all."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less data and fewer repeats.")] = False,
) -> None:
    """Measure what imurun costs, from a notification to a cohort, each beside a reference."""
    _benchmark("benchmarks.speed.command").run_benchmark(out, only, quick=quick)


@app.command("peers", epilog="Example: imurun bench peers --quick")
def bench_peers(
    out: FiguresOption = None,
    environments: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the peers' environments; default: in the cache."),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Measurements of each; default 5.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the environments again.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Less data and fewer rounds.")] = False,
) -> None:
    """Measure imurun and similar packages on the same hour; each is installed in its own environment."""
    _benchmark("benchmarks.peers.command").run_benchmark(
        out, environments, n_rounds=rounds, fresh=fresh, quick=quick
    )


@app.command("data", epilog="Example: imurun bench data sacral_grf")
def bench_data(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Dataset to show; default: all.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Download it into the cache folder.")] = False,
) -> None:
    """List public datasets with truth, and download those that are open."""
    _benchmark("benchmarks.datasets.__main__").show_datasets(name, download=download)


def _benchmark(module: str) -> ModuleType:
    """A module of the benchmarks.

    Raises:
        SettingsError: the benchmarks are not importable, as outside a checkout.
        MissingExtraError: a package that they use is missing.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "benchmarks":
            raise MissingExtraError(
                "The benchmarks need the extra 'dev': in imurun's checkout, "
                "run .venv/bin/python -m pip install -e '.[dev]'."
            ) from error
        raise SettingsError(
            "The benchmarks come with a checkout of the source, not with the installed package; "
            "in a checkout, run: python -m imurun bench ..."
        ) from error
