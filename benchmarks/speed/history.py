"""Time of the history with 5,000 sessions."""

from __future__ import annotations

import io
import sqlite3
import tempfile
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.speed.measure import Figure, compare
from imurun.cli.history import list_sessions
from imurun.history import Store, find_flags
from imurun.model.columns import STEP_COLUMNS
from imurun.model.runner import Runner
from imurun.session import Session
from imurun.summary import FRESH_AND_TIRED, MEDIANS, summarise

UNIT = "s of a core"
N_SESSIONS = 5000
LIST_TARGET_S, FLAGS_TARGET_S = 1.0, 0.2
HOURS_APART = 35.0
START = datetime(2005, 1, 1, 6, tzinfo=UTC)


def measure_history(*, quick: bool) -> list[Figure]:
    """`imurun history` after start-up, and the flags of one more session.

    The reference only reads all rows of the catalogue.
    """
    n, repeats = (500, 3) if quick else (N_SESSIONS, 9)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        newest = fill(folder, n)

        def rows() -> None:
            connection = sqlite3.connect(folder / "catalogue.sqlite")
            assert len(connection.execute("SELECT * FROM sessions").fetchall()) == n
            connection.close()

        def listing() -> None:
            with redirect_stdout(io.StringIO()):
                list_sessions(folder, "Kim", None, 20)

        def flags() -> None:
            with Store(folder) as store:
                find_flags(*store.with_past(newest))

        figures = []
        for what, work, target in (
            ("imurun history", listing, LIST_TARGET_S),
            ("flags of a session", flags, FLAGS_TARGET_S),
        ):
            took, reference = compare(rows, lambda: work, repeats)  # noqa: B023
            figures.append(
                Figure("history", f"{what}, {n} sessions", UNIT, tuple(took), tuple(reference), target)
            )
    return figures


def fill(folder: Path, n: int) -> str:
    """Add n synthetic sessions with all entries of the summary to a store; returns the newest."""
    rng = np.random.default_rng(0)
    with Store(folder) as store:
        first = store.add(made_session(rng, START), runner="Kim", fingerprint=f"{0:064x}"[::-1])
        row = store.plain_rows()[0]
        rows = []
        for k in range(1, n):
            start = START + timedelta(hours=HOURS_APART * k)
            mark = f"{k:06x}"
            moved = {
                "session_id": f"{start:%Y%m%d}-{mark}",
                "start_us": row["start_us"] + int(HOURS_APART * 3600e6) * k,
                "fingerprint": mark + "0" * 58,
            }
            rows.append({**row, **moved})
        store.add_rows(rows)
    return rows[-1]["session_id"] if rows else first.session_id


def made_session(rng: np.random.Generator, start: datetime) -> Session:
    """A synthetic session with a number for every entry of the summary."""
    n = 200
    columns = {column.name: rng.normal(3.0, 0.1, n) for column in STEP_COLUMNS}
    columns["initial_contact_s"] = np.arange(n) * 0.36
    steps = pd.DataFrame(columns).assign(side=["left", "right"] * (n // 2), gait="running")
    summary = summarise(steps, [], [], n * 0.36, Runner())
    assert all(
        summary[name] is not None for name in (*MEDIANS, *(f"fresh_{name}" for name in FRESH_AND_TIRED))
    )
    nothing = pd.DataFrame({"start_s": [], "end_s": [], "kind": []})
    return Session(steps, nothing, nothing, summary, None, (), {}, start, "made")
