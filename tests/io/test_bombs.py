"""Files that are small on disk and large in memory, or slow to parse, are refused."""

from __future__ import annotations

import csv
import gzip
import zipfile
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imurun.errors import FormatError, RecordingError, SettingsError
from imurun.export import read_steps
from imurun.export.bids_motion import write_motion
from imurun.export.fit_merge import merge_fit
from imurun.export.fit_read import read_fit
from imurun.files.byte_streams import LimitedReader, unpack
from imurun.io import read, read_runner
from imurun.model.recording import Recording
from imurun.model.time_grid import ALWAYS_ALLOWED
from tests.export.fit_helpers import FitBytes, made_session, watch_content

TOO_MUCH = "unpacks to over 50 times its size"
NAMES = ["time_s", "acc_x", "acc_y", "acc_z"]


def constant(path, n, names=NAMES, metadata=None):
    table = pa.table([pa.array(np.zeros(n))] * len(names), names=names)
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")
    assert path.stat().st_size < n
    return path


def test_constant_parquet_columns_are_refused(tmp_path):
    with pytest.raises(FormatError, match=TOO_MUCH):
        read(constant(tmp_path / "a.parquet", 1_000_000))


def test_columns_that_are_not_read_do_not_count(tmp_path):
    """Many constant columns beside a recording are allowed."""
    time_s = np.arange(2000) / 100
    acc = np.random.default_rng(0).normal((0, 0, 9.8), 1.0, (2000, 3))
    more = {f"note{k}": np.zeros(2000) for k in range(400)}
    pq.write_table(pa.table(dict(zip(NAMES, (time_s, *acc.T), strict=True)) | more), tmp_path / "a.parquet")
    assert len(read(tmp_path / "a.parquet")) == 2000


def test_a_dictionary_of_long_times_is_refused(tmp_path):
    """One text for all rows, stored once and copied into each row when decoded."""
    n = 200_000
    times = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["1" * 60_000]))
    noise = [pa.array(values) for values in np.random.default_rng(0).normal(0, 1, (3, n))]
    for kind, column in (("dictionary", times), ("text", times)):
        table = pa.table([column, *noise], names=NAMES)
        pq.write_table(table, tmp_path / "a.parquet", store_schema=kind == "dictionary")
        with pytest.raises(FormatError, match="text that is not a time"):
            read(tmp_path / "a.parquet")


def test_step_tables_that_unpack_to_too_much_are_refused(tmp_path):
    mark = {"imurun:imurun": "steps"}
    with pytest.raises(FormatError, match=TOO_MUCH):
        read_steps(constant(tmp_path / "steps.parquet", 3_000_000, ["initial_contact_s"], mark))
    head = b"# imurun: steps\n# imurun_version: 1\ninitial_contact_s,side\n"
    (tmp_path / "steps.csv.gz").write_bytes(gzip.compress(head + b"1,left\n" * (4 << 20)))
    with pytest.raises(FormatError, match=TOO_MUCH):
        read_steps(tmp_path / "steps.csv.gz")


def test_damaged_parquet_of_steps_says_what_to_do(tmp_path):
    path = constant(tmp_path / "steps.parquet", 1000, ["initial_contact_s"], {"imurun:imurun": "steps"})
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36
    path.write_bytes(bytes(data))
    with pytest.raises(FormatError, match="damaged; write the steps again"):
        read_steps(path)


