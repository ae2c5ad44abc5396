"""Files that are not a recording raise one typed error, quickly and in little memory."""

import contextlib
import gzip
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.errors import FormatError, ImurunError
from imurun.io import read

HEADER = "time_s,acc_x,acc_y,acc_z\n"


def refused(tmp_path, content, name="file"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FormatError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "no samples"),
        (HEADER, "no samples below"),
        (HEADER + "\n\n", "no samples below"),
        ("hello world\nthis is a letter\n", "no header"),
        ("a,b,c\n1,2,3\n4,5,6\n", "no header"),
        ("1,2,3\n4,5,6\n", "no header"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "PNG"),
        (bytes(range(256)) * 40, "not text"),
        (b"PAR1" + bytes(300) + b"PAR1", "Parquet"),
        (b"PK\x03\x04" + bytes(300), "ZIP"),
        (b"\x1f\x8b\x08\x00garbage", "damaged"),
        (gzip.compress(b"time_s,acc_x,acc_y,acc_z\n" + b"0,0,0,1\n" * 9999, mtime=0)[:60], "damaged"),
        (gzip.compress(gzip.compress(HEADER.encode(), mtime=0), mtime=0), "not text"),
        (b"\xff\xfe\x00\xd8\x00\xd8", "no header"),
        (HEADER + "0,0,0,1\n" + "0.01," + "1" * (3 << 20) + ",0,1\n", "line"),
    ],
)
def test_a_file_without_a_table_of_samples_is_an_error(tmp_path, content, says):
    assert says in refused(tmp_path, content)


