"""Text tables with the delimiters, encodings, units and time columns found in practice."""

import gzip

import numpy as np
import pytest

from imurun.errors import FormatError, RecordingError
from imurun.io import read
from imurun.model.frames import G

NAMES = ["time_s", "acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]


def assert_is_run(recording, run, *, gyr=True, tolerance=1e-6):
    assert recording.rate_hz == pytest.approx(run.rate_hz, rel=1e-6)
    np.testing.assert_allclose(recording.acc, run.acc_g * G, atol=tolerance)
    if gyr:
        np.testing.assert_allclose(recording.gyr, run.gyr, atol=tolerance)
    else:
        assert recording.gyr is None


@pytest.mark.parametrize(
    ("delimiter", "decimal", "encoding", "end"),
    [
        (",", ".", "utf-8", "\n"),
        (",", ".", "utf-8-sig", "\r\n"),
        (";", ",", "utf-8", "\n"),
        (";", ".", "cp1252", "\r\n"),
        ("\t", ".", "utf-16", "\r\n"),
        ("\t", ",", "utf-8", "\n"),
        ("   ", ".", "utf-8", "\n"),
        ("|", ".", "utf-8", "\n"),
        (", ", ".", "utf-8", "\n"),
        (",", ".", "utf-8", "\r"),
    ],
)
def test_delimiters_encodings_and_line_ends_are_detected(run, write, delimiter, decimal, encoding, end):
    path = write(
        NAMES,
        [run.time_s, run.acc_g, run.gyr],
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        end=end,
    )
    assert_is_run(read(path), run)


@pytest.mark.parametrize(
    ("names", "factors"),
    [
        (["time (s)", "acc x [g]", "acc y [g]", "acc z [g]",
          "gyr x [deg/s]", "gyr y [deg/s]", "gyr z [deg/s]"],
         (1, 1, 180 / np.pi)),
        (["t_ms", "ax_mg", "ay_mg", "az_mg", "gx_dps", "gy_dps", "gz_dps"], (1e3, 1e3, 180 / np.pi)),
        (["Timestamp (µs)", "Accel_X (m/s²)", "Accel_Y (m/s²)", "Accel_Z (m/s²)",
          "Gyro_X (°/s)", "Gyro_Y (°/s)", "Gyro_Z (°/s)"], (1e6, G, 180 / np.pi)),
        (["elapsed_ns", "accelerationX(G)", "accelerationY(G)", "accelerationZ(G)",
          "rotationRateX(rad/s)", "rotationRateY(rad/s)", "rotationRateZ(rad/s)"], (1e9, 1, 1)),
        (["time", "acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2", "gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s"],
         (1, G, 1)),
        (["time", "gFx", "gFy", "gFz", "wx", "wy", "wz"], (1, 1, 1)),
        (["time [ms]", "Accelerometer X (m/s^2)", "Accelerometer Y (m/s^2)", "Accelerometer Z (m/s^2)",
          "Gyroscope X (mdps)", "Gyroscope Y (mdps)", "Gyroscope Z (mdps)"], (1e3, G, 180e3 / np.pi)),
        (["timestamp", "x-acceleration", "y-acceleration", "z-acceleration",
          "angular velocity x", "angular velocity y", "angular velocity z"], (1e3, G, 180 / np.pi)),
        (["seconds", "AccX", "AccY", "AccZ", "GyrX", "GyrY", "GyrZ"], (1, 1e3, 180e3 / np.pi)),
    ],
)  # fmt: skip
def test_column_names_and_units_are_recognised(run, write, names, factors):
    time, acc, gyr = factors
    path = write(names, [run.time_s * time, run.acc_g * acc, run.gyr * gyr], form="{:.12g}")
    recording = read(path)
    assert_is_run(recording, run)
    stated = any(sign in names[1] for sign in "([") or names[1].endswith(("_mg", "_s2"))
    assert ("acceleration is not stated" in " ".join(recording.warnings)) is not stated


def test_other_columns_do_not_matter(run, write):
    n = len(run.time_s)
    names = ["label", *NAMES[:1], "mag_x", "mag_y", "mag_z", *NAMES[1:], "temperature", "quat_x", "roll"]
    path = write(names[1:], [run.time_s, np.ones((n, 3)), run.acc_g, run.gyr, np.ones((n, 3))])
    lines = path.read_text().splitlines()
    text = "\n".join(["label," + lines[0], *(f'"run, easy",{line}' for line in lines[1:])])
    path.write_text(text)
    assert_is_run(read(path), run)


def test_column_order_does_not_matter(run, write):
    path = write(["time_s", "acc_z", "acc_y", "acc_x"], [run.time_s, run.acc_g[:, ::-1]])
    assert_is_run(read(path), run, gyr=False)


def test_lines_above_the_header_and_comments_are_skipped(run, write):
    before = "# made by a logger\nDevice;7\nStart;2025-01-01\n\n"
    path = write(NAMES, [run.time_s, run.acc_g, run.gyr], before=before, below="# first sample\n")
    assert_is_run(read(path), run)


def test_bare_axes_beside_time_are_acceleration(run, write):
    recording = read(write(["time", "x", "y", "z"], [run.time_s, run.acc_g]))
    assert_is_run(recording, run, gyr=False)


def test_bare_axes_in_units_of_angular_rate_are_not_acceleration(run, write):
    path = write(["Time (s)", "X (rad/s)", "Y (rad/s)", "Z (rad/s)"], [run.time_s, run.gyr])
    with pytest.raises(FormatError, match="no acceleration"):
        read(path)


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f"])
def test_dates_give_times_and_start(run, tmp_path, form):
    from datetime import datetime, timedelta

    start = datetime(2025, 3, 20, 23, 59, 58)
    rows = [
        ",".join([(start + timedelta(seconds=float(t))).strftime(form), *(repr(float(v)) for v in acc)])
        for t, acc in zip(run.time_s, run.acc_g, strict=True)
    ]
    path = tmp_path / "dates.csv"
    path.write_text("date_time,x,y,z\n" + "\n".join(rows))
    recording = read(path)
    assert_is_run(recording, run, gyr=False)
    assert recording.start.isoformat() == "2025-03-20T23:59:58+00:00"


def test_dates_with_a_zone_become_utc(run, tmp_path):
    rows = [
        f"2025-03-20T12:00:{t:09.6f}+02:00,{a[0]},{a[1]},{a[2]}"
        for t, a in zip(run.time_s, run.acc_g, strict=True)
    ]
    path = tmp_path / "zone.csv"
    path.write_text("time,x,y,z\n" + "\n".join(rows))
    assert read(path).start.isoformat() == "2025-03-20T10:00:00+00:00"


def test_time_of_day_continues_over_midnight(run, tmp_path):
    start = 86_400 - 3
    rows = []
    for t, a in zip(run.time_s, run.acc_g, strict=True):
        s = (start + t) % 86_400
        rows.append(f"{int(s // 3600):02d}:{int(s // 60) % 60:02d}:{s % 60:09.6f},{a[0]},{a[1]},{a[2]}")
    path = tmp_path / "clock.csv"
    path.write_text("time,x,y,z\n" + "\n".join(rows))
    recording = read(path)
    assert_is_run(recording, run, gyr=False)
    assert recording.start is None


@pytest.mark.parametrize(("per_second", "unit"), [(1, "s"), (10**3, "ms"), (10**6, "us"), (10**9, "ns")])
def test_time_since_1970_gives_the_start_and_its_unit(run, write, per_second, unit):
    start = 1_700_000_000
    ticks = [
        f"{start + t:.3f}" if unit == "s" else str(start * per_second + round(t * per_second))
        for t in run.time_s
    ]
    rows = [f"{tick},{a[0]},{a[1]},{a[2]}" for tick, a in zip(ticks, run.acc_g, strict=True)]
    path = write(["timestamp", "x", "y", "z"], [run.time_s, run.acc_g])
    path.write_text("timestamp,x,y,z\n" + "\n".join(rows))
    recording = read(path)
    assert_is_run(recording, run, gyr=False)
    assert recording.start.timestamp() == start
    assert any(f"its steps fit {unit}." in text for text in recording.warnings)


def test_a_column_that_counts_samples_is_not_a_time(run, write):
    count = np.arange(len(run.time_s))
    for name in ("samples", "index", "timestamp"):
        path = write([name, *NAMES[1:]], [count, run.acc_g, run.gyr])
        with pytest.raises(FormatError, match="--rate"):
            read(path)
    recording = read(write(["samples", *NAMES[1:]], [count, run.acc_g, run.gyr]), rate_hz=100)
    assert recording.rate_hz == 100


def test_the_time_column_overrides_a_given_rate(run, write):
    recording = read(write(NAMES, [run.time_s, run.acc_g, run.gyr]), rate_hz=50)
    assert recording.rate_hz == pytest.approx(100)
    assert any("50 Hz was not used" in text for text in recording.warnings)


def test_a_stated_unit_that_gravity_contradicts_is_kept_with_a_warning(run, write):
    for unit, values, says in (
        ("g", run.acc_g * G, "m/s2"),
        ("g", run.acc_g * 1000, "mg"),
        ("m/s2", run.acc_g, "g"),
    ):
        names = ["time_s", f"acc_x [{unit}]", f"acc_y [{unit}]", f"acc_z [{unit}]"]
        recording = read(write(names, [run.time_s, values]))
        factor = G if unit == "g" else 1.0
        np.testing.assert_allclose(recording.acc, values * factor, rtol=1e-6, atol=1e-6)  # not changed
        assert any(f"gravity in {says}" in text for text in recording.warnings)


@pytest.mark.parametrize("unit", ["", " (m/s^2)", " (g)"])
def test_acceleration_without_gravity_is_refused(run, write, unit):
    scale = G if "m/s" in unit else 1.0
    free = (run.acc_g - [0, 0, 1]) * scale
    free[:, 2] += 0.01
    path = write(["time_s", f"acc x{unit}", f"acc y{unit}", f"acc z{unit}"], [run.time_s, free])
    with pytest.raises(FormatError, match=r"with gravity|gravity has been removed"):
        read(path)
    for word in ("Linear Acceleration", "userAcceleration", "FreeAcc"):
        path = write(["time_s", *(f"{word} {axis}{unit}" for axis in "XYZ")], [run.time_s, free])
        with pytest.raises(FormatError, match="gravity has been removed"):
            read(path)


def test_gravity_is_chosen_when_both_are_there(run, write):
    names = [
        "time_s",
        *(f"userAcceleration{a}(G)" for a in "XYZ"),
        *(f"accelerometerAcceleration{a}(G)" for a in "XYZ"),
    ]
    path = write(names, [run.time_s, run.acc_g - [0, 0, 1], run.acc_g])
    assert_is_run(read(path), run, gyr=False)


def test_the_unit_of_slow_turning_is_inferred_from_gravity(write):
    n = 3000
    t = np.arange(n) / 100
    angle = 0.5 * np.sin(2 * np.pi * 0.05 * t)
    acc = np.column_stack([-np.sin(angle), np.zeros(n), np.cos(angle)])
    rate = np.gradient(angle, t)
    gyr = np.column_stack([np.zeros(n), rate, np.zeros(n)])
    for factor, unit in ((1.0, "rad/s"), (180 / np.pi, "deg/s")):
        recording = read(write(NAMES, [t, acc, gyr * factor]))
        np.testing.assert_allclose(recording.gyr, gyr, atol=1e-6)
        assert any(f"suggests {unit}" in text for text in recording.warnings)


def test_several_sensors_are_not_guessed(run, write):
    names = ["time_s", *(f"hip_acc_{a}" for a in "xyz"), *(f"foot_acc_{a}" for a in "xyz")]
    with pytest.raises(FormatError, match="several sets of acceleration"):
        read(write(names, [run.time_s, run.acc_g, run.acc_g]))


def test_sensors_in_separate_rows_are_joined(run, tmp_path):
    lines = ["time_s,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z"]
    for t, a, g in zip(run.time_s, run.acc_g, run.gyr, strict=True):
        lines.append(f"{t:.4f},{a[0]},{a[1]},{a[2]},,,")
        lines.append(f"{t + 0.004:.4f},,,,{g[0]},{g[1]},{g[2]}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines))
    recording = read(path)
    assert recording.rate_hz == pytest.approx(100)
    np.testing.assert_allclose(recording.acc[1:-1], run.acc_g[1:-1] * G, atol=1e-6)
    shifted = np.column_stack([np.interp(run.time_s, run.time_s + 0.004, run.gyr[:, k]) for k in range(3)])
    np.testing.assert_allclose(recording.gyr[1:-1], shifted[1:-1], atol=1e-6)


def test_gzip_is_detected_by_content(run, write, tmp_path):
    path = write(NAMES, [run.time_s, run.acc_g, run.gyr])
    packed = tmp_path / "no_suffix"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert_is_run(read(packed), run)


def test_the_size_of_blocks_does_not_matter(write, monkeypatch):
    from imurun.files import byte_streams
    from imurun.io import text_table

    n = 20_000
    rng = np.random.default_rng(1)
    acc = rng.normal([0, 0, 1], 0.5, (n, 3))
    path = write(
        ["time_s", "acc_x_g", "acc_y_g", "acc_z_g"], [np.arange(n) / 100, acc], form="{!r}", end="\r\n"
    )
    path.write_text(path.read_text().replace("np.float64(", "").replace(")", ""))
    whole = read(path)
    monkeypatch.setattr(
        text_table, "line_blocks", lambda head, stream, enc: byte_streams.line_blocks(head, stream, enc, 1777)
    )
    parts = read(path)
    np.testing.assert_array_equal(parts.acc, whole.acc)
    np.testing.assert_array_equal(whole.acc, acc * G)


def test_progress_reaches_the_end(run, write):
    path = write(NAMES, [run.time_s, run.acc_g, run.gyr])
    calls = []
    read(path, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (path.stat().st_size,) * 2
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_missing_cells_are_gaps(run, write):
    path = write(NAMES, [run.time_s, run.acc_g, run.gyr])
    lines = path.read_text().splitlines()
    for i, word in zip(range(101, 121), ["", "NaN", "inf", "NA"] * 5, strict=True):
        cells = lines[i].split(",")
        cells[2] = word
        lines[i] = ",".join(cells)
    lines[300] = lines[300].rsplit(",", 1)[0] + ","
    path.write_text("\n".join(lines))
    recording = read(path)
    assert recording.gaps == ((100, 120),)
    assert recording.n_bridged == 1
    assert len(recording) == len(run.time_s)


def test_lines_left_out_in_time_are_gaps(run, write):
    path = write(NAMES, [run.time_s, run.acc_g, run.gyr])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:201] + lines[251:]))
    recording = read(path)
    assert recording.gaps == ((200, 250),)
    assert len(recording) == len(run.time_s)


