"""All loaders, on the real files if present, otherwise on small synthetic ones in the documented layout."""

import json
from dataclasses import replace

import numpy as np
import pytest

import imurun
from benchmarks.accuracy.compare import compare_all
from benchmarks.accuracy.methods import METHODS
from benchmarks.datasets import LOADERS, folder_of, hip_shoe_run, load, lumbar_walking
from benchmarks.datasets.force import contacts_of
from benchmarks.datasets.sacral_grf import N_SAMPLES
from imurun.errors import FormatError

N_TRIALS = {
    "treadmill_run_grf": 1,
    "running_speeds": 16,
    "rbds_speeds": 39,
    "sacral_grf": 31,
    "hip_shoe_run": 0,
    "lumbar_walking": 0,
}


@pytest.mark.parametrize(("name", "count"), N_TRIALS.items())
def test_trials_have_consistent_fields(shared_data, name, count):
    trials = load(name)
    assert len(trials) == count
    assert len({trial.name for trial in trials}) == count
    for trial in trials:
        k = len(trial.initial_contact_s)
        assert trial.dataset == name
        assert k == len(trial.final_contact_s) == len(trial.side) == len(trial.peak_bw) > 5
        assert (np.diff(trial.initial_contact_s) > 0).all()
        contact_s = trial.final_contact_s - trial.initial_contact_s
        assert (contact_s > 0.1).all()
        assert (contact_s < 0.5).all()
        assert set(trial.side) <= {"left", "right", "unknown"}
        assert trial.vgrf_bw.shape == (len(trial.recording),)
        assert trial.angles_deg is None or trial.angles_deg.shape == (len(trial.recording), 3)


@pytest.mark.parametrize("name", ["treadmill_run_grf", "running_speeds", "rbds_speeds", "sacral_grf"])
def test_force_and_contacts_share_a_clock(shared_data, name):
    """Force is small in flight, large in the middle of contact, and its mean is one body weight."""
    for trial in load(name):
        time_s, force = trial.recording.time_s, trial.vgrf_bw
        inside = trial.inside(0.3)
        first, last = trial.initial_contact_s[inside], trial.final_contact_s[inside]
        assert (np.interp(0.5 * (first + last), time_s, force) > 1.0).all()
        flight = 0.5 * (last[:-1] + first[1:])
        apart = first[1:] - last[:-1] > 0.03
        assert (np.interp(flight[apart], time_s, force) < 0.1).all()
        strides = (time_s >= first[0]) & (time_s < first[(len(first) - 1) // 2 * 2])
        assert np.nanmean(force[strides]) == pytest.approx(1.0, abs=0.06), trial.name


def test_recordings_without_contacts_give_no_trials(shared_data):
    folder = folder_of("hip_shoe_run")
    assert len(hip_shoe_run.hip(folder)) == len(hip_shoe_run.shoe(folder)) == 150_000
    walks = list(lumbar_walking.walks(folder_of("lumbar_walking")))
    assert [walk.rate_hz for walk in walks] == [100.0] * 4


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(FormatError, match="holds no CSV file"):
        list(lumbar_walking.walks(tmp_path))


def plates(folder, **changes):
    """A `treadmill_run_grf` folder of one second, with tables changed."""
    time_s = np.arange(100) / 100.0
    imu = "".join(f"{t},0,0,9.8,0,0,0\n" for t in time_s)
    tables = {
        "imu": "time_s,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z\n" + imu,
        "contacts": "initial_contact_s,final_contact_s,side,peak_vgrf_bw\n0.5,0.7,right,\n0.1,0.3,left,2.5\n",
        "vgrf": "time_s,vgrf_bw\n0.2,1\n0.6,2\n",
        "pelvis_angles": "time_s,roll,pitch,yaw\n" + "".join(f"{t},1,2,3\n" for t in time_s),
    }
    for name, text in (tables | changes).items():
        (folder / f"{name}.csv").write_text(text)
    return list(LOADERS["treadmill_run_grf"](folder))


def test_force_is_interpolated_and_unknown_outside(tmp_path):
    (trial,) = plates(tmp_path)
    assert trial.side == ("left", "right")
    np.testing.assert_allclose(trial.peak_bw, [2.5, np.nan])
    assert trial.vgrf_bw[40] == pytest.approx(1.5)
    assert np.isnan(trial.vgrf_bw[[19, 61]]).all()


def test_one_foot_on_both_plates_is_one_contact(tmp_path):
    (trial,) = plates(tmp_path, contacts="a,b,c,d\n0.1,0.25,left,2\n0.12,0.3,left,1.5\n")
    np.testing.assert_array_equal(trial.initial_contact_s, [0.1])
    np.testing.assert_array_equal(trial.final_contact_s, [0.3])
    assert np.isnan(trial.peak_bw).all()


def test_a_table_without_contacts_gives_an_empty_truth(tmp_path):
    (trial,) = plates(tmp_path, contacts="initial_contact_s,final_contact_s,side,peak_vgrf_bw\n")
    assert len(trial.initial_contact_s) == len(trial.final_contact_s) == len(trial.peak_bw) == 0
    assert trial.side == ()
    assert not trial.inside().any()
    first, last, peak = contacts_of(np.zeros(100), 100.0)
    assert len(first) == len(last) == len(peak) == 0


def test_all_steps_are_false_if_the_truth_has_no_contacts(shared_data):
    none = np.empty(0)
    trial = replace(
        load("treadmill_run_grf")[0], initial_contact_s=none, final_contact_s=none, side=(), peak_bw=none
    )
    contacts, records = compare_all(METHODS["imurun"], [trial])
    assert len(contacts) == records["n_true"][0] == records["n_found"][0] == 0
    assert records["n_invented"][0] > 20


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"imu": ""}, "imu.csv: 7 columns of finite numbers"),
        ({"vgrf": "t,f\n0,nan\n"}, "vgrf.csv: 2 columns of finite numbers"),
        ({"vgrf": "t,f\n0,x\n"}, "vgrf.csv: this is no table of numbers"),
        ({"contacts": "a,b,c,d\n0.1,0.2,middle,2\n"}, "'middle' is neither left nor right"),
        ({"contacts": "a,b,c,d\n0.1,x,left,2\n"}, "text for a number"),
        ({"contacts": "a,b\n0.1,0.2\n"}, "contacts.csv: 4 columns"),
        ({"pelvis_angles": "t,a,b,c\n0,1,2,3\n"}, "1 rows for 100 samples"),
    ],
)
def test_invalid_tables_are_refused(tmp_path, changes, says):
    with pytest.raises(FormatError, match=says.replace(".", r"\.")):
        plates(tmp_path, **changes)


