"""Runs from recordings to tables, with tasks executed in this process."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest

import imurun.io
from imurun.cohort import worker
from imurun.cohort.folder import OutputFolder
from imurun.cohort.settings import make_settings
from imurun.cohort.tables import COUNTS, FLAGS, START, TEXTS, sessions_schema
from imurun.cohort.task import Settings
from imurun.cohort.worker import steps_bytes, steps_schema
from imurun.errors import CohortError, FormatError, MethodError, SettingsError
from imurun.export import read_steps
from imurun.model.recording import Recording
from imurun.model.runner import Runner
from imurun.session import analyze
from tests.cohort.cohort_helpers import Inline, copied, failures, lines, run, sessions, steps, write_run

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture
def data(made_runs, tmp_path):
    return copied(made_runs, tmp_path / "data")


def assert_equals_analyze(out, data, settings=None):
    """Every number of the tables is that of `analyze`, to the last bit."""
    settings = settings or Settings()
    table, all_steps = sessions(out), steps(out)
    assert len(table) == 4
    for row in table.to_dict("records"):
        alone = analyze(
            imurun.io.read(row["recording"]),
            Runner(mass_kg=settings.mass_kg, height_m=settings.height_m),
            mounting=settings.mounting,
            method=settings.method,
        )
        mine = all_steps[all_steps["key"] == row["key"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine[list(alone.steps)], alone.steps, check_exact=True)
        assert set(mine["session"]) == {row["session"]}
        for name, value in alone.summary.items():
            if name == "warnings":
                assert row[name] == "\n".join(value)
            elif value is None:
                assert row[name] is None or pd.isna(row[name])
            else:
                assert row[name] == value, name


def test_results_are_those_of_analyze(data, tmp_path):
    settings = make_settings(mass_kg=70.0, height_m=1.8, mounting="whole")
    progress, _ = run([data], tmp_path / "out", settings)
    assert (progress.total, progress.done, progress.failed, progress.ended_early) == (4, 4, 0, False)
    assert progress.recorded_s == pytest.approx(80.0)
    assert_equals_analyze(tmp_path / "out", data, settings)
    assert list(failures(tmp_path / "out")) == ["address", "row", "runner", "session", "sentence"]
    assert failures(tmp_path / "out").empty


def test_a_published_method_gives_its_own_steps(data, tmp_path):
    settings = make_settings(method="lee2010")
    run([data], tmp_path / "out", settings)
    assert_equals_analyze(tmp_path / "out", data, settings)


def test_a_table_of_the_cohort_is_a_step_table(data, tmp_path):
    run([data / "alice" / "run1.parquet"], tmp_path / "out")
    (file,) = (tmp_path / "out" / "steps" / "runner=alice").iterdir()
    table, metadata = read_steps(file)
    assert len(table) > 20
    assert metadata["imurun_version"] == imurun.__version__


def test_all_partitions_have_one_schema_also_without_steps(data, tmp_path):
    still = Recording(np.tile([0.0, 0.0, 9.81], (3000, 1)) + 1e-3 * np.eye(3000, 3), rate_hz=100.0)
    (data / "cleo").mkdir()
    imurun.io.write_recording(still, data / "cleo" / "still.parquet")
    run([data], tmp_path / "out")
    out = tmp_path / "out"
    for table in ("steps", "sessions"):
        schemas = [ds.dataset(file).schema for file in (out / table).rglob("*.parquet")]
        assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
        assert len(schemas) > 2
    assert set(sessions(out)["runner"]) == {"alice", "bob", "cleo"}
    assert set(steps(out)["runner"]) == {"alice", "bob"}
    empty = pd.read_parquet(next((out / "steps" / "runner=cleo").iterdir()))
    assert empty.empty
    assert empty.dtypes["side"] == steps(out).dtypes["side"]
    assert empty.dtypes["quality"] == np.float64


def test_the_types_of_the_table_are_those_of_the_summary(data):
    summary = analyze(imurun.io.read(data / "alice" / "run1.parquet")).summary
    kinds = {name: type(value) for name, value in summary.items() if value is not None}
    assert {name for name, kind in kinds.items() if kind is bool} == FLAGS
    assert {name for name, kind in kinds.items() if kind is int} == COUNTS | {"walking_steps"}
    # without a treadmill, a watch or a calibration these two are None
    assert {name for name, kind in kinds.items() if kind in (str, list)} == TEXTS - {
        "known_speed",
        "calibration",
    }
    assert str(sessions_schema([START], {}).field(START).type) == "timestamp[us, tz=UTC]"


def test_steps_keep_their_values_and_units(data):
    import io

    made = analyze(imurun.io.read(data / "alice" / "run1.parquet")).steps
    table = pd.read_parquet(io.BytesIO(steps_bytes(made, "k", "s")))
    pd.testing.assert_frame_equal(table[list(made)], made, check_exact=True)
    assert steps_schema().field("contact_time_ms").metadata == {b"unit": b"ms"}


# -- manifests and their columns ----------------------------------------------------------------------------


def test_covariates_are_columns_of_one_type_in_all_partitions(data, tmp_path):
    file = data / "people.csv"
    file.write_text(
        "recording,group,mass_kg,shoe,age,code,cadence_spm,key\n"
        "alice/run1.parquet,a,60,blue,31,7,fast,1\n"
        "alice/run2.parquet,a,60,,31.5,x,,2\n"
        "bob/run1.parquet,b,,red,,8,slow,3\n"
        "bob/long/run2.parquet,b,,red,,,,4\n"
        "bob/nowhere.parquet,b,,red,,,,5\n"
    )
    progress, _ = run([], tmp_path / "out", make_settings(mass_kg=75.0), manifests=[file])
    assert progress.in_table == 1
    table = sessions(tmp_path / "out")
    assert list(table["group"]) == ["a", "a", "b", "b"]
    assert list(table["mass_kg"]) == [60.0, 60.0, 75.0, 75.0]
    assert list(table["age"])[:2] == [31.0, 31.5]
    assert table["age"].isna().sum() == 2
    assert list(table["code"])[:2] == ["7", "x"]
    assert list(table["covariate_key"]) == [1.0, 2.0, 4.0, 3.0]
    assert table["covariate_cadence_spm"][0] == "fast"
    assert table["cadence_spm"].dtype == np.float64
    heavy = table["lumbar_compression_n"] / table["lumbar_compression_bw"]
    assert heavy.to_numpy() == pytest.approx(table["mass_kg"].to_numpy() * 9.80665)
    (row,) = failures(tmp_path / "out").to_dict("records")
    assert (row["row"], row["runner"], row["session"]) == (6, "bob", "nowhere")
    text = (tmp_path / "out" / "failures.csv").read_text()
    assert text.startswith("address,row,runner,session,sentence\n")
    assert "nowhere.parquet,6,bob,nowhere,Row 6 of" in text


def test_other_labels_need_no_analysis_and_another_mass_does(data, tmp_path):
    file = data / "people.csv"
    head = "recording,runner,group,mass_kg,shoe\n"
    file.write_text(f"{head}alice/run1.parquet,A,x,60,blue\nalice/run2.parquet,A,x,60,blue\n")
    run([], tmp_path / "out", manifests=[file])
    file.write_text(f"{head}alice/run1.parquet,A,y,60,red\nalice/run2.parquet,B,x,61,blue\n")
    progress, executor = run([], tmp_path / "out", manifests=[file])
    assert [address.rpartition("/")[2] for address in executor.asked] == ["run2.parquet"]
    assert (progress.kept, progress.done) == (1, 1)
    table = sessions(tmp_path / "out")
    assert list(table["group"]) == ["y", "x"]
    assert list(table["shoe"]) == ["red", "blue"]
    assert list(table["runner"].astype("str")) == ["A", "B"]
    assert list(table["mass_kg"]) == [60.0, 61.0]
    assert len(list((tmp_path / "out" / "steps").rglob("*.parquet"))) == 2


# -- repeated runs ------------------------------------------------------------------------------------------


def test_a_second_run_analyses_nothing(data, tmp_path):
    run([data], tmp_path / "out")
    before = lines(tmp_path / "out")
    progress, executor = run([data], tmp_path / "out")
    assert (executor.asked, progress.kept, progress.done) == ([], 4, 0)
    assert lines(tmp_path / "out") == before
    assert_equals_analyze(tmp_path / "out", data)


def test_content_decides_where_time_and_size_differ(data, tmp_path, monkeypatch):
    run([data], tmp_path / "out")
    os.utime(data / "alice" / "run1.parquet", ns=(1, 1))
    monkeypatch.setattr(worker, "open_recording", None)  # it must not even be read
    progress, executor = run([data], tmp_path / "out")
    assert (len(executor.asked), progress.done, progress.kept) == (1, 1, 3)
    assert len(sessions(tmp_path / "out")) == 4
    _, executor = run([data], tmp_path / "out")
    assert executor.asked == []


def test_changed_content_replaces_the_old(data, tmp_path):
    run([data], tmp_path / "out")
    write_run(data / "alice" / "run1.parquet", seed=9, duration_s=25.0)
    progress, executor = run([data], tmp_path / "out")
    assert (len(executor.asked), progress.done) == (1, 1)
    assert_equals_analyze(tmp_path / "out", data)
    assert 25.0 in set(sessions(tmp_path / "out")["duration_s"])


def test_a_missing_step_table_is_written_again(data, tmp_path):
    run([data], tmp_path / "out")
    next((tmp_path / "out" / "steps" / "runner=alice").iterdir()).unlink()
    _, executor = run([data], tmp_path / "out")
    assert len(executor.asked) == 1
    assert_equals_analyze(tmp_path / "out", data)


def test_new_recordings_are_added(data, tmp_path):
    run([data / "alice"], tmp_path / "out")
    run([data], tmp_path / "out")
    progress, _ = run([data / "bob"], tmp_path / "out")
    assert (progress.kept, progress.done) == (1, 1)  # long/run2 is of a runner called long, seen from bob
    assert len(sessions(tmp_path / "out")) == 4


def test_a_moved_recording_is_counted_once(data, tmp_path):
    run([data], tmp_path / "out")
    moved = data.rename(tmp_path / "elsewhere")
    progress, _ = run([moved], tmp_path / "out")
    assert progress.in_table == 0
    assert_equals_analyze(tmp_path / "out", moved)


def test_an_interrupted_run_leaves_complete_tables_and_can_be_resumed(data, tmp_path):
    executor = Inline(room=1)
    progress, _ = run([data], tmp_path / "out", executor=executor, stop=lambda: len(executor.asked) > 2)
    assert progress.ended_early
    assert 0 < progress.done < 4
    assert len(sessions(tmp_path / "out")) == progress.done
    rest, again = run([data], tmp_path / "out")
    assert len(again.asked) == 4 - progress.done == rest.done
    assert_equals_analyze(tmp_path / "out", data)


def test_temporary_files_of_a_killed_run_are_deleted(data, tmp_path):
    run([data], tmp_path / "out")
    folder = tmp_path / "out" / "steps" / "runner=alice"
    (folder / ".x.parquet.abc.part").write_bytes(b"PAR1")
    (folder / ("0" * 16 + ".parquet")).write_bytes(b"PAR1")
    run([data], tmp_path / "out")
    assert len(list(folder.iterdir())) == 2


def test_a_lost_executor_ends_the_run_with_complete_tables(data, tmp_path):
    class Lost(Inline):
        def wait(self, timeout_s):
            if len(self.asked) > 3:
                raise CohortError("The scheduler is gone.")
            return super().wait(timeout_s)

    progress, _ = run([data], tmp_path / "out", executor=Lost(1))
    assert progress.ended_early
    assert progress.why == "The scheduler is gone."
    assert progress.done == 3
    assert len(sessions(tmp_path / "out")) == 3


def test_a_worker_of_another_version_is_refused(data, tmp_path):
    class Other(Inline):
        def wait(self, timeout_s):
            return [replace(result, version="0.0.1") for result in super().wait(timeout_s)]

    progress, _ = run([data], tmp_path / "out", executor=Other())
    assert "A worker has imurun 0.0.1" in progress.why
    assert progress.done == 0


# -- recordings that cannot be used -------------------------------------------------------------------------


def test_bad_recordings_are_failures_with_reasons(data, tmp_path, monkeypatch):
    (data / "bob" / "empty.csv").touch()
    (data / "bob" / "text.csv").write_text("no\nrecording\n")
    (data / "bob" / "cut.parquet").write_bytes((data / "bob" / "run1.parquet").read_bytes()[:5000])
    (data / "bob" / "huge.csv").write_text("huge")
    (data / "bob" / "odd.csv").write_text("odd")
    real = worker.open_recording

    def open_recording(path, **words):
        if path.name == "huge.csv":
            try:
                raise MemoryError
            except MemoryError as error:
                raise FormatError("damaged or cut short") from error
        if path.name == "odd.csv":
            raise ZeroDivisionError("division by zero")
        return real(path, **words)

    monkeypatch.setattr(worker, "open_recording", open_recording)
    progress, _ = run([data], tmp_path / "out")
    assert (progress.done, progress.failed, progress.in_table) == (4, 5, 5)
    by_name = {
        row["address"].rpartition("/")[2]: row for row in failures(tmp_path / "out").to_dict("records")
    }
    assert "no samples" in by_name["empty.csv"]["sentence"] or "empty" in by_name["empty.csv"]["sentence"]
    assert "more memory than a worker may take" in by_name["huge.csv"]["sentence"]
    assert "ZeroDivisionError: division by zero" in by_name["odd.csv"]["sentence"]
    assert "damaged" in by_name["cut.parquet"]["sentence"]
    assert {row["runner"] for row in by_name.values()} == {"bob"}
    assert by_name["text.csv"]["session"] == "text"
    assert_equals_analyze(tmp_path / "out", data)
    _, executor = run([data], tmp_path / "out")
    assert len(executor.asked) == 5  # failures are tried again
    for name in by_name:
        (data / "bob" / name).unlink()
    progress, _ = run([data], tmp_path / "out")
    assert progress.in_table == 0


def test_a_recording_that_became_unreadable_does_not_count(data, tmp_path):
    run([data], tmp_path / "out")
    (data / "bob" / "run1.parquet").write_bytes(b"PAR1")
    progress, _ = run([data], tmp_path / "out")
    assert progress.in_table == 1
    assert len(sessions(tmp_path / "out")) == 3
    assert len(list((tmp_path / "out" / "steps").rglob("*.parquet"))) == 3


@pytest.mark.parametrize("room", [1, 4])
def test_of_duplicates_the_first_by_name_counts(data, tmp_path, room):
    shutil.copy(data / "alice" / "run1.parquet", data / "alice" / "aaa.parquet")
    shutil.copy(data / "alice" / "run1.parquet", data / "bob" / "zzz.parquet")
    imurun.io.write_recording(imurun.io.read(data / "bob" / "run1.parquet"), data / "bob" / "run1.csv.gz")
    progress, _ = run([data], tmp_path / "out", executor=Inline(room))
    assert (progress.done, progress.in_table) == (4, 3)
    table = failures(tmp_path / "out")
    assert [address.rpartition("/")[2] for address in table["address"]] == [
        "run1.parquet",
        "run1.parquet",
        "zzz.parquet",
    ]
    assert table["sentence"].str.contains("aaa.parquet").sum() == 2
    assert table["sentence"].str.contains("run1.csv.gz").sum() == 1
    assert len(sessions(tmp_path / "out")) == len(list((tmp_path / "out" / "steps").rglob("*.parquet"))) == 4
    progress, executor = run([data], tmp_path / "out")
    assert (executor.asked, progress.in_table) == ([], 3)


def test_a_duplicate_counts_when_the_first_has_changed(data, tmp_path):
    shutil.copy(data / "alice" / "run1.parquet", data / "alice" / "aaa.parquet")
    run([data], tmp_path / "out")
    write_run(data / "alice" / "aaa.parquet", seed=8)
    progress, executor = run([data], tmp_path / "out")
    assert [address.rpartition("/")[2] for address in executor.asked] == ["aaa.parquet", "run1.parquet"]
    assert progress.in_table == 0
    assert len(sessions(tmp_path / "out")) == len(list((tmp_path / "out" / "steps").rglob("*.parquet"))) == 5


def test_unusual_names_of_runners_stay_in_the_output_folder(made_runs, tmp_path):
    rows = ["../x", "a/b", "", "Zoë", "01"]
    file = tmp_path / "data" / "people.csv"
    file.parent.mkdir()
    body = ""
    for i, name in enumerate(rows):
        write_run(tmp_path / "data" / f"{i}.parquet", seed=i + 1)
        body += f"{i}.parquet,{name}\n"
    file.write_text(f"recording,runner\n{body}", encoding="utf-8")
    progress, _ = run([], tmp_path / "out", manifests=[file])
    assert progress.in_table == 0
    assert list(sessions(tmp_path / "out")["runner"]) == ["../x", "a/b", "data", "Zoë", "runner-01"]
    assert set(steps(tmp_path / "out")["runner"]) == set(sessions(tmp_path / "out")["runner"])
    assert {child.name for child in tmp_path.iterdir()} == {"data", "out"}


def test_remote_files_are_read_as_local_ones(data, tmp_path):
    run([data], tmp_path / "here")
    run([f"file://{data}"], tmp_path / "there")
    here, there = steps(tmp_path / "here"), steps(tmp_path / "there")
    pd.testing.assert_frame_equal(here.drop(columns="key"), there.drop(columns="key"), check_exact=True)
    assert set(sessions(tmp_path / "there")["source"]) == {"run1.parquet", "run2.parquet"}
    _, executor = run([f"file://{data}"], tmp_path / "there")
    assert executor.asked == []


# -- the output folder --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"mass_kg": 80.0}, "mass_kg is 70.0 there and 80.0 here"),
        ({"mass_kg": None}, "mass_kg is 70.0 there and not set here"),
        ({"height_m": 1.8}, "height_m is not set there and 1.8 here"),
        ({"mounting": "whole"}, "mounting is auto there and whole here"),
        ({"method": "lee2010"}, "method is imurun there and lee2010 here"),
        ({"rate_hz": 50.0}, "rate_hz is not set there and 50.0 here"),
        ({"profile": "shimmer"}, "profile is not set there and shimmer here"),
    ],
)
def test_a_cohort_of_other_settings_is_refused(changed, sentence, tmp_path):
    settings = make_settings(mass_kg=70.0)
    OutputFolder(tmp_path / "out", settings).close()
    OutputFolder(tmp_path / "out", settings).close()
    with pytest.raises(CohortError, match=sentence):
        OutputFolder(tmp_path / "out", replace(settings, **changed))


def test_a_cohort_of_another_version_is_refused(tmp_path, monkeypatch):
    OutputFolder(tmp_path / "out", Settings()).close()
    monkeypatch.setattr("imurun.cohort.folder.__version__", "99")
    with pytest.raises(CohortError, match=r"version of imurun is .* there and 99 here"):
        OutputFolder(tmp_path / "out", Settings())


def test_profiles_are_compared_by_their_text(tmp_path):
    text = 'name = "mine"\n[columns]\nacc = ["a", "b", "c"]\n'
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(text)
    (tmp_path / "other.toml").write_text(text.replace("mine", "other"))
    one, two, other = (make_settings(profile=str(tmp_path / f"{n}.toml")) for n in ("one", "two", "other"))
    OutputFolder(tmp_path / "out", one).close()
    OutputFolder(tmp_path / "out", two).close()
    with pytest.raises(CohortError, match="profile is sha256"):
        OutputFolder(tmp_path / "out", other)


def test_a_folder_with_other_files_is_refused_and_unchanged(tmp_path):
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(CohortError, match="not empty and holds no cohort"):
        OutputFolder(tmp_path, Settings())
    assert [child.name for child in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_file_as_output_folder_is_refused(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(CohortError, match="cannot be used"):
        OutputFolder(tmp_path / "out", Settings())


def test_a_damaged_cohort_is_refused(tmp_path):
    OutputFolder(tmp_path, Settings()).close()
    (tmp_path / "cohort.json").write_text("{}")
    with pytest.raises(CohortError, match="damaged"):
        OutputFolder(tmp_path, Settings())


def test_two_runs_at_once_are_refused(tmp_path):
    with OutputFolder(tmp_path / "out", Settings()), pytest.raises(CohortError, match="Another run"):
        OutputFolder(tmp_path / "out", Settings())
    OutputFolder(tmp_path / "out", Settings()).close()


@pytest.mark.parametrize(
    "words", [{"mass_kg": 5.0}, {"method": "nosuch"}, {"profile": "nosuch"}, {"height_m": 9.0}]
)
def test_settings_are_checked_before_anything_is_read(words):
    with pytest.raises((SettingsError, MethodError)):
        make_settings(**words)


def test_all_settings_are_compared():
    names = {field.name for field in fields(Settings)} - {"profile_toml"}
    assert set(Settings(treadmill="3.0").as_dict()) == names
    assert set(Settings().as_dict()) == names - {"treadmill"}