@pytest.mark.parametrize("line", [b"0,0,0,1\n", b"1\n"])
def test_gzip_and_zip_that_unpack_to_too_much_are_refused(tmp_path, line):
    text = b",".join(name.encode() for name in NAMES) + b"\n0,0,0,1\n" + line * ((16 << 20) // len(line))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("acc.csv", text)
    for name in ("a.csv.gz", "a.zip"):
        with pytest.raises(FormatError, match=TOO_MUCH):
            read(tmp_path / name)


def test_reading_all_bytes_at_once_has_the_same_limits(tmp_path):
    (tmp_path / "zeros.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    with (tmp_path / "zeros.gz").open("rb") as stream, pytest.raises(FormatError, match=TOO_MUCH):
        unpack(stream).read()
    with (tmp_path / "zeros.gz").open("rb") as stream:
        assert LimitedReader(stream).read() == (tmp_path / "zeros.gz").read_bytes()


def test_a_pause_much_longer_than_the_samples_is_refused():
    time_s = np.arange(1000) / 100
    acc = np.tile([0.0, 0.0, 9.8], (1001, 1))
    most_s = (ALWAYS_ALLOWED + 10_000) / 100
    assert len(Recording.from_timed_samples([*time_s, most_s - 1], acc)) > ALWAYS_ALLOWED
    with pytest.raises(RecordingError, match="split the recording at its longest pause"):
        Recording.from_timed_samples([*time_s, most_s + 10], acc)


def test_toml_keys_of_many_parts_are_refused(tmp_path):
    """The parser's time grows with the square of the parts: eight seconds for this key."""
    path = tmp_path / "runner.toml"
    path.write_text("mass_kg" + ".a" * 30_000 + " = 1\n")
    with pytest.raises(SettingsError, match="line 1 has more than 200 dots; shorten it"):
        read_runner(path)
    path.write_text("# " + "." * 150 + "\nmass_kg" + ".a" * 150 + " = 1\n")
    with pytest.raises(SettingsError, match="mass_kg must be a number") as caught:
        read_runner(path)
    assert len(str(caught.value)) < 200


def test_a_fit_file_of_many_activities_is_refused(tmp_path):
    path = tmp_path / "watch.fit"
    path.write_bytes(watch_content(4) + FitBytes().content() * 500)
    with pytest.raises(FormatError, match="the file has more than 100 activities; split it"):
        merge_fit(made_session(20.0), path, tmp_path / "out.fit")
    path.write_bytes(watch_content(4) * 3)
    merge_fit(made_session(20.0), path, tmp_path / "out.fit")
    assert len(read_fit(tmp_path / "out.fit").laps) == 6


def test_a_wrong_length_in_a_fit_header_is_refused(tmp_path):
    """fitdecode assumes that a message ends before the file does."""
    path = tmp_path / "watch.fit"
    good = watch_content(20)
    for at in range(14, 600, 7):
        path.write_bytes(good[:4] + (at - 14).to_bytes(4, "little") + good[8:12] + b"\0\0" + good[14:])
        with pytest.raises(FormatError, match="watch"):
            read_fit(path)


@pytest.mark.parametrize(
    "content", [b"participant_id\n\xff\xfe\n", b"participant_id\n" + b"x" * 200_000 + b"\n"]
)
def test_a_broken_participants_table_is_left_unchanged(tmp_path, content):
    """The table is not changed."""
    (tmp_path / "dataset_description.json").write_text("{}")
    (tmp_path / "participants.tsv").write_bytes(content)
    assert len(content) < 100 or csv.field_size_limit() < 200_000
    recording = Recording(np.tile([0.0, 0.0, 9.8], (50, 1)), rate_hz=100)
    with pytest.raises(SettingsError, match=r"participants.tsv is not a table in UTF-8; correct it"):
        write_motion(recording, made_session(1.0), tmp_path, subject="kim")
    assert (tmp_path / "participants.tsv").read_bytes() == content


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_damaged_at_any_byte_raise_typed_errors(tmp_path, packing):
    """Each compression method raises errors of its own."""
    lines = [f"{k / 100},{k % 7},{k % 5},{9 + k % 3}" for k in range(300)]
    path = tmp_path / "run.zip"
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("größe-acc.csv", "\n".join([",".join(NAMES), *lines, ""]))
    good = path.read_bytes()
    for at in range(0, len(good), 3):
        path.write_bytes(good[:at] + bytes((good[at] ^ 0x84,)) + good[at + 1 :])
        with suppress(FormatError, RecordingError):
            read(path)


def test_long_column_names_are_shortened_in_errors(tmp_path):
    name = "time" + "x" * 3000
    path = tmp_path / "a.csv"
    path.write_text(f"{name},acc_x,acc_y,acc_z\n0,0,0,9.8\n1,0,0,noon\n")
    with pytest.raises(FormatError) as caught:
        read(path)
    assert len(str(caught.value)) < 300


def test_invalid_text_in_step_tables_is_removed_or_refused(tmp_path):
    path = tmp_path / "steps.csv"
    path.write_bytes(b"# imurun: steps\n# source: \x1b[31ma\x07.csv\ninitial_contact_s,note\n1,a\n")
    assert read_steps(path)[1] == {"source": "[31ma.csv"}
    path.write_bytes(b"# imurun: steps\n# source: a\ninitial_contact_s,\xff\xfe\n1,a\n")
    with pytest.raises(FormatError, match="the step table is damaged; write the steps again"):
        read_steps(path)
