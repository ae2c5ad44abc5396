"""Exports of makers and apps, the formats that describe them, and exports with several tables."""

import math
import zipfile
from importlib import resources

import numpy as np
import pytest

from imurun.errors import FormatError, SettingsError
from imurun.io import read
from imurun.io.formats.file_format import load_format, parse_format, shipped_formats
from imurun.io.reader import detect_format
from imurun.model.frames import G

VENDORS = {
    "phyphox",
    "sensor_logger",
    "shimmer",
    "actigraph",
    "movella_dot",
    "movesense",
    "metabase",
    "mobgap",
}


def table(names, *columns):
    rows = zip(*(np.asarray(c).T.tolist() if np.ndim(c) == 1 else c for c in columns), strict=True)
    lines = [",".join(str(v) for cell in row for v in np.atleast_1d(cell)) for row in rows]
    return names + "\n" + "\n".join(lines) + "\n"


def ints(values):
    return [str(int(v)) for v in values]


def assert_is_run(recording, run, gyr=True, inner=slice(None), atol=1e-6):
    assert recording.rate_hz == pytest.approx(run.rate_hz, rel=1e-5)
    np.testing.assert_allclose(recording.acc[inner], (run.acc_g * G)[inner], atol=atol)
    if gyr:
        np.testing.assert_allclose(recording.gyr[inner], run.gyr[inner], atol=atol)
    else:
        assert recording.gyr is None


def test_every_shipped_format_states_how_it_was_tested():
    profiles = shipped_formats()
    assert set(profiles) == VENDORS
    for profile in profiles.values():
        assert profile.tested in ("built from documentation only", "tested on recordings")
        assert profile.description
    assert profiles["mobgap"].tested == profiles["shimmer"].tested == "tested on recordings"


def test_a_plain_table_matches_no_format():
    for names in (["time_s", "acc_x", "acc_y", "acc_z"], ["timestamp", "acc_x", "acc_y", "acc_z", "gyr_x"]):
        assert detect_format(names, "") is None


def test_an_actigraph_file_is_read_with_rate_and_start(run, tmp_path):
    above = (
        "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.3 Firmware v2.5.0 "
        "date format d/M/yyyy at 100 Hz  Filter Normal -----------\n"
        "Serial Number: CLE2B20130009\nStart Time 11:27:00\nStart Date 3/4/2024\n"
        "Epoch Period (hh:mm:ss) 00:00:00\nDownload Time 14:02:21\nDownload Date 5/4/2024\n"
        "Current Memory Address: 0\nCurrent Battery Voltage: 4.07     Mode = 12\n"
        "--------------------------------------------------\n"
    )
    path = tmp_path / "raw.csv"
    for names in ("Accelerometer X,Accelerometer Y,Accelerometer Z\n", ""):
        path.write_text(
            above + table("", run.acc_g).lstrip("\n")
            if not names
            else above + table(names.strip(), run.acc_g)
        )
        recording = read(path)
        assert_is_run(recording, run, gyr=False)
        assert recording.start.isoformat() == "2024-04-03T11:27:00+00:00"
    path.write_text(
        above.replace("at 100 Hz", "") + table("Accelerometer X,Accelerometer Y,Accelerometer Z", run.acc_g)
    )
    with pytest.raises(FormatError, match="--rate"):
        read(path)


def test_a_shimmer_file_is_read_with_its_wide_range_accelerometer(run, tmp_path):
    ms = 1.7e12 + run.time_s * 1e3
    names = ["Timestamp_Unix_CAL", *(f"Accel_LN_{a}_CAL" for a in "XYZ"),
             *(f"Accel_WR_{a}_CAL" for a in "XYZ"),
             *(f"Gyro_{a}_CAL" for a in "XYZ")]  # fmt: skip
    rows = np.column_stack([ms, np.clip(run.acc_g, -2, 2) * G * 0.9, run.acc_g * G, np.degrees(run.gyr)])
    text = "sep=\t\n" + "".join(f"Shimmer_5E43_{name}\t" for name in names) + "\n"
    text += "ms\t" + "m/(s^2)\t" * 6 + "deg/s\t" * 3 + "\n"
    text += "".join("".join(f"{v!r}\t" for v in row) + "\n" for row in rows.tolist())
    path = tmp_path / "shimmer.csv"
    path.write_text(text)
    recording = read(path)
    assert_is_run(recording, run, atol=1e-5)
    assert recording.start.timestamp() == pytest.approx(1.7e9)
    assert [text for text in recording.warnings if "Irregular" not in text] == [
        "Of several sets of acceleration columns, the one with Shimmer_5E43_Accel_WR_X_CAL was read."
    ]


