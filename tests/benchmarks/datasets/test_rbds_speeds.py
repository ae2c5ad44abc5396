"""Runners E to Q: the real files if present, and synthetic ones in the same layout."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import LOADERS, folder_of, load
from benchmarks.datasets.rbds_speeds import RUNNERS, SPEEDS_M_S
from imurun.errors import FormatError


def test_all_runners_at_all_speeds(shared_data):
    trials = load("rbds_speeds")
    assert [trial.runner for trial in trials] == [runner for runner in RUNNERS for _ in SPEEDS_M_S]
    assert [trial.speed_m_s for trial in trials] == list(SPEEDS_M_S) * len(RUNNERS)
    assert [trial.name for trial in trials[:3]] == ["E2.5", "E3.5", "E4.5"]
    assert sum(len(trial.initial_contact_s) for trial in trials) == 3303
    for trial in trials:
        assert trial.recording.rate_hz == pytest.approx(200.0)
        assert trial.recording.duration_s == pytest.approx(30.0, abs=0.01)
        assert all(a != b for a, b in zip(trial.side, trial.side[1:], strict=False)), trial.name
        assert np.isfinite(trial.peak_bw).all()


def test_values_are_those_of_the_files(shared_data):
    folder = folder_of("rbds_speeds")
    trial = load("rbds_speeds")[0]
    imu = pd.read_parquet(folder / "imu.parquet")
    np.testing.assert_allclose(trial.recording.acc[:3, 2], imu["acc_z_m_s2"][:3], rtol=1e-6)
    np.testing.assert_allclose(trial.recording.gyr[:3, 0], imu["gyr_x_rad_s"][:3], rtol=1e-6)
    assert trial.initial_contact_s[0] == 0.2383
    assert trial.final_contact_s[0] == 0.559
    assert trial.peak_bw[0] == 2.175
    assert trial.side[:2] == ("right", "left")
    pelvis = pd.read_parquet(folder / "pelvis.parquet")
    np.testing.assert_allclose(trial.angles_deg[5], pelvis.iloc[5, 3:].to_numpy(dtype=float), rtol=1e-6)


def test_the_force_crosses_five_percent_at_the_contacts(shared_data):
    """Between samples 5 ms apart the linearly interpolated force is near the threshold."""
    for trial in load("rbds_speeds"):
        inside = trial.inside()
        for at in (trial.initial_contact_s[inside], trial.final_contact_s[inside]):
            assert np.median(np.interp(at, trial.recording.time_s, trial.vgrf_bw)) < 0.12, trial.name


START_S = 10.0


def made(folder, **changes):
    """All 39 trials of one second each, times from 10 s, with tables changed."""
    keys = [(runner, speed) for runner in RUNNERS for speed in SPEEDS_M_S]
    time_s = START_S + np.arange(200) / 200.0
    force_s = START_S + np.arange(100, 200) / 300.0
    imu = {f"acc_{axis}_m_s2": 0.0 for axis in "xy"} | {"acc_z_m_s2": 9.8}
    imu |= {f"gyr_{axis}_rad_s": 0.1 for axis in "xyz"}
    tables = {
        "imu": {"time_s": time_s, **imu},
        "pelvis": {"time_s": time_s, "roll_x_deg": 1.0, "pitch_y_deg": 2.0, "yaw_z_deg": 3.0},
        "vgrf": {"time_s": force_s, "vgrf_bw": np.arange(100) / 100.0},
        "contacts": {
            "initial_contact_s": [10.5, 10.1, 10.12],
            "final_contact_s": [10.7, 10.25, 10.3],
            "side": ["left", "right", "right"],
            "peak_vgrf_bw": [2.5, 2.0, 1.5],
        },
    }
    for name, columns in tables.items():
        table = pd.concat(
            [pd.DataFrame({"runner": r, "speed_m_s": v, **columns}) for r, v in keys], ignore_index=True
        )
        change = changes.get(name)
        table = change(table) if callable(change) else table
        if name == "contacts":
            table.to_csv(folder / "contacts.csv", index=False)
        else:
            table.to_parquet(folder / f"{name}.parquet", index=False)
    return list(LOADERS["rbds_speeds"](folder))


def test_times_are_from_the_first_sample_and_double_contacts_are_one(tmp_path):
    trials = made(tmp_path)
    assert len(trials) == 39
    trial = trials[-1]
    assert (trial.name, trial.runner, trial.speed_m_s) == ("Q4.5", "Q", 4.5)
    np.testing.assert_allclose(trial.initial_contact_s, [0.1, 0.5])
    np.testing.assert_allclose(trial.final_contact_s, [0.3, 0.7])
    np.testing.assert_array_equal(trial.peak_bw, [np.nan, 2.5])
    assert trial.side == ("right", "left")
    assert trial.vgrf_bw[100] == pytest.approx(0.5)
    assert np.isnan(trial.vgrf_bw[[0, 199]]).all()
    assert trial.angles_deg[0].tolist() == [1.0, 2.0, 3.0]
    assert trial.recording.gyr[0].tolist() == [0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"imu": lambda t: t.drop(columns="acc_y_m_s2")}, "imu.parquet: column acc_y_m_s2 is missing"),
        ({"imu": lambda t: t[t["runner"] != "K"]}, "imu.parquet: runner K at 2.5 m/s is missing"),
        ({"vgrf": lambda t: t.assign(vgrf_bw=np.nan)}, "vgrf.parquet: finite numbers"),
        ({"vgrf": lambda t: t.assign(vgrf_bw="x")}, "vgrf.parquet: finite numbers"),
        ({"contacts": lambda t: t.assign(side="middle")}, "'middle' is neither left nor right"),
        ({"pelvis": lambda t: t[::2]}, "100 rows of E at 2.5 m/s for 200 samples"),
    ],
)
def test_invalid_tables_are_refused(tmp_path, changes, says):
    with pytest.raises(FormatError, match=says.replace(".", r"\.")):
        made(tmp_path, **changes)


def test_missing_and_foreign_files_are_refused(tmp_path):
    made(tmp_path)
    (tmp_path / "vgrf.parquet").write_bytes(b"no table")
    with pytest.raises(FormatError, match=r"vgrf\.parquet: this is no table"):
        list(LOADERS["rbds_speeds"](tmp_path))
    (tmp_path / "vgrf.parquet").unlink()
    with pytest.raises(FormatError, match="could not be read"):
        list(LOADERS["rbds_speeds"](tmp_path))
    made(tmp_path)
    (tmp_path / "contacts.csv").write_text("")
    with pytest.raises(FormatError, match=r"contacts\.csv: this is no table"):
        list(LOADERS["rbds_speeds"](tmp_path))
