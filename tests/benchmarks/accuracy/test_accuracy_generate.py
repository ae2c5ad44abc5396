"""Results of synthetic methods on synthetic trials: reused units, repeated units, failures."""

from __future__ import annotations

import contextlib
import json
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import generate as generating
from benchmarks.accuracy import plan as planning
from benchmarks.accuracy.command import PAGE, SCORES, run_benchmark
from benchmarks.accuracy.compare import COLUMNS, RECORD
from benchmarks.accuracy.generate import generate
from benchmarks.accuracy.methods import LEFT_OUT, METHODS, Found
from benchmarks.accuracy.plan import make_plan
from benchmarks.accuracy.results import (
    RUN_FILE,
    SCHEMA,
    UNIT,
    UNITS,
    is_done,
    key_hash,
    open_folder,
    read_results,
    write_unit,
)
from imurun.errors import FormatError, SettingsError
from imurun.files.atomic import atomic_path
from tests.benchmarks.accuracy.accuracy_helpers import found, made_trial, method


def run(folder, methods=("good",), datasets=None):
    plan = make_plan(methods, datasets, quick=True)
    done = generate(plan, folder, processes=1)
    return done, read_results(folder)


def test_results_record_their_provenance(made, tmp_path):
    done, results = run(tmp_path, ("good", LEFT_OUT))
    assert done == len(results.run["units"])
    assert set(results.run["environment"]) >= {"python", "numpy", "numba", "vqf"}
    assert len(results.run["code"]["source_sha256"]) == len(results.run["data_sha256"]) == 64
    assert results.run["settings"]["tolerance_s"] == 0.05
    manifest = json.loads((tmp_path / UNITS / "good.running_speeds.as-recorded.json").read_text())
    assert manifest["schema"] == SCHEMA
    assert manifest["key"]["data_sha256"] == results.run["datasets"]["running_speeds"]["data_sha256"]
    mine = results.contacts[(results.contacts["method"] == "good")]
    assert len(mine) == 14 + 12 + 14 + 14 + 14 + 14
    assert np.allclose(mine["initial_error_ms"], 2.0)
    assert set(results.contacts) == {*COLUMNS, "quality", *UNIT}
    assert set(results.trials) == {*RECORD, "note", *UNIT}
    assert not results.notes


def test_finished_units_are_not_repeated(made, tmp_path, monkeypatch):
    assert run(tmp_path)[0] == 4
    assert run(tmp_path)[0] == 0
    (tmp_path / UNITS / "good.sacral_grf.as-recorded.parquet").write_bytes(b"torn")
    (tmp_path / UNITS / "good.running_speeds.as-recorded.json").write_text("{")
    assert run(tmp_path)[0] == 2
    monkeypatch.setattr(planning, "environment", lambda: {"numpy": "0.1"})
    assert run(tmp_path)[0] == 4
    for module in (planning, generating):
        monkeypatch.setattr(module, "code_hash", lambda _: "0" * 64)
    assert run(tmp_path)[0] == 4
    monkeypatch.setattr(planning, "data_hash", lambda names: "1" * 64)
    assert run(tmp_path)[0] == 4
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]


def test_source_that_changes_during_a_run_is_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(generating, "code_hash", lambda _: "0" * 64)
    with pytest.raises(SettingsError, match="changed while"):
        run(tmp_path)
    assert not list((tmp_path / UNITS).iterdir())


def test_methods_may_return_lists_and_cannot_change_the_truth(made, tmp_path, monkeypatch):
    def lists(trial):
        answer = found(trial)
        names = ("initial_s", "final_s", "side", "peak_bw", "quality", "roll_range_deg", "pitch_range_deg")
        return Found(*(list(getattr(answer, name)) for name in names))

    def spoiling(trial):
        trial.initial_contact_s += 0.03
        return found(trial)

    monkeypatch.setitem(METHODS, "lists", method(lists, "lists"))
    monkeypatch.setitem(METHODS, "spoiling", method(spoiling, "spoiling"))
    _, results = run(tmp_path, ("spoiling", "lists"))
    of = {name: results.trials[results.trials["method"] == name] for name in ("spoiling", "lists")}
    assert (of["lists"]["n_found"] == of["lists"]["n_true"]).all()
    assert of["spoiling"]["n_found"].sum() == 0
    assert of["spoiling"]["note"].str.contains("read-only").all()


def test_a_plan_without_units_is_one_sentence(made, monkeypatch):
    monkeypatch.setitem(METHODS, "turning", method(found, "turning", needs_gyro=True))
    with pytest.raises(SettingsError, match=r"Nothing can be scored.*no gyroscope"):
        make_plan(["turning"], ["sacral_grf"])