def test_a_movella_dot_file_is_read_across_a_counter_wrap(run, tmp_path):
    micros = (2**32 - 2_000_000 + np.rint(run.time_s * 1e6).astype(np.int64)) % 2**32
    text = "sep=,\nDeviceTag:,DOT 1\nFirmwareVersion:,2.0.0\nOutputRate:,60Hz\n\n" + table(
        "PacketCounter,SampleTimeFine,Quat_W,Quat_X,Quat_Y,Quat_Z,FreeAcc_X,FreeAcc_Y,FreeAcc_Z,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z",
        ints(range(len(micros))), ints(micros), np.ones((len(micros), 7)), run.acc_g * G, np.degrees(run.gyr),
    )  # fmt: skip
    path = tmp_path / "dot.csv"
    path.write_text(text)
    recording = read(path)
    assert_is_run(recording, run)
    assert recording.warnings == ()


def test_a_movella_dot_file_without_inertial_data_is_refused(run, tmp_path):
    path = tmp_path / "dot.csv"
    body = table(
        "PacketCounter,SampleTimeFine,FreeAcc_X,FreeAcc_Y,FreeAcc_Z",
        ints(range(600)),
        ints(range(0, 600 * 16667, 16667)),
        run.acc_g,
    )
    path.write_text("sep=,\nDeviceTag:,DOT 1\n\n" + body)
    with pytest.raises(FormatError, match="Record a payload with inertial data"):
        read(path)


def test_a_movesense_file_is_read_if_its_format_is_named(run, tmp_path):
    path = tmp_path / "movesense.csv"
    path.write_text(
        table(
            "timestamp,AccX,AccY,AccZ,GyroX,GyroY,GyroZ",
            ints(run.time_s * 1e3),
            run.acc_g * G,
            np.degrees(run.gyr),
        )
    )
    recording = read(path, profile="movesense")
    assert_is_run(recording, run)
    assert not any("not stated" in text for text in recording.warnings)


def test_a_phyphox_folder_or_archive_is_joined_on_one_clock(run, tmp_path):
    folder = tmp_path / "Acceleration and gyroscope"
    (folder / "meta").mkdir(parents=True)
    units = "m/s^2"
    (folder / "Accelerometer.csv").write_text(
        table(f'"Time (s)","X ({units})","Y ({units})","Z ({units})"', run.time_s + 0.5, run.acc_g * G)
    )
    late = run.time_s[50:-40] + 0.003
    gyr = np.column_stack([np.interp(late, run.time_s, run.gyr[:, k]) for k in range(3)])
    (folder / "Gyroscope.csv").write_text(
        table('"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"', late + 0.5, gyr)
    )
    recording = read(folder)
    assert_is_run(recording, run, inner=slice(51, 559), atol=0.02)
    np.testing.assert_allclose(recording.acc[51:559], run.acc_g[51:559] * G, atol=1e-6)
    assert recording.gaps == ((0, 51), (560, 600))
    # the same in an archive, inside a folder of its own
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for file in folder.glob("*.csv"):
            z.write(file, f"Export 2024/{file.name}")
        z.writestr("__MACOSX/._Accelerometer.csv", b"\0\1\2")
        z.writestr("../Barometer.csv", "x")
    packed = read(archive)
    np.testing.assert_array_equal(packed.acc, recording.acc)
    np.testing.assert_array_equal(packed.gyr, recording.gyr)
    assert not (tmp_path.parent / "Barometer.csv").exists()


def test_a_phyphox_table_is_read_and_refused_without_gravity(run, tmp_path):
    path = tmp_path / "Raw Data.csv"
    names = '"Time (s)";"{0} x (m/s^2)";"{0} y (m/s^2)";"{0} z (m/s^2)";"Absolute acceleration (m/s^2)"'
    rows = np.column_stack([run.time_s, run.acc_g * G, np.linalg.norm(run.acc_g, axis=1) * G])
    body = "\n".join(";".join(f"{v:.9E}".replace(".", ",") for v in row) for row in rows)
    path.write_text(names.format("Acceleration") + "\n" + body)
    assert_is_run(read(path), run, gyr=False, atol=1e-5)
    path.write_text(names.format("Linear Acceleration") + "\n" + body)
    with pytest.raises(FormatError, match="with g"):
        read(path)


