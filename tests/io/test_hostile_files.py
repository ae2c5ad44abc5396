"""Damaged and hostile files raise one typed error: no traceback, no hang."""

import json
import os
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imurun.errors import FormatError, RecordingError, SettingsError
from imurun.export import read_steps, write_steps
from imurun.files.metadata import MARK, to_comments
from imurun.files.text import encodable, sanitize
from imurun.io import read, read_runner, write_recording
from imurun.io.formats.file_format import load_format
from imurun.model.frames import G
from imurun.model.recording import Recording

HEADER = "time_s,acc_x,acc_y,acc_z"
STRANGE = os.fsdecode(b"run-\xff\xfe")


def rows(n):
    return [f"{k / 100:.2f},0.1,{k % 7 / 10},1.0" for k in range(n)]


def table(tmp_path, lines, header=HEADER, name="run.csv"):
    path = tmp_path / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    text.encode()
    return text


# quotes


@pytest.mark.parametrize("cell", ['"', '"0.1'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quote_that_never_closes_costs_one_line(tmp_path, cell, end):
    lines = rows(2000)
    lines[50] = f"0.50,{cell},0.1,1.0"
    path = tmp_path / "run.csv"
    path.write_bytes(end.join([HEADER, *lines, ""]).encode())
    recording = read(path)
    assert len(recording) == 2000
    assert recording.n_bridged == 1
    assert recording.gaps == ()
    assert "line 52 opens a quote that it does not close" in " ".join(recording.warnings)


def test_two_open_quotes_cost_only_their_lines(tmp_path):
    lines = rows(2000)
    lines[50], lines[900] = '0.50,"0.1,0.1,1.0', '9.00,0.1,0.1,"1.0'
    recording = read(table(tmp_path, lines))
    assert recording.n_bridged == 2
    assert "2 lines were left out, the first: line 52" in " ".join(recording.warnings)


def test_an_open_quote_without_time_is_refused(tmp_path):
    lines = [line.split(",", 1)[1] for line in rows(2000)]
    lines[50] = '"0.1,0.1,1.0'
    with pytest.raises(FormatError, match="line 52 opens a quote") as caught:
        read(table(tmp_path, lines, "acc_x,acc_y,acc_z"), rate_hz=100)
    sentence(caught)


def test_an_open_quote_among_quoted_labels_costs_one_line(tmp_path):
    lines = [f'{line},"run, easy"' for line in rows(2000)]
    lines[700] = lines[700][:-1]
    lines.insert(1000, '# a comment, "open')
    recording = read(table(tmp_path, lines, HEADER + ",label"))
    assert recording.n_bridged == 1
    assert "line 702 opens a quote" in " ".join(recording.warnings)
    lines = [line.replace(",", "  ") + ('  "x' if k == 700 else "  x") for k, line in enumerate(rows(2000))]
    recording = read(table(tmp_path, lines, HEADER.replace(",", "  ") + "  label"))
    assert "line 702 opens a quote" in " ".join(recording.warnings)


def test_a_last_line_cut_inside_quotes_is_left_out(tmp_path):
    lines = [f'"run, easy",{line}' for line in rows(500)]
    recording = read(table(tmp_path, [*lines, '"run, ea'], "label," + HEADER))
    assert len(recording) == 500
    assert recording.warnings[:1] == ("The last line is cut short and was left out.",)


def test_percent_comments_between_semicolons_are_skipped(tmp_path):
    lines = [line.replace(",", ";") for line in rows(500)]
    lines.insert(100, "% paused")
    recording = read(table(tmp_path, lines, HEADER.replace(",", ";")))
    assert len(recording) == 500
    assert "left out" not in " ".join(recording.warnings)


# names and texts that UTF-8 cannot encode or a terminal cannot show


def test_text_is_sanitized():
    assert encodable("a\udcffb\ud800\n") == "a\ufffdb\ufffd\n"
    assert sanitize("a\x1b[31m\tb\u00a0c\ud800\x00µ²") == "a[31m b c\ufffdµ²"


@pytest.fixture
def strange(tmp_path):
    folder = tmp_path / STRANGE
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    return folder


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_file_names_that_are_not_utf_8_are_sanitized(strange, suffix):
    recording = Recording(np.ones((50, 3)), rate_hz=100)
    path = strange / f"{STRANGE}.{suffix}"
    write_recording(recording, path)
    again = read(path)
    assert again.source == f"run-\ufffd\ufffd.{suffix}"
    steps = pd.DataFrame({"initial_contact_s": [0.5], "side": "left"})
    write_steps(steps, path, metadata={"source": STRANGE})
    _, metadata = read_steps(path)
    assert metadata["source"] == "run-\ufffd\ufffd"


def test_errors_about_names_that_are_not_utf_8_can_be_printed(strange):
    path = strange / f"{STRANGE}.csv"
    calls = [
        (FormatError, lambda: read(path)),
        (FormatError, lambda: read(strange)),
        (FormatError, lambda: read_steps(path)),
        (SettingsError, lambda: read_runner(path)),
        (SettingsError, lambda: load_format(strange / "p.toml")),
        (SettingsError, lambda: write_steps(pd.DataFrame(), strange / STRANGE)),
        (SettingsError, lambda: write_recording(Recording(np.ones((50, 3)), rate_hz=100), strange / STRANGE)),
        (SettingsError, lambda: write_steps(pd.DataFrame(), strange / "none" / f"{STRANGE}.csv")),
    ]
    for kind, call in calls:
        with pytest.raises(kind) as caught:
            call()
        sentence(caught)
    path.write_text("junk")
    for kind, call in calls[:4]:
        with pytest.raises(kind) as caught:
            call()
        sentence(caught)


def test_a_folder_with_a_file_name_that_is_not_utf_8_is_read(strange):
    table(strange, rows(500), name=f"{STRANGE}.csv")
    assert read(strange).source == "run-\ufffd\ufffd"


def test_control_characters_are_removed_from_warnings(tmp_path):
    metadata = {MARK: "recording", "rate_hz": "100", "warnings": json.dumps(["\x1b[31mred\x07\ud800 end."])}
    path = tmp_path / "own.csv"
    path.write_text(to_comments(metadata) + "time_s,acc_x_m_s2,acc_y_m_s2,acc_z_m_s2\n0,0,0,9.8\n")
    assert read(path).warnings == ("[31mred\ufffd end.",)
    lines = [line.replace(",", ";") for line in rows(500)]
    recording = read(table(tmp_path, lines, "time\x1b[31m;acc_x;acc_y;acc_z"))
    assert all(text.isprintable() for text in recording.warnings)


# small TOML files

TOML_FAULTS = [
    ("mass_kg = " + "1" * 5000, "too many digits"),
    ("mass_kg = " + "[" * 3000, "nested too deep"),
    ("mass_kg = 1\n#" + "x" * 70_000, "too long"),
]


@pytest.mark.parametrize(("text", "says"), [*TOML_FAULTS, ("mass_kg = 1" + "0" * 400, "far too large")])
def test_invalid_runner_files_are_one_sentence(tmp_path, text, says):
    (tmp_path / "runner.toml").write_text(text)
    with pytest.raises(SettingsError, match=f"^runner.toml: .*{says}") as caught:
        read_runner(tmp_path / "runner.toml")
    sentence(caught)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *TOML_FAULTS,
        ("name = 'a'\nrate_hz = 1" + "0" * 400, "rate_hz must be a number above 0"),
        ("name = 'a'\ndetect.header = ['" + "(" * 5000 + "']", "not a regular expression"),
        ("name = 'a'\ndetect.header = ['a{99999}']", "not a regular expression"),
    ],
)
def test_an_error_in_a_format_names_its_file(tmp_path, text, says):
    path = table(tmp_path, rows(500))
    profile = tmp_path / "p1.toml"
    profile.write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        read(path, profile=profile)
    assert sentence(caught).startswith(f"{profile}: ")
    with pytest.raises(SettingsError, match=r"^There is no profile"):
        read(path, profile="nowhere")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices with a path are Unix")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    for name in ("pipe.toml", "zero.toml"):
        for call in (read_runner, load_format):
            with pytest.raises(SettingsError, match="not a regular file") as caught:
                call(tmp_path / name)
            sentence(caught)
        with pytest.raises(FormatError, match="not a regular file"):
            read_steps(tmp_path / name)


