"""`imurun report`: the page of a recording, and of a session in the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape

import pandas as pd
import pytest

from imurun import analyze
from imurun.cli.main import main
from imurun.cli.report import report
from imurun.errors import SettingsError
from imurun.history import Store, Tags, find_flags
from imurun.io import write_recording
from imurun.model.recording import Marker
from imurun.sim.presets import steady_run
from tests.history.made_sessions import ordinary_year, session_of


def test_a_recording_becomes_a_page(tmp_path, monkeypatch, capsys):
    write_recording(steady_run(40.0).recording, tmp_path / "run.parquet")
    (tmp_path / "kim.toml").write_text("mass_kg = 70\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    typed = "imurun report run.parquet --out run.html --runner kim.toml"
    monkeypatch.setattr("sys.argv", typed.split())
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert capsys.readouterr().out == "Report: run.html\n"
    html = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<h1>run.parquet</h1>" in html
    assert "At your body mass" in html


@pytest.mark.parametrize(
    ("out", "sentence"), [("run.csv", "must end in"), ("no/run.html", "there is no folder")]
)
def test_an_output_that_cannot_be_a_page_is_refused(tmp_path, out, sentence):
    with pytest.raises(SettingsError, match=sentence):
        report(str(tmp_path / "run.csv"), tmp_path / out)
    assert list(tmp_path.iterdir()) == []


def kept_year(folder):
    """Thirty short sessions, then one far too long, with pain and HTML in the name of its shoes."""
    runs = [replace(run, minutes=run.minutes / 20) for run in ordinary_year(0)[:30]]
    long = replace(steady_run(900.0).recording, start=runs[-1].start + timedelta(days=1))
    with Store(folder) as store:
        for k, run in enumerate(runs):
            store.add(session_of(run, k), runner="runner", fingerprint=f"{k:064x}"[::-1])
        tags = Tags(shoes="<script>alert(1)</script>", pain_after=6.0)
        session_id = store.add(analyze(long), runner="runner", fingerprint="f" * 64, tags=tags).session_id
        return session_id, find_flags(*store.with_past(session_id))


def test_a_saved_session_becomes_a_page_with_its_flags(tmp_path):
    session_id, flags = kept_year(tmp_path / "store")
    assert {flag.key for flag in flags} >= {"session_load", "pain_high"}
    report("last", tmp_path / "a.html", store=tmp_path / "store")
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    for flag in flags:
        assert escape(flag.sentence) in html
    assert "<script>alert(1)" not in html
    assert "alert(1)" in html
    report(session_id, tmp_path / "b.html", store=tmp_path / "store")
    assert escape(flags[0].sentence) in (tmp_path / "b.html").read_text(encoding="utf-8")


def test_a_recording_is_compared_with_the_sessions_before_it_and_not_saved(tmp_path):
    kept_year(tmp_path / "store")
    with Store(tmp_path / "store") as store:
        last = store.sessions()["start"].iloc[-1].to_pydatetime()
    recording = replace(steady_run(120.0).recording, start=last + timedelta(days=1))
    write_recording(recording, tmp_path / "run.parquet")
    report(str(tmp_path / "run.parquet"), tmp_path / "a.html", store=tmp_path / "store")
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Compared with the last months" in html
    with Store(tmp_path / "store") as store:
        assert len(store.ids()) == 31


def test_neither_a_file_nor_a_history_is_one_error(tmp_path):
    with pytest.raises(SettingsError, match="the history is empty"):
        report("x", tmp_path / "a.html", store=tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_a_session_is_the_same_after_saving_and_loading(tmp_path):
    made = analyze(replace(steady_run(60.0).recording, start=datetime(2026, 5, 1, 7, tzinfo=UTC)))
    made = replace(made, markers=(Marker(3.0, "lap"), Marker(7.5, "pain", 2.0)))
    with Store(tmp_path) as store:
        back = store.session(store.add(made, runner="Kim", fingerprint="a" * 64).session_id)
    for name in ("steps", "bouts", "phases"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(made, name), check_dtype=False)
    for name in ("warnings", "markers", "settings", "start", "source"):
        assert getattr(back, name) == getattr(made, name)
    assert {name: back.summary[name] for name in made.summary} == made.summary
