"""Files that imurun writes are read back with exactly the same numbers."""

import os
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import imurun
from imurun.errors import FormatError, SettingsError
from imurun.export import read_steps, write_steps
from imurun.files.atomic import atomic_path
from imurun.files.metadata import from_comments, from_schema, to_comments, to_schema
from imurun.io import read, read_runner, write_recording
from imurun.io.units import SI_FACTOR, parse_unit
from imurun.model.columns import STEP_COLUMNS, UNITS
from imurun.model.frames import G
from imurun.model.recording import Recording

SUFFIXES = ["csv", "csv.gz", "parquet"]
_NUMBER = st.floats(-1e5, 1e5, allow_nan=False)  # what a recording may hold


def assert_same(one, other):
    np.testing.assert_array_equal(one.acc, other.acc)
    assert (one.gyr is None) == (other.gyr is None)
    if one.gyr is not None:
        np.testing.assert_array_equal(one.gyr, other.gyr)
    for name in ("rate_hz", "frame", "start", "acc_range_g", "gyr_range_deg_s", "warnings", "gaps"):
        assert getattr(one, name) == getattr(other, name), name


@settings(max_examples=40)
@given(
    values=hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(6)), elements=_NUMBER),
    missing=st.sets(st.integers(1, 29)),
    rate_hz=st.floats(25, 5000),
    frame=st.sampled_from(["sensor", "anatomical"]),
    start=st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
    acc_range_g=st.none() | st.floats(1, 400),
    with_gyr=st.booleans(),
    warnings=st.lists(
        st.sampled_from(["A # sign: and colons.", 'Schräg, „quoted“ "text".', "Plain."]), max_size=3
    ),
)
def test_a_recording_is_read_back_exactly(
    tmp_path, values, missing, rate_hz, frame, start, acc_range_g, with_gyr, warnings
):
    values[[i for i in missing if i < len(values)]] = np.nan
    recording = Recording(
        values[:, :3],
        values[:, 3:] if with_gyr else None,
        rate_hz=rate_hz,
        frame=frame,
        start=start,
        acc_range_g=acc_range_g,
        warnings=tuple(warnings),
    )
    for suffix in SUFFIXES:
        path = tmp_path / f"recording.{suffix}"
        write_recording(recording, path)
        again = read(path)
        assert_same(again, recording)
        assert again.source == path.name


def test_a_recording_written_twice_is_the_same_file(tmp_path, run):
    recording = Recording(run.acc_g * G, run.gyr, rate_hz=100, start=datetime(2025, 1, 1, tzinfo=UTC))
    for suffix in SUFFIXES:
        paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
        for path in paths:
            write_recording(recording, path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_recordings_open_in_other_programs(tmp_path, run):
    recording = Recording(run.acc_g * G, run.gyr, rate_hz=100)
    write_recording(recording, tmp_path / "a.csv")
    frame = pd.read_csv(tmp_path / "a.csv", comment="#")
    assert list(frame) == [
        "time_s", "acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2", "gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s",
    ]  # fmt: skip
    np.testing.assert_allclose(frame["acc_z_m_s2"], recording.acc[:, 2], rtol=1e-12)
    write_recording(recording, tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.field("gyr_x_rad_s").metadata[b"unit"] == b"rad/s"
    # without imurun's own metadata the same columns are read as any other table
    plain = pq.read_table(tmp_path / "a.parquet").replace_schema_metadata(None)
    pq.write_table(plain, tmp_path / "plain.parquet")
    np.testing.assert_allclose(read(tmp_path / "plain.parquet").acc, recording.acc)


def test_changed_recordings_are_refused(tmp_path, run):
    path = tmp_path / "a.csv"
    write_recording(Recording(run.acc_g * G, run.gyr, rate_hz=100), path)
    text = path.read_text()
    for old, new in (
        ("# rate_hz: 100.0", "# rate_hz: fast"),
        ("# rate_hz: 100.0\n", ""),
        ("gyr_y_rad_s", "other_y"),
    ):
        path.write_text(text.replace(old, new))
        with pytest.raises(FormatError, match="were changed"):
            read(path)


def test_other_endings_are_refused(tmp_path, run):
    recording = Recording(run.acc_g, rate_hz=100)
    for name in ("a.txt", "a", "a.json"):
        with pytest.raises(SettingsError, match="ending"):
            write_recording(recording, tmp_path / name)
        with pytest.raises(SettingsError, match="ending"):
            write_steps(pd.DataFrame(), tmp_path / name)
    with pytest.raises(SettingsError, match="could not be written"):
        write_recording(recording, tmp_path / "no" / "a.csv")
    assert list(tmp_path.iterdir()) == []


def parquet(path, columns, units=None):
    arrays = {name: pa.array(values) for name, values in columns.items()}
    fields = [
        pa.field(name, array.type, metadata={"unit": units[name]} if units and name in units else None)
        for name, array in arrays.items()
    ]
    pq.write_table(pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields)), path)
    return path