# Parquet


def parquet(tmp_path, time, acc=None, header=HEADER):
    n = len(time)
    acc = [pa.array(np.full(n, float(k == 2))) for k in range(3)] if acc is None else acc
    whole = pa.table([time, *acc], names=header.split(","))
    path = tmp_path / "run.parquet"
    pq.write_table(whole, path)
    return path


@pytest.mark.parametrize(
    ("time", "says"),
    [
        (pa.array([0, 9 * 10**15], pa.timestamp("ms")), "dates before 1678 or after 2261"),
        (pa.array([0, 2**63], pa.uint64()), "numbers of 2\\*\\*63 and more"),
        (pa.array(["0", "noon"]), "text that is not a time"),
        (pa.array([True, False]), "bool, not times"),
    ],
)
def test_invalid_parquet_times_are_refused(tmp_path, time, says):
    with pytest.raises(FormatError, match=f"the column time_s holds {says}") as caught:
        read(parquet(tmp_path, time))
    sentence(caught)


def decimals(values, digits):
    return pa.array([Decimal(f"{value:.{digits}f}") for value in values])


@pytest.mark.parametrize("kind", ["decimal", "dictionary", "whole decimal"])
def test_decimal_and_dictionary_columns_are_read(tmp_path, run, kind):
    header = HEADER.replace("time_s", "time_ms") if kind == "whole decimal" else HEADER
    if kind == "dictionary":
        time = pa.array(run.time_s).dictionary_encode()
        acc = [pa.array(run.acc_g[:, k]).dictionary_encode() for k in range(3)]
    else:
        time = decimals(run.time_s, 3) if kind == "decimal" else decimals(run.time_s * 1000, 0)
        acc = [decimals(run.acc_g[:, k], 12) for k in range(3)]
    recording = read(parquet(tmp_path, time, acc, header))
    assert recording.rate_hz == pytest.approx(100)
    np.testing.assert_allclose(recording.acc, run.acc_g * G, atol=1e-9)