class Unreadable:
    def __array__(self, *_, **__):
        raise RuntimeError("no numbers here")


def raising(_):
    raise RuntimeError("no\nidea")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raising, "RuntimeError: no idea"),
        (lambda _: None, "returned nothing"),
        (lambda _: [1, 2], "list instead of Found"),
        (lambda trial: found(trial, drop=range(20)), "found no contact"),
        (lambda trial: found(trial, initial_off_s=np.nan), "not a finite number"),
        (lambda trial: found(trial, final_off_s=-1.0), "final contact comes before"),
        (lambda trial: found(trial, peak_bw=np.zeros(3)), "not of one length"),
        (lambda trial: found(trial, peak_bw=["high"] * len(trial.side)), "not a number"),
        (lambda trial: found(trial, peak_bw=[10**400] * len(trial.side)), "not a number"),
        (lambda trial: found(trial, vgrf_bw=Unreadable()), "not a number"),
        (lambda trial: found(trial, vgrf_bw=np.zeros(3)), "force has shape"),
        (lambda trial: found(trial, half_widths={"peak_half_bw": np.zeros(3)}), "not of one length"),
        (
            lambda trial: found(trial, half_widths={"peak_half_bw": np.full(len(trial.side), -1.0)}),
            "half width of an interval is negative",
        ),
        (
            lambda trial: Found(*[found(trial).initial_s[::-1]] * 3, *[found(trial).quality] * 4),
            "order of time",
        ),
        (lambda trial: found(trial, peak_bw=np.full(len(trial.side), np.inf)), "infinite"),
        (lambda _: sys.exit(3), "SystemExit"),
    ],
)
def test_a_failing_method_is_reported_and_the_run_continues(made, tmp_path, monkeypatch, answer, words):
    monkeypatch.setitem(METHODS, "bad", method(answer, "bad"))
    _, results = run(tmp_path, ("bad", "good"))
    bad = results.trials[results.trials["method"] == "bad"]
    assert bad["n_true"].sum() == 82
    assert bad["n_found"].sum() == bad["n_invented"].sum() == 0
    notes = [note for note in results.notes if words in note]
    assert len(notes) == 4
    assert "bad" in notes[0]
    assert "A1, B1" in notes[0]
    assert all("\n" not in note for note in notes)
    assert results.trials[results.trials["method"] == "good"]["n_found"].sum() == 82


def test_a_method_may_fail_on_one_trial_only(made, tmp_path, monkeypatch):
    def sometimes(trial):
        return raising(trial) if trial.runner == "B" else found(trial)

    monkeypatch.setitem(METHODS, "moody", method(sometimes, "moody"))
    _, results = run(tmp_path, ("moody",))
    assert results.trials.set_index("trial")["n_found"].to_dict() == {
        "A1": 14,
        "B1": 0,
        "T1": 14,
        "E1": 14,
        "S0": 14,
        "S1": 14,
    }


def test_missing_and_changed_datasets_are_named(made, tmp_path):
    made["running_speeds"] = FormatError("running_speeds: imu.csv was altered: put the true file there.")
    _, results = run(tmp_path, (LEFT_OUT, "good"), ["running_speeds", "sacral_grf", "hip_shoe_run"])
    assert list(results.run["datasets"]) == ["sacral_grf"]
    text = "\n".join(results.notes)
    assert "imu.csv was altered" in text
    assert "hip_shoe_run is not scored: it holds no truth" in text
    assert "running_speeds cannot be used" in text
    assert list(results.run["methods"]) == ["good"]


def test_no_dataset_at_all_is_one_sentence(made):
    made["running_speeds"] = FormatError("The dataset running_speeds is not here; get it.")
    with pytest.raises(FormatError, match=r"No dataset can be scored. .*get it.*hip_shoe_run"):
        make_plan(["good"], ["running_speeds", "hip_shoe_run"])


@pytest.mark.parametrize(("methods", "datasets"), [(["lee2011"], None), (None, ["lee2010"])])
def test_unknown_names_are_refused(made, methods, datasets):
    with pytest.raises(SettingsError, match="choose from"):
        make_plan(methods, datasets)


def test_trials_without_true_contacts_are_noted(made, tmp_path):
    made["running_speeds"] = [made_trial("A", n=0), made_trial("B")]
    made["treadmill_run_grf"] = [made_trial("T", n=0, dataset="treadmill_run_grf")]
    _, results = run(tmp_path, ("good",), ["running_speeds", "treadmill_run_grf"])
    assert sum("holds no contact that counts" in note for note in results.notes) == 2
    assert results.trials.set_index("trial")["n_true"].to_dict() == {"A1": 0, "B1": 14, "T1": 0}


