"""`imurun report`: a recording as a page to read, print and keep."""

from __future__ import annotations

from pathlib import Path

from imurun.commands.analyze import analyze_file, make_runner
from imurun.errors import SettingsError
from imurun.report import write_report

ENDINGS = (".html", ".htm")


def report_file(
    file: Path, out: Path, *, runner_file: Path | None, profile: str | None, rate_hz: float | None
) -> None:
    """Analyse a recording and write its report.

    Raises:
        SettingsError: a report that is no .html file, or in a folder that does not exist; a runner's file
            that cannot be used.
        FormatError, RecordingError: a recording that cannot be used.
    """
    if out.suffix.lower() not in ENDINGS:
        raise SettingsError(f"--out {out} must end in .html, so that a browser opens it.")
    if not out.parent.is_dir():
        raise SettingsError(f"--out {out}: there is no folder {out.parent}; make it first.")
    if out.is_dir():
        raise SettingsError(f"--out {out} is a folder; give the name of a file.")
    runner = make_runner(runner_file, None, None)
    session = analyze_file(file, runner, profile=profile, rate_hz=rate_hz, mounting="auto")
    write_report(session, out)
    print(f"Report: {out}")
