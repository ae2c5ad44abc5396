"""Writes the report of a session as one HTML file that needs no network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from bokeh.embed import components
from bokeh.resources import Resources
from markupsafe import Markup

from imurun._version import __version__
from imurun.files.atomic import atomic_path, write_error
from imurun.files.text import encodable, sanitize
from imurun.report.course_sections import course_sections, marker_sections
from imurun.report.parts import Section
from imurun.report.past import Past, day_of, make_past, utc_of
from imurun.report.past_sections import past_sections
from imurun.report.running_steps import Run
from imurun.report.step_sections import glance, step_sections
from imurun.report.verdict import Flag, make_verdict
from imurun.report.words import DIAGNOSIS, LIMITS, lasting, number
from imurun.session import Session

FOLDER = Path(__file__).parent


def write_report(
    session: Session,
    out: str | os.PathLike[str],
    *,
    history: pd.DataFrame | None = None,
    flags: Sequence[Flag] = (),
    context: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of a session as one HTML file, atomically.

    Args:
        session: the result of `imurun.analyze`.
        out: the file; an existing file is replaced.
        history: this runner's sessions, one row each, with `start` (UTC) and numbers named as in the summary.
            The row with the session's own start gives its tags; later rows are left out. None for no history.
        flags: of the session, from `imurun.history.flags`.
        context: numbers of the weeks before, by name, for orientation.

    Raises:
        SettingsError: the file cannot be written.
    """
    html = render(session, history=history, flags=flags, context=context)
    try:
        with atomic_path(out) as aside:
            aside.write_text(html, encoding="utf-8")
    except OSError as error:
        raise write_error(out, error) from error


def render(
    session: Session,
    *,
    history: pd.DataFrame | None = None,
    flags: Sequence[Flag] = (),
    context: Mapping[str, Any] | None = None,
) -> str:
    """The report as HTML; arguments as of `write_report`."""
    past = make_past(history, session.start)
    sections = _in_order(session, past, context)
    plots: dict[str, Any] = {
        str(picture.plot.name): picture.plot for section in sections for picture in section.pictures
    }
    script, places = components(plots, wrap_script=False) if plots else ("", {})
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(FOLDER),
    )  # fmt: skip
    bokeh = Resources(mode="inline", components=["bokeh"]).render_js() if plots else ""
    html = environment.get_template("report.html").render(
        title=_title(session),
        facts=_facts(session, past),
        verdict=make_verdict(session, past, flags),
        warnings=session.warnings,
        tiles=glance(session),
        sections=sections,
        places={name: Markup(place) for name, place in places.items()},
        bokeh=Markup(bokeh),
        script=Markup(script),
        page_script=Markup((FOLDER / "report.js").read_text(encoding="utf-8")),
        css=Markup((FOLDER / "report.css").read_text(encoding="utf-8")),
        diagnosis=DIAGNOSIS,
        limits=LIMITS,
        version=__version__,
    )
    return encodable(html)


def _in_order(session: Session, past: Past | None, context: Mapping[str, Any] | None) -> list[Section]:
    """The sections: the run, the past, and the markers."""
    run = Run(session)
    return [
        *step_sections(run),
        *course_sections(run),
        *past_sections(session, past, context),
        *marker_sections(run),
    ]


def _title(session: Session) -> str:
    return sanitize(session.source.replace("\\", "/").rsplit("/", 1)[-1]) or "recording"


def _facts(session: Session, past: Past | None) -> list[str]:
    """Texts of the line below the title: date, duration, distance, shoes, sensor, method."""
    summary = session.summary
    facts: list[str] = []
    if session.start is not None:
        start = utc_of(session.start)
        facts.append(f"{day_of(start)}, {str(start)[11:16]} UTC")
    facts.append(f"{lasting(summary['duration_s'])} recorded")
    if past is not None:
        km = past.own_number("distance_km")
        if km is not None:
            facts.append(f"{number(km, 2)} km")
        facts += [text for text in (past.own_text("shoes"), past.own_text("surface")) if text]
    sensor = "accelerometer and gyroscope" if summary["gyroscope"] else "accelerometer only"
    facts.append(f"{sensor}, {number(summary['rate_hz'], 0)} Hz")
    if summary["method"] != "imurun":
        facts.append(f"steps by the published rule {sanitize(str(summary['method']))}")
    # sessions saved by earlier versions have neither
    if summary.get("known_speed"):
        facts.append(f"speed known, {sanitize(str(summary['known_speed']))}")
    if summary.get("calibration"):
        facts.append(f"contact times calibrated, {sanitize(str(summary['calibration']))}")
    return facts