def test_parquet_of_other_programs_is_read_with_its_units(tmp_path, run):
    acc = {f"acc_{a}": run.acc_g[:, k] * 1000 for k, a in enumerate("xyz")}
    gyr = {f"gyr_{a}": np.degrees(run.gyr[:, k]) for k, a in enumerate("xyz")}
    units = dict.fromkeys(acc, "mg") | dict.fromkeys(gyr, "deg/s") | {"t": "ms"}
    text = {"label": ["run"] * len(run.time_s)}
    path = parquet(tmp_path / "a.parquet", text | {"t": run.time_s * 1e3} | acc | gyr, units)
    recording = read(path)
    np.testing.assert_allclose(recording.acc, run.acc_g * G, atol=1e-9)
    np.testing.assert_allclose(recording.gyr, run.gyr, atol=1e-9)
    assert recording.rate_hz == pytest.approx(100)
    assert recording.warnings == ()
    packed = tmp_path / "a.parquet.gz"
    import gzip

    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read(packed).acc, recording.acc)
    calls = []
    read(path, progress=lambda done, total: calls.append(done / total))
    assert calls[-1] == 1


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_in_a_parquet_index_give_the_start(tmp_path, run, zone):
    index = pd.date_range("2025-06-01 08:00", periods=600, freq="10ms", tz=zone)
    frame = pd.DataFrame(run.acc_g, columns=["acc_x", "acc_y", "acc_z"], index=index)
    frame.astype("float32").to_parquet(tmp_path / "a.parquet")
    recording = read(tmp_path / "a.parquet")
    assert recording.start.hour == (6 if zone else 8)
    assert recording.rate_hz == pytest.approx(100)
    np.testing.assert_allclose(recording.acc, run.acc_g * G, atol=1e-5)


def test_parquet_without_acceleration_is_refused(tmp_path, run):
    with pytest.raises(FormatError, match="no acceleration columns"):
        read(parquet(tmp_path / "a.parquet", {"a": run.time_s, "b": run.time_s}))
    with pytest.raises(FormatError, match="no samples"):
        read(parquet(tmp_path / "a.parquet", {f"acc_{a}": np.zeros(0) for a in "xyz"}))
    with pytest.raises(FormatError, match="acc_y holds string"):
        read(
            parquet(
                tmp_path / "a.parquet",
                {"time_s": [0.0, 0.01], "acc_x": [0, 1], "acc_y": ["a", "b"], "acc_z": [1, 1]},
            )
        )
    with pytest.raises(FormatError, match="the y axis"):
        read(parquet(tmp_path / "a.parquet", {"acc_x": run.time_s, "acc_z": run.time_s}))


def steps_table(n=5):
    rng = np.random.default_rng(3)
    data = {}
    for column in STEP_COLUMNS:
        if column.name == "side":
            data[column.name] = (["left", "right", "unknown"] * n)[:n]
        elif column.name == "gait":
            data[column.name] = (["running", "walking"] * n)[:n]
        else:
            data[column.name] = rng.normal(size=n) * 10.0 ** rng.integers(-5, 5, n)
    steps = pd.DataFrame(data)
    if n:
        steps.loc[0, "final_contact_s"] = np.nan
    return steps


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("n", [0, 1, 57])
def test_a_step_table_is_read_back_exactly(tmp_path, suffix, n):
    steps = steps_table(n)
    path = tmp_path / f"steps.{suffix}"
    write_steps(steps, path, metadata={"mounting": "auto: yes", "source": "run #1.csv"})
    again, metadata = read_steps(path)
    pd.testing.assert_frame_equal(again, steps, check_exact=True, check_dtype=n > 0)
    assert metadata == {
        "imurun_version": imurun.__version__, "mounting": "auto: yes", "source": "run #1.csv",
    }  # fmt: skip


@settings(max_examples=30)
@given(values=st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20))
def test_step_numbers_are_exact(tmp_path, values):
    steps = pd.DataFrame({"initial_contact_s": values, "side": "left"})
    for suffix in SUFFIXES:
        write_steps(steps, tmp_path / f"s.{suffix}")
        again, _ = read_steps(tmp_path / f"s.{suffix}")
        np.testing.assert_array_equal(again["initial_contact_s"].to_numpy(), np.array(values))


