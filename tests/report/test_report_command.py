"""`imurun report` as typed."""

from __future__ import annotations

import pytest

from imurun.cli import main
from imurun.commands.report import report_file
from imurun.errors import SettingsError
from imurun.io import write_recording
from imurun.sim.presets import steady_run


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
def test_a_place_that_cannot_be_meant_is_refused(tmp_path, out, sentence):
    with pytest.raises(SettingsError, match=sentence):
        report_file(tmp_path / "run.csv", tmp_path / out, runner_file=None, profile=None, rate_hz=None)
    assert list(tmp_path.iterdir()) == []
