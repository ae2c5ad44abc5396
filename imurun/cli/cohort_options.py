"""Words on the command line about cohorts; what they do is done elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from imurun.cli.options import MountingChoice, MountingOption
from imurun.methods import METHODS

RUN = "run"
"""Name of the command that is meant when no other is named; as a word it is an input like any other."""


class DefaultGroup(TyperGroup):
    """Commands by name, and one without: `cohort summary DIR` beside `cohort IN...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command without one before its words."""
        named = bool(args) and args[0] in self.commands and args[0] != RUN
        return super().parse_args(ctx, args if named else [RUN, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Keep that name out of the usage line."""
        name, command, rest = super().resolve_command(ctx, args)
        return "" if name == RUN else name, command, rest


cohort = typer.Typer(
    cls=DefaultGroup, add_help_option=False, help="Analyse many recordings of many runners into one data set."
)


@cohort.command(RUN, epilog="Example: imurun cohort study/ --out results")
def run(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN...",
            help="Recordings, folders of them, quoted patterns, manifests, or fsspec addresses of these. "
            "A folder called summary is written ./summary.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the data set: a new one, or one to go on with.")
    ],
    manifest: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE.csv",
            help="Table with a column recording, and runner, session, group, mass_kg, height_m, rate_hz, "
            "profile where they are known; further columns are covariates.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes; as many as cores if not said.")
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            metavar="MB",
            min=512,
            help="Most that a worker may take; its share of this machine's if not said.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers to use (extra cohort)."),
    ] = None,
    mass: Annotated[
        float | None, typer.Option(metavar="KG", help="Body mass where the manifest gives none.")
    ] = None,
    height: Annotated[
        float | None, typer.Option(metavar="M", help="Stature where the manifest gives none.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME|FILE.toml", help="For files that are not recognised.")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="HZ", help="For files without a time column.")] = None,
    mounting: MountingOption = MountingChoice.AUTO,
    method: Annotated[
        str, typer.Option(metavar="NAME", help=f"imurun, or a published rule: {', '.join(METHODS)}.")
    ] = "imurun",
) -> None:
    """Analyse many recordings of many runners into one data set of Parquet files.

    The same command goes on where it was interrupted and does what was added or changed.
    """
    from imurun.cli.cohort import run_cohort
    from imurun.cohort.settings import make_settings

    settings = make_settings(
        mounting=mounting.value, method=method, profile=profile, rate_hz=rate, mass_kg=mass, height_m=height
    )
    well = run_cohort(
        inputs or [],
        manifest or [],
        out,
        settings,
        workers=workers,
        memory_mb=memory,
        scheduler=scheduler,
    )
    if not well:
        raise typer.Exit(1)


@cohort.command(epilog="Example: imurun cohort summary results")
def summary(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `imurun cohort` wrote.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the files; DIR/summary if not said.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.")] = False,
) -> None:
    """Say what a cohort's sessions say, per runner and per group; write a table for mixed-effects models."""
    from imurun.cli.cohort_summary import show_summary

    if show_summary(folder, out, as_json=json):
        raise typer.Exit(1)