SENSOR_LOGGER = "time,seconds_elapsed,z,y,x"


def logger_table(run, values, shift=0):
    ns = 1_700_000_000_000_000_000 + np.rint(run.time_s * 1e9).astype(np.int64) + shift
    return table(SENSOR_LOGGER, ints(ns), run.time_s, values[:, ::-1])


def test_a_sensor_logger_folder_is_read_with_gravity(run, tmp_path):
    free = run.acc_g - [0, 0, 1]
    (tmp_path / "Gyroscope.csv").write_text(logger_table(run, run.gyr))
    (tmp_path / "Accelerometer.csv").write_text(logger_table(run, free * G))
    with pytest.raises(FormatError, match="Total Acceleration"):
        read(tmp_path)
    with pytest.raises(FormatError, match="Total Acceleration"):
        read(tmp_path / "Accelerometer.csv")
    (tmp_path / "Gravity.csv").write_text(logger_table(run, np.tile([0, 0, G], (600, 1))))
    summed = read(tmp_path)
    assert_is_run(summed, run, atol=1e-5)
    assert any("added back" in text for text in summed.warnings)
    (tmp_path / "TotalAcceleration.csv").write_text(logger_table(run, run.acc_g * G))
    recording = read(tmp_path)
    assert_is_run(recording, run)
    assert recording.start.timestamp() == 1_700_000_000
    assert_is_run(read(tmp_path / "TotalAcceleration.csv"), run, gyr=False)
    assert len(read(tmp_path, profile="sensor_logger")) == 600


def test_a_metabase_folder_is_read_with_its_start(run, tmp_path):
    epoch = ints(1_700_000_000_000 + np.rint(run.time_s * 1e3))
    date = ["2023-11-14T22:13:20.000"] * 600
    stem = "MetaWear_2024-01-01T10.00.00.000_C8F0"
    for sensor, unit, values in (
        ("Accelerometer", "g", run.acc_g),
        ("Gyroscope", "deg/s", np.degrees(run.gyr)),
    ):
        for first in ("epoch (ms),time (-07:00)", "epoc (ms),timestamp (-0700)"):
            names = ",".join([first, "elapsed (s)", *(f"{axis}-axis ({unit})" for axis in "xyz")])
            file = tmp_path / f"{stem}_{sensor}_100.000Hz_1.5.0.csv"
            file.write_text(table(names, epoch, date, run.time_s, values))
    recording = read(tmp_path)
    assert_is_run(recording, run)
    assert recording.start.timestamp() == 1_700_000_000
    assert recording.warnings == ()


def test_ambiguous_and_disjoint_exports_are_refused(run, tmp_path):
    names = "time_s,x [g],y [g],z [g]"
    (tmp_path / "left accelerometer.csv").write_text(table(names, run.time_s, run.acc_g))
    (tmp_path / "right accelerometer.csv").write_text(table(names, run.time_s, run.acc_g))
    with pytest.raises(FormatError, match="several files could hold this sensor"):
        read(tmp_path)
    (tmp_path / "right accelerometer.csv").unlink()
    (tmp_path / "gyro.csv").write_text(
        table("time_s,x [rad/s],y [rad/s],z [rad/s]", run.time_s + 60, run.gyr)
    )
    with pytest.raises(FormatError, match="no time in common"):
        read(tmp_path)
    (tmp_path / "gyro.csv").write_text(table("time_s,x [rad/s],y [rad/s],z [rad/s]", run.time_s, run.gyr))
    assert_is_run(read(tmp_path), run)


def test_gaps_of_the_gyroscope_stay_gaps(run, tmp_path):
    (tmp_path / "acc.csv").write_text(table("time_s,x [g],y [g],z [g]", run.time_s, run.acc_g))
    kept = np.r_[0:200, 260:600]
    (tmp_path / "gyr.csv").write_text(
        table("time_s,x [rad/s],y [rad/s],z [rad/s]", run.time_s[kept], run.gyr[kept])
    )
    assert read(tmp_path).gaps == ((200, 260),)


OWN = """
name = "belt"
axes = ["+z", "-y", "+x"]
frame = "anatomical"
acc_range_g = 16
rate_hz = 100

[columns]
acc = ["a1", "a2", "a3"]
gyr = ["w1", "w2", "w3"]

[units]
acc = "mg"
gyr = "deg/s"
"""