def test_a_missing_file_and_a_folder_without_tables_are_errors(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(FormatError, match="no table of acceleration"):
        read(tmp_path)


def rows(n):
    return [f"{k / 100:.2f},0.1,{k % 7 / 10},1.0" for k in range(n)]


@pytest.mark.parametrize("cell", ["oops", "1.2.3", "12:30", "0x10", "ERR"])
def test_text_in_a_number_column_is_refused_with_its_line(tmp_path, cell):
    lines = rows(500)
    lines[321] = f"3.21,0.1,{cell},1.0"
    message = refused(tmp_path, HEADER + "\n".join(lines))
    assert "line 323" in message
    assert "acc_y" in message
    assert cell in message


def test_text_in_a_late_time_cell_is_refused_with_its_line(tmp_path):
    lines = rows(300_000)
    lines[290_000] = "never,0.1,0.2,1.0"
    message = refused(tmp_path, "# a comment\n" + HEADER + "\n".join(lines))
    assert "line 290003" in message
    assert "time_s" in message


def test_a_missing_axis_is_named(tmp_path):
    lines = [line.rsplit(",", 1)[0] for line in rows(200)]
    assert "the z axis of the acceleration" in refused(tmp_path, "time_s,acc_x,acc_y\n" + "\n".join(lines))
    content = "time_s,acc_x,acc_y,acc_z,gyr_x,gyr_z\n" + "\n".join(f"{line},1,2" for line in rows(200))
    assert "the y axis of the angular rate" in refused(tmp_path, content)


def test_a_file_without_acceleration_is_refused(tmp_path):
    assert "no acceleration" in refused(tmp_path, "time_s,gyr_x,gyr_y,gyr_z\n" + "\n".join(rows(200)))


def test_no_unit_of_time_gives_a_possible_rate(tmp_path):
    content = "timestamp,acc_x,acc_y,acc_z\n" + "\n".join(f"{7 * k},0,0,{1 + k % 2}" for k in range(200))
    recording = tmp_path / "weeks.csv"
    recording.write_text(content)
    assert read(recording).rate_hz == pytest.approx(1000 / 7)
    content = content.replace("timestamp", "time")
    content = content.splitlines()[0] + "\n" + "\n".join(f"{0.1 * k:.1f},0,0,{1 + k % 2}" for k in range(200))
    assert "in no unit" in refused(tmp_path, content)


def test_a_cut_last_line_is_left_out(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_text(HEADER + "\n".join(rows(500)) + "\n5.00,0.1")
    recording = read(path)
    assert len(recording) == 500
    assert any("cut short" in text for text in recording.warnings)


def test_a_line_of_wrong_length_is_a_missing_sample_if_times_are_known(tmp_path):
    lines = rows(1000)
    lines[500] = "5.00,0.1"
    path = tmp_path / "short.csv"
    path.write_text(HEADER + "\n".join(lines))
    recording = read(path)
    assert len(recording) == 1000
    assert recording.n_bridged == 1
    assert any("line 502" in text for text in recording.warnings)
    # without a time column, the position of the lost sample is unknown
    lines = [line.split(",", 1)[1] if "," in line else line for line in lines]
    (tmp_path / "no_time.csv").write_text("acc_x,acc_y,acc_z\n" + "\n".join(lines))
    with pytest.raises(FormatError, match="line 502 holds 1 values"):
        read(tmp_path / "no_time.csv", rate_hz=100)


def test_many_lines_of_wrong_length_are_refused(tmp_path):
    lines = [line + (",9" if k % 20 == 3 else "") for k, line in enumerate(rows(1000))]
    assert "line 5 holds 5 values" in refused(tmp_path, HEADER + "\n".join(lines))


_BOMB = """
import gzip, resource, sys
from imurun.errors import ImurunError
from imurun.io import read
import pyarrow.csv, pyarrow.compute
unpacked = 0
read_packed = gzip.GzipFile.read

def read_counted(*arguments):
    global unpacked
    data = read_packed(*arguments)
    unpacked += len(data)
    return data

gzip.GzipFile.read = read_counted
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(sys.argv[1])
except ImurunError as error:
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{unpacked}|{grown}|{error}")
"""


def run_apart(path):
    """Read in a separate process: unpacked bytes, growth of memory in KiB, message."""
    out = subprocess.run([sys.executable, "-c", _BOMB, path], capture_output=True, text=True, check=True)
    unpacked, kib, message = out.stdout.strip().split("|")
    return int(unpacked), int(kib), message


def repeat_gzip(path, start, unit, size):
    """Gzip of `start` and then `unit` again and again up to `size` bytes, from one packed block."""
    block = unit * ((8 << 20) // len(unit))
    packed = gzip.compress(block, 6)
    with path.open("wb") as stream:
        stream.write(gzip.compress(start))
        for _ in range(size // len(block) + 1):
            stream.write(packed)


@pytest.mark.skipif(sys.platform == "win32", reason="resource is a Unix module")
def test_gigabytes_of_zeros_are_refused_in_little_memory(tmp_path):
    repeat_gzip(tmp_path / "zeros.csv.gz", b"", b"\0" * 1024, 3 << 30)
    assert (tmp_path / "zeros.csv.gz").stat().st_size < 5 << 20
    unpacked, kib, message = run_apart(tmp_path / "zeros.csv.gz")
    assert "no samples" in message or "not text" in message
    assert 0 < unpacked < 1 << 20
    assert kib < 20 * 1024


@pytest.mark.skipif(sys.platform == "win32", reason="resource is a Unix module")
@pytest.mark.parametrize("unit", [b"\n", b"1", b"0,0,0,1\n"])
def test_text_that_unpacks_to_gigabytes_is_refused(tmp_path, unit):
    repeat_gzip(tmp_path / "bomb.csv.gz", HEADER.encode() + b"0,0,0,1\n", unit, 3 << 30)
    unpacked, kib, message = run_apart(tmp_path / "bomb.csv.gz")
    assert "unpacks to over" in message or "longer than 1 MiB" in message
    assert 0 < unpacked < 1 << 24
    assert kib < 1200 * 1024


def test_a_zip_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("Accelerometer.csv", "w", force_zip64=True) as member,
    ):
        member.write(HEADER.encode() + b"0,0,0,1\n")
        for _ in range(100):
            member.write(b"\n" * (1 << 20))
    with pytest.raises(FormatError, match="unpacks to over 50 times"):
        read(path)


def test_an_archive_without_a_recording_is_refused(tmp_path):
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("../../evil.sh", "rm")
    with pytest.raises(FormatError, match="no table of acceleration"):
        read(path)
    assert [p.name for p in tmp_path.iterdir()] == ["book.xlsx"]


@settings(max_examples=150)
@given(
    start=st.sampled_from(
        [b"", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", HEADER.encode(), b"\xff\xfe", b"sep=;\n"]
    ),
    junk=st.binary(max_size=400),
)
def test_random_bytes_raise_only_typed_errors(tmp_path, start, junk):
    path = tmp_path / "junk"
    path.write_bytes(start + junk)
    with contextlib.suppress(ImurunError):
        read(path)


_CELL = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["", "NaN", "2025-01-01", "12:00:00", '"', "a", "2025-01-01T00:00:00Z", "#", "1,5", "\t", " "]
    ),
)


@settings(max_examples=200)
@given(
    table=st.lists(st.lists(_CELL, min_size=3, max_size=5), max_size=12),
    sign=st.sampled_from([",", ";", "\t"]),
)
def test_random_cells_raise_only_typed_errors(tmp_path, table, sign):
    path = tmp_path / "table.csv"
    text = "time_s,acc_x,acc_y,acc_z\n".replace(",", sign) + "\n".join(sign.join(row) for row in table)
    path.write_bytes(text.encode())
    for rate in (None, 100.0):
        try:
            recording = read(path, rate_hz=rate)
        except ImurunError:
            continue
        assert np.isfinite(recording.acc).any()


@settings(max_examples=100)
@given(at=st.integers(0, 10**6), value=st.integers(0, 255))
def test_damaged_parquet_raises_only_typed_errors(tmp_path, at, value):
    from imurun.io import write_recording
    from imurun.model.recording import Recording

    whole = tmp_path / "whole.parquet"
    if not whole.exists():
        write_recording(Recording(np.ones((50, 3)), rate_hz=100), whole)
    data = bytearray(whole.read_bytes())
    data[at % len(data)] = value
    path = tmp_path / "damaged.parquet"
    path.write_bytes(data)
    with contextlib.suppress(ImurunError):
        read(path)