def test_alcantara_2022_is_read_in_its_documented_layout(tmp_path):
    """Two runners, one of them the one of `sacral_grf`; 10 degrees are 17.6 percent."""
    time_s = np.arange(N_SAMPLES) / 500.0
    force = np.maximum(0.0, 2.5 * np.sin(2 * np.pi * 1.5 * time_s))
    acc_g = np.concatenate([force, 0.1 * np.ones(N_SAMPLES)])
    np.savetxt(tmp_path / "Accelerometer.csv", np.tile(acc_g, (3, 1)), delimiter=",", fmt="%.4f")
    np.savetxt(tmp_path / "GRF.csv", np.tile(force, (3, 1)), delimiter=",", fmt="%.5f")
    rows = ["2,NA,m,NA,173,76.8,0,100,0,2.5,10,NA", "7,NA,f,NA,165,60,100,0,0,3.33,-5,NA"]
    head = "Sub,Condition,Sex,Age,Height,Mass,RFS,MFS,FFS,Speed,Slope,StepFreq"
    (tmp_path / "Sub_Info.csv").write_text("\n".join([head, *rows, rows[1]]) + "\n")
    trials = list(LOADERS["alcantara_2022"](tmp_path))
    assert [trial.name for trial in trials] == ["S-00", "alcantara-7-00", "alcantara-7-01"]
    assert [trial.runner for trial in trials] == ["S", "alcantara-7", "alcantara-7"]
    assert trials[0].slope_percent == pytest.approx(17.63, abs=0.01)
    assert trials[1].slope_percent == pytest.approx(-8.75, abs=0.01)
    np.testing.assert_allclose(np.diff(trials[1].initial_contact_s), 1 / 1.5, atol=1e-4)
    np.testing.assert_allclose(trials[1].vgrf_bw, force, atol=1e-5)


MASS_KG, RUN_S, CADENCE_HZ = 70.0, 4.0, 2.8