def test_a_users_format_is_read_from_a_toml_file(run, write, tmp_path):
    path = write(["a1", "a2", "a3", "w1", "w2", "w3"], [run.acc_g * 1e3, np.degrees(run.gyr)])
    profile = tmp_path / "belt.toml"
    profile.write_text(OWN)
    with pytest.raises(FormatError, match="no header"):
        read(path)
    recording = read(path, profile=profile)
    assert recording.frame == "anatomical"
    assert recording.acc_range_g == 16
    np.testing.assert_allclose(recording.acc, run.acc_g[:, [2, 1, 0]] * [G, -G, G], atol=1e-5)
    np.testing.assert_allclose(recording.gyr, run.gyr[:, [2, 1, 0]] * [1, -1, 1], atol=1e-6)
    assert recording.warnings == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name =", "nom ="), "key nom is unknown"),
        (('name = "belt"', ""), "key name is missing"),
        (('name = "belt"', "name = 3"), "key name must be a string"),
        (("acc_range_g = 16", "acc_range_g = true"), "key acc_range_g must be a number above 0"),
        (("acc_range_g = 16", "acc_range_g = -2"), "key acc_range_g must be a number above 0"),
        (("rate_hz = 100", "rate_hz = 3"), "key rate_hz is wrong"),
        (('"+z", "-y", "+x"', '"+z", "+y", "+x"'), "key axes is not a right-handed frame"),
        (('"+z", "-y", "+x"', '"+z", "-y"'), "key axes"),
        (('"+z", "-y", "+x"', '"up", "-y", "+x"'), "key axes must be"),
        (('"mg"', '"stone"'), "key units.acc is 'stone'"),
        (('["a1", "a2", "a3"]', '["a1", "a2"]'), "key columns.acc must name three"),
        (('["a1", "a2", "a3"]', '["a1", "a2", 3]'), "key columns.acc must be a list of strings"),
        (('["a1", "a2", "a3"]', '["(", "a2", "a3"]'), "key columns.acc is not a regular expression"),
        (("[units]", "[unit]"), "key unit is unknown"),
        (('frame = "anatomical"', 'frame = "body"'), "key frame must be"),
        (("[units]", "= ["), "not valid TOML"),
        (("[units]", "[preamble]\nrate = 'no group'\n[units]"), "key preamble.rate must have one group"),
        (("[units]", "[time]\nday_first = 1\n[units]"), "key time.day_first must be true or false"),
        (("[units]", "[time]\nwraps = 1\n[units]"), "key time.wraps is unknown"),
    ],
)
def test_errors_in_a_format_name_the_key(change, says):
    with pytest.raises(SettingsError, match=says.replace("(", r"\(")) as caught:
        parse_format(OWN.replace(*change), "belt.toml")
    assert str(caught.value).startswith("belt.toml: ")


def test_a_format_that_does_not_fit_the_file_is_an_error(run, write, tmp_path):
    path = write(["time_s", "acc_x", "acc_y", "acc_z"], [run.time_s, run.acc_g])
    (tmp_path / "belt.toml").write_text(OWN)
    with pytest.raises(SettingsError, match=r"run\.csv: the profile belt asks for a column 'a1'"):
        read(path, profile=tmp_path / "belt.toml")
    with pytest.raises(SettingsError, match="no profile 'belt'; give one of actigraph"):
        read(path, profile="belt")
    with pytest.raises(SettingsError, match="could not be read"):
        load_format(tmp_path / "none.toml")


def test_units_of_a_named_format_override_the_files(run, write, tmp_path):
    path = write(["time_s", "acc_x [g]", "acc_y [g]", "acc_z [g]"], [run.time_s, run.acc_g * G])
    (tmp_path / "own.toml").write_text('name = "own"\n[units]\nacc = "m/s2"\n')
    recording = read(path, profile=tmp_path / "own.toml")
    np.testing.assert_allclose(recording.acc, run.acc_g * G, atol=1e-6)
    assert math.isclose(recording.rate_hz, 100)


def test_the_example_in_the_readme_is_a_valid_format():
    page = resources.files("imurun.io").joinpath("formats/README.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    profile = parse_format(example, "README.md")
    assert profile.name == "my_belt"
    assert profile.units == {"acc": "mg", "gyr": "deg/s", "time": "ms"}