def test_dates_in_a_dictionary_give_the_start(tmp_path, run):
    time = pa.array(pd.date_range("2025-06-01 08:00", periods=600, freq="10ms"))
    for cells in (time, pa.array([f"{value}Z" for value in time.cast(pa.string()).to_pylist()])):
        recording = read(parquet(tmp_path, cells.dictionary_encode(), [pa.array(c) for c in run.acc_g.T]))
        assert recording.start.isoformat() == "2025-06-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("start", "0001-01-01T00:00:00+14:00", "outside the calendar|were changed"),
        ("warnings", "[" * 100_000, "were changed"),
        ("warnings", '"text"', "were changed"),
        ("acc_range_g", "0", "acc_range_g is 0"),
        ("acc_range_g", "-16", "acc_range_g is -16"),
        ("acc_range_g", "nan", "acc_range_g is nan"),
        ("gyr_range_deg_s", "inf", "gyr_range_deg_s is inf"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_invalid_metadata_is_an_error(tmp_path, key, value, says, suffix):
    path = tmp_path / f"own.{suffix}"
    write_recording(Recording(np.ones((50, 3)), rate_hz=100), path)
    if suffix == "csv":
        lines = [line for line in path.read_text().splitlines() if not line.startswith(f"# {key}:")]
        path.write_text("\n".join([lines[0], f"# {key}: {value[:60_000]}", *lines[1:]]))
    else:
        whole = pq.read_table(path)
        pq.write_table(
            whole.replace_schema_metadata(whole.schema.metadata | {f"imurun:{key}".encode(): value}), path
        )
    with pytest.raises((FormatError, RecordingError), match=says) as caught:
        read(path)
    sentence(caught)


# several columns with one name


def test_text_columns_with_one_name_are_refused_if_used(tmp_path):
    lines = [f"{line},0.5" for line in rows(500)]
    for header in (HEADER + ",acc_x", HEADER + ", acc_x "):
        with pytest.raises(FormatError, match=r"several columns named acc_x; keep one") as caught:
            read(table(tmp_path, lines, header))
        sentence(caught)
    with pytest.raises(FormatError, match="several columns named time_s"):
        read(table(tmp_path, lines, HEADER + ",time_s"))
    assert len(read(table(tmp_path, [f"{line},1" for line in lines], HEADER + ",note,note"))) == 500


def test_parquet_columns_with_one_name_are_refused_if_used(tmp_path, run):
    columns = [run.time_s, *run.acc_g.T, run.time_s, run.time_s]
    path = tmp_path / "run.parquet"
    pq.write_table(pa.table(list(map(pa.array, columns)), names=[*HEADER.split(","), "acc_x", "note"]), path)
    with pytest.raises(FormatError, match="several columns named acc_x"):
        read(path)
    pq.write_table(pa.table(list(map(pa.array, columns)), names=[*HEADER.split(","), "note", "note"]), path)
    np.testing.assert_allclose(read(path).acc, run.acc_g * G)


def test_own_recordings_with_one_name_twice_are_refused(tmp_path):
    path = tmp_path / "own.csv"
    names = "time_s,acc_x_m_s2,acc_y_m_s2,acc_z_m_s2,acc_z_m_s2"
    path.write_text(to_comments({MARK: "recording", "rate_hz": "100"}) + names + "\n0,0,0,9.8,1\n")
    with pytest.raises(FormatError, match="several columns named acc_z_m_s2"):
        read(path)


# encodings


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_is_refused_and_utf_16_is_read(tmp_path, encoding):
    path = tmp_path / "run.csv"
    text = "\n".join([HEADER, *rows(500)])
    path.write_bytes((b"\0\0\xfe\xff" if encoding == "utf-32-be" else b"") + text.encode(encoding))
    with pytest.raises(FormatError, match="UTF-32 text, an encoding that is not supported; save it as UTF-8"):
        read(path)
    path.write_bytes(text.encode("utf-16"))
    assert len(read(path)) == 500


# step tables


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_version_is_written_once(tmp_path, suffix):
    path = tmp_path / f"steps.{suffix}"
    steps = pd.DataFrame({"initial_contact_s": [0.5], "side": "left"})
    write_steps(steps, path, metadata={"version": "9", "mounting": "auto"})
    assert set(read_steps(path)[1]) == {"imurun_version", "mounting"}
    for key in ("a\rb", "a\u2028b", " a", ""):
        with pytest.raises(SettingsError, match="metadata key"):
            write_steps(steps, path, metadata={key: "x"})