def test_a_method_with_gyroscope_skips_trials_without_one(made, tmp_path, monkeypatch):
    monkeypatch.setitem(METHODS, "turning", method(found, "turning", needs_gyro=True))
    _, results = run(tmp_path, ("turning",))
    assert set(results.trials["dataset"]) == {"running_speeds", "treadmill_run_grf", "rbds_speeds"}
    assert "no gyroscope" in results.notes[0]


def test_a_method_with_speed_skips_trials_without_one(made, tmp_path, monkeypatch):
    made["treadmill_run_grf"] = [made_trial("T", dataset="treadmill_run_grf", speed_m_s=np.nan)]
    monkeypatch.setitem(METHODS, "paced", method(found, "paced", needs_speed=True))
    _, results = run(tmp_path, ("paced",))
    assert set(results.trials["runner"]) == {"A", "B", "E", "S"}
    assert "not scored on treadmill_run_grf, which has no known speed" in results.notes[0]


def test_people_under_other_names_are_not_scored_left_out(made, tmp_path):
    made["hamner_2013"] = [made_trial("hamner-01", dataset="hamner_2013")]
    _, results = run(tmp_path, (LEFT_OUT, "good"), ["hamner_2013"])
    assert set(results.trials["method"]) == {"good"}
    assert "may be those of running_speeds" in results.notes[0]


def test_a_run_without_trials_has_a_page_with_the_reason(made, tmp_path, capsys):
    made["hamner_2013"] = [made_trial("hamner-01", dataset="hamner_2013")]
    run_benchmark(tmp_path, [LEFT_OUT], ["hamner_2013"], quick=True, processes=1)
    assert "may be those of running_speeds" in capsys.readouterr().err
    results = read_results(tmp_path)
    assert not len(results.trials)
    assert not len(results.contacts)
    assert {"method", "condition", "runner", "n_true", "waveform_rmse_bw", "note"} <= set(results.trials)
    assert (tmp_path / PAGE).is_file()


def test_another_schema_is_refused(made, tmp_path):
    run(tmp_path)
    content = json.loads((tmp_path / RUN_FILE).read_text())
    (tmp_path / RUN_FILE).write_text(json.dumps({**content, "schema": SCHEMA + 1}))
    with pytest.raises(
        SettingsError, match=rf"schema {SCHEMA + 1} .* delete the folder or choose another --out"
    ):
        run(tmp_path)
    with pytest.raises(SettingsError, match=f"schema {SCHEMA + 1}"):
        read_results(tmp_path)


def test_a_run_reports_its_own_plan_if_another_run_used_the_folder(made, tmp_path, monkeypatch):
    def and_another(plan, folder, **options):
        done = generate(plan, folder, **options)
        run(folder, ("late",), ["sacral_grf"])
        return done

    monkeypatch.setattr("benchmarks.accuracy.command.generate", and_another)
    run_benchmark(tmp_path, ["good"], ["running_speeds"], quick=True, processes=1)
    scores = (tmp_path / SCORES).read_text()
    assert "good,as recorded" in scores
    assert "late," not in scores


def test_the_manifest_has_the_hash_of_its_table(tmp_path, monkeypatch):
    open_folder(tmp_path)
    table = tmp_path / UNITS / "a.parquet"

    @contextlib.contextmanager
    def overtaken(path):
        with atomic_path(path) as aside:
            yield aside
        if path == table:
            path.write_bytes(b"of another run")

    monkeypatch.setattr("benchmarks.accuracy.results.atomic_path", overtaken)
    write_unit(tmp_path, "a", {"key_sha256": key_hash({})}, pd.DataFrame({"x": [1.0]}))
    assert not is_done(tmp_path, "a", {})


def test_a_table_with_another_hash_is_not_reported(made, tmp_path):
    run(tmp_path, ("good", "late"), ["running_speeds"])
    units = tmp_path / UNITS
    late = (units / "late.running_speeds.as-recorded.parquet").read_bytes()
    (units / "good.running_speeds.as-recorded.parquet").write_bytes(late)
    with pytest.raises(FormatError, match=r"good\..*another run.*again"):
        read_results(tmp_path)


def test_a_folder_with_other_files_is_refused(made, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(SettingsError, match="choose another --out"):
        run(tmp_path)
    with pytest.raises(SettingsError, match="choose another --out"):
        run(tmp_path / "thesis.tex" / "results")
    with pytest.raises(FormatError, match="delete it, or choose another --out"):
        read_results(tmp_path)
