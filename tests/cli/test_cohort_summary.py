"""Output and files of `imurun cohort summary`."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
import typer

from imurun.cli.cohort import summary
from imurun.cli.cohort_tables import MOST_RUNNERS
from imurun.errors import CohortError
from tests.cohort.summary_folder import Made, analysed, steps_file, write_cohort

SESSIONS = (
    Made("Ann", "1", "easy", "trail"),
    Made("Ann", "2", "fast", "trail"),
    Made("[red]Bo[/red]", "1", "bare", "road"),
)


@pytest.fixture
def folder(tmp_path):
    return write_cohort(tmp_path / "out", SESSIONS, n_failed=1)


def test_a_wide_terminal_shows_runners_and_groups(folder, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "130")
    summary(folder)
    out = capsys.readouterr().out
    assert "2 runners, 3 sessions" in out
    assert "1 recording left out, see failures.parquet" in out
    lines = out.splitlines()
    (ann,) = (line for line in lines if line.startswith("Ann"))
    table = pd.read_csv(folder / "summary" / "runners.csv").set_index("runner")
    cadence = f"{table.loc['Ann', 'median_cadence_spm']:.0f} ± {table.loc['Ann', 'sd_cadence_spm']:.0f}"
    assert cadence in ann
    (bo,) = (line for line in lines if line.startswith("[red]Bo"))
    assert "±" not in bo
    assert f"{analysed('bare').summary['lean_deg']:.1f}" in bo
    assert "nan" not in out
    assert "1 runner, 2 sessions" in out
    assert "no p-values" in out
    for name in ("runners.csv", "groups.csv", "tidy.parquet", "tidy.csv"):
        assert str(folder / "summary" / name) in out
        assert (folder / "summary" / name).exists()


def test_a_narrow_terminal_shows_every_column(folder, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    summary(folder)
    out = capsys.readouterr().out
    (ann,) = (line for line in out.splitlines() if line.startswith("Ann"))
    table = pd.read_csv(folder / "summary" / "runners.csv").set_index("runner")
    assert ann.split()[4] == f"{table.loc['Ann', 'median_cadence_spm']:.0f}"
    assert ann.split()[-1] == f"{table.loc['Ann', 'median_roll_rom_deg']:.1f}"
    assert "…" not in out


def test_json_has_all_tables(folder, tmp_path, capsys):
    out = tmp_path / "elsewhere" / "deep"
    summary(folder, out, as_json=True)
    content = json.loads(capsys.readouterr().out)
    assert not (folder / "summary").exists()
    assert content["files"] == [
        str(out / name) for name in ("runners.csv", "groups.csv", "tidy.parquet", "tidy.csv")
    ]
    assert content["left_out"] == 1
    bo, ann = sorted(content["runners"], key=lambda row: row["sessions"])
    assert (ann["runner"], ann["sessions"]) == ("Ann", 2)
    assert bo["sd_cadence_spm"] is None
    assert bo["median_roll_rom_deg"] is None
    assert math.isfinite(ann["sd_cadence_spm"])
    assert {row["group"] for row in content["groups"]} == {"trail", "road"}


def test_a_damaged_step_file_is_reported_and_the_rest_summarised(folder, capsys):
    steps_file(folder, SESSIONS[1]).write_bytes(b"PAR1")
    with pytest.raises(typer.Exit) as end:
        summary(folder)
    assert end.value.exit_code == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Note: " in out
    assert "is damaged; delete it and run `imurun cohort` again." in out
    tidy = pd.read_parquet(folder / "summary" / "tidy.parquet")
    assert set(tidy["key"]) == {SESSIONS[0].key, SESSIONS[2].key}


def test_runners_beyond_the_limit_are_only_counted(tmp_path, capsys):
    made = [Made(f"runner {k:02d}", "1") for k in range(MOST_RUNNERS + 3)]
    summary(write_cohort(tmp_path / "out", made))
    out = capsys.readouterr().out
    assert "and 3 more in runners.csv" in out
    assert f"runner {MOST_RUNNERS - 1:02d}" in out
    assert f"runner {MOST_RUNNERS:02d}" not in out
    assert "(all)" in out


def test_a_folder_without_a_cohort_is_refused(tmp_path):
    with pytest.raises(CohortError, match="not written by"):
        summary(tmp_path)
    assert not (tmp_path / "summary").exists()