def hamner(root, mass_kg=MASS_KG, markers=("RASI", "LASI", "RPSI", "LPSI")):
    """A subject who bobs upright at 2 m/s, in the files' axes: x forward, y up, z right, mm and N."""
    run = root / "subject03" / "trials" / "run200"
    run.mkdir(parents=True)
    (root / "subject03" / "_subject.json").write_text(json.dumps({"massKg": mass_kg}))
    place_mm = {"RASI": (0, 0, 120), "LASI": (0, 0, -120), "RPSI": (-150, 0, 50), "LPSI": (-150, 0, -50)}
    time_s = 0.2 + np.arange(round(RUN_S * 100)) / 100.0
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tmade",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"100\t100\t{len(time_s)}\t{len(markers)}\tmm",
        "Frame#\tTime\t" + "\t\t\t".join(markers),
        "\t\t" + "\t".join(f"X{k}\tY{k}\tZ{k}" for k in range(1, len(markers) + 1)),
        "",
    ]
    for k, t in enumerate(time_s):
        lift = 1000.0 + 30.0 * np.cos(2 * np.pi * CADENCE_HZ * t)
        places = [f"{x}\t{lift + y:.6f}\t{z}" for x, y, z in (place_mm[name] for name in markers)]
        lines.append(f"{k + 1}\t{t:.2f}\t" + "\t".join(places))
    (run / "markers.trc").write_text("\n".join(lines) + "\n")
    force_time_s = 0.1 + np.arange(round((RUN_S + 0.2) * 1000)) / 1000.0
    pulse = 2.5 * MASS_KG * 9.80665 * np.sin(np.pi * CADENCE_HZ * force_time_s)
    rows = [
        f"{t:.3f}\t{max(p, 0.0):.4f}\t{max(-p, 0.0):.4f}" for t, p in zip(force_time_s, pulse, strict=True)
    ]
    head = "name made\nendheader\ntime\tR_ground_force_vy\tL_ground_force_vy\n"
    (run / "grf.mot").write_text(head + "\n".join(rows) + "\n")
    return run


def test_hamner_2013_is_read_in_its_documented_layout(tmp_path):
    hamner(tmp_path)
    (trial,) = LOADERS["hamner_2013"](tmp_path)
    assert (trial.runner, trial.name, trial.speed_m_s) == ("hamner-03", "hamner-03-run200", 2.0)
    assert set(trial.side) == {"left", "right"}
    assert all(a != b for a, b in zip(trial.side, trial.side[1:], strict=False))
    np.testing.assert_allclose(np.diff(trial.initial_contact_s), 1 / CADENCE_HZ, atol=2e-3)
    assert trial.peak_bw == pytest.approx(2.5, abs=0.01)
    time_s = trial.recording.time_s + 0.2
    np.testing.assert_allclose(trial.vgrf_bw, 2.5 * np.abs(np.sin(np.pi * CADENCE_HZ * time_s)), atol=2e-3)
    omega = 2 * np.pi * CADENCE_HZ
    expected = 9.80665 - 0.03 * omega**2 * np.cos(omega * time_s)
    middle = slice(40, -40)
    np.testing.assert_allclose(trial.recording.acc[middle, 2], expected[middle], atol=0.05)
    np.testing.assert_allclose(trial.recording.acc[middle, :2], 0.0, atol=1e-3)
    np.testing.assert_allclose(trial.recording.gyr[middle], 0.0, atol=1e-3)
    np.testing.assert_allclose(trial.angles_deg[middle], 0.0, atol=1e-2)
    imurun.analyze(trial.recording)


def test_invalid_files_of_hamner_2013_are_refused(tmp_path):
    with pytest.raises(FormatError, match="no folder subject01"):
        list(LOADERS["hamner_2013"](tmp_path))
    run = hamner(tmp_path, mass_kg=7)
    with pytest.raises(FormatError, match="massKg is 7"):
        list(LOADERS["hamner_2013"](tmp_path))
    (tmp_path / "subject03" / "_subject.json").write_text("{}")
    with pytest.raises(FormatError, match="no massKg"):
        list(LOADERS["hamner_2013"](tmp_path))
    (tmp_path / "subject03" / "_subject.json").write_text('{"massKg": 70}')
    good = (run / "markers.trc").read_text()
    for text, says in (
        (good.replace("LPSI", "ELSE"), "marker LPSI is missing"),
        (good.replace("\tmm", "\tfeet"), "no TRC file"),
        ("\n".join(good.splitlines()[:9]), "too few, or lost"),
        ("", "no TRC file"),
    ):
        (run / "markers.trc").write_text(text)
        with pytest.raises(FormatError, match=says):
            list(LOADERS["hamner_2013"](tmp_path))
    (run / "markers.trc").write_text(good)
    for text, says in (("", "no MOT file"), ("endheader\ntime\n0\n1\n", "'R_ground_force_vy' is missing")):
        (run / "grf.mot").write_text(text)
        with pytest.raises(FormatError, match=says):
            list(LOADERS["hamner_2013"](tmp_path))