def test_clipped_data_are_read(run, write):
    clipped = np.clip(run.acc_g, -1.5, 1.5)
    path = write(["time_s", "acc_x [g]", "acc_y [g]", "acc_z [g]"], [run.time_s, clipped])
    recording = read(path)
    assert recording.acc.max() == pytest.approx(1.5 * G)
    assert recording.warnings == ()


def test_empty_gyroscope_columns_are_left_out(run, write):
    path = write(NAMES[:4], [run.time_s, run.acc_g])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([",".join(NAMES), *(f"{line},,," for line in lines[1:])]))
    recording = read(path)
    assert_is_run(recording, run, gyr=False)
    assert any("columns are empty" in text for text in recording.warnings)


def test_broken_bytes_in_a_label_do_not_matter(run, write):
    path = write(NAMES[:4], [run.time_s, run.acc_g])
    lines = path.read_bytes().splitlines()
    path.write_bytes(
        b"\n".join([lines[0] + b",note", *(line + b",\xff\xfe" for line in lines[1:]), b"6.0,\xff"])
    )
    assert_is_run(read(path), run, gyr=False)


def test_time_that_goes_backwards_is_an_error(run, write):
    time_s = run.time_s.copy()
    time_s[300:] -= 2
    with pytest.raises(RecordingError, match=r"run\.csv: Time goes backwards"):
        read(write(NAMES, [time_s, run.acc_g, run.gyr]))