def test_step_files_contain_their_units(tmp_path):
    write_steps(steps_table(), tmp_path / "s.csv")
    frame = pd.read_csv(tmp_path / "s.csv", comment="#")
    assert list(frame) == list(UNITS)
    assert "cadence_spm [steps/min]" in (tmp_path / "s.csv").read_text().split("\ninitial")[0]
    write_steps(steps_table(), tmp_path / "s.parquet")
    schema = pq.read_schema(tmp_path / "s.parquet")
    assert {name: schema.field(name).metadata[b"unit"].decode() for name in UNITS} == UNITS


def test_files_that_are_not_step_tables_are_refused(tmp_path, run):
    (tmp_path / "a.csv").write_text("time_s,side\n1,left\n")
    write_recording(Recording(run.acc_g, rate_hz=100), tmp_path / "r.csv")
    write_recording(Recording(run.acc_g, rate_hz=100), tmp_path / "r.parquet")
    (tmp_path / "junk").write_bytes(bytes(range(256)))
    (tmp_path / "junk.gz").write_bytes(b"\x1f\x8b" + bytes(40))
    (tmp_path / "junk.parquet").write_bytes(b"PAR1" + bytes(40))
    for name in ("a.csv", "r.csv", "r.parquet", "junk", "junk.gz", "junk.parquet", "none"):
        with pytest.raises(FormatError, match=name):
            read_steps(tmp_path / name)
    with pytest.raises(SettingsError, match="metadata key"):
        write_steps(steps_table(), tmp_path / "s.csv", metadata={"a: b": "c"})


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(st.characters(exclude_categories=["C", "Z"]))
    )
)
def test_metadata_is_read_back_unchanged(metadata):
    metadata = {"imurun": "steps"} | {k: v for k, v in metadata.items() if k != "imurun"}
    assert from_comments(to_comments(metadata)) == metadata
    assert from_schema(to_schema(metadata)) == metadata
    assert from_comments("# some: thing\n") == {}


@given(value=st.floats(-1e4, 1e4), quantity=st.sampled_from(["acc", "gyr", "time"]))
def test_units_round_trip(value, quantity):
    for unit, factor in SI_FACTOR[quantity].items():
        assert parse_unit(unit, quantity) == unit
        assert value * factor / factor == pytest.approx(value, rel=1e-12, abs=1e-300)


def test_units_have_their_si_factors():
    assert SI_FACTOR["acc"]["mg"] * 1000 == pytest.approx(9.80665)
    assert SI_FACTOR["gyr"]["deg/s"] * 180 == pytest.approx(np.pi)
    assert SI_FACTOR["gyr"]["mdeg/s"] * 180_000 == pytest.approx(np.pi)
    for text, unit in {
        "m/s²": "m/s2",
        "m/(s^2)": "m/s2",
        "(m s⁻²)": "m/s2",
        "ms-2": "m/s2",
        " G ": "g",
    }.items():
        assert parse_unit(text, "acc") == unit
    for text, unit in {"°/s": "deg/s", "dps": "deg/s", "mdps": "mdeg/s", "rad/sec": "rad/s"}.items():
        assert parse_unit(text, "gyr") == unit
    for text, unit in {"µs": "us", "μs": "us", "ms": "ms", "Seconds": "s"}.items():
        assert parse_unit(text, "time") == unit
    assert parse_unit("m/s", "acc") == parse_unit("uT", "acc") == parse_unit("", "time") == ""


def test_a_runner_file_is_read(tmp_path):
    path = tmp_path / "runner.toml"
    path.write_text('name = "Kim"\nmass_kg = 62\nheight_m = 1.71\n')
    runner = read_runner(path)
    assert (runner.name, runner.mass_kg, runner.height_m) == ("Kim", 62.0, 1.71)
    path.write_text("")
    assert read_runner(path).mass_kg is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("weight = 60", "key weight is unknown"),
        ("mass_kg = '60'", "mass_kg must be a number"),
        ("mass_kg = true", "mass_kg must be a number"),
        ("name = 3", "name must be a string"),
        ("height_m = 171", "height_m is 171"),
        ("mass_kg = nan", "mass_kg is nan"),
        ("mass_kg = ", "not valid TOML"),
        ("#" * 70_000, "too long"),
    ],
)
def test_invalid_runner_files_are_refused(tmp_path, text, says):
    (tmp_path / "runner.toml").write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        read_runner(tmp_path / "runner.toml")
    assert str(caught.value).startswith("runner.toml: ")


def test_a_missing_runner_file_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="could not be read"):
        read_runner(tmp_path / "runner.toml")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with atomic_path(target) as aside:
            aside.write_text("half")
            assert aside.parent == tmp_path
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_successful_write_replaces_the_file(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_path(target) as aside:
        aside.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
    if os.name == "posix":
        (tmp_path / "plain").touch()
        assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_importing_io_imports_no_heavy_package():
    import subprocess
    import sys

    heavy = ("pandas", "pyarrow", "numba", "scipy")
    code = f"import sys, imurun.io; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
