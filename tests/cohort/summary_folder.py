"""Writes an output folder with the layout of `imurun cohort`, from short simulated sessions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import imurun
from imurun.cohort.tables import sessions_schema
from imurun.sim.presets import eventful_run, steady_run
from imurun.sim.runner import RunnerModel, Segment
from imurun.sim.sensor import SensorModel
from imurun.sim.simulation import simulate


@cache
def analysed(kind):
    """easy, fast: a minute of running; bare: without gyroscope; eventful: and walking; walk: only walking."""
    if kind == "eventful":
        recording = eventful_run().recording
    elif kind == "walk":
        recording = simulate(
            [Segment("walking", 30.0, speed_m_s=1.4)], RunnerModel(), SensorModel(rate_hz=100.0), seed=1
        ).recording
    else:
        recording = steady_run(60.0, 3.8 if kind == "fast" else 2.8, seed=5).recording
        if kind == "bare":
            recording = replace(recording, gyr=None)
    return imurun.analyze(recording)


@dataclass
class Made:
    """One session of the folder."""

    runner: str
    session: str
    kind: str = "easy"
    group: str | None = None
    start: datetime | None = None
    covariates: dict = field(default_factory=dict)

    @property
    def key(self):
        return f"{self.runner}-{self.session}".encode().hex()[-16:]


def write_cohort(folder, made, n_failed=0):
    """Write the folder, with analysed steps and one schema for all sessions; returns it."""
    folder.mkdir()
    (folder / "cohort.json").write_text(json.dumps({"schema": 1, "version": "1", "settings": {}}))
    schema = schema_of(made)
    for runner in dict.fromkeys(one.runner for one in made):
        rows = []
        for one in made:
            if one.runner == runner:
                session = analysed(one.kind)
                file = steps_file(folder, one)
                file.parent.mkdir(parents=True, exist_ok=True)
                session.steps.assign(key=one.key, session=one.session).to_parquet(file)
                first = {"key": one.key, "recording": f"/in/{one.key}.csv", "session": one.session}
                texts = {"group": one.group, "warnings": "\n".join(session.warnings), "start": one.start}
                rows.append(session.summary | first | texts | one.covariates)
        file = sessions_file(folder, runner)
        file.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema), file)
    failures = {"address": ["bad.csv"] * n_failed, "sentence": ["bad.csv: it is empty."] * n_failed}
    pd.DataFrame(failures).to_parquet(folder / "failures.parquet")
    return folder


def schema_of(made):
    """The schema of the package, with covariates that are whole numbers, numbers or text."""
    covariates = {}
    for one in made:
        for name, value in one.covariates.items():
            covariates[name] = (name, covariates.get(name, (name, True))[1] and not isinstance(value, str))
    return sessions_schema(list(analysed("easy").summary), covariates)


def steps_file(folder, one):
    return folder / "steps" / f"runner={quote(one.runner, safe='')}" / f"{one.key}.parquet"


def sessions_file(folder, runner):
    return folder / "sessions" / f"runner={quote(runner, safe='')}" / "sessions.parquet"
