"""A journal gives back what was kept, whatever happened to its writer or its bytes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.ble.journal import (
    HEAD,
    LONGEST_BODY,
    MAGIC,
    SYNC,
    JournalEvent,
    JournalWriter,
    Notification,
    open_journal,
)
from imurun.errors import FormatError, RecordingError

UUIDS = ["7d0c0002-3a5b-4f1e-9c62-1b8a6e0f5d21", "2a19"]
HEADER = {"profile": "imurun", "name": "IMU é"}

notifications = st.builds(
    Notification, st.floats(0, 1e6), st.sampled_from(UUIDS), st.binary(max_size=300) | st.just(SYNC * 9)
)
events = st.builds(
    JournalEvent, st.floats(0, 1e6), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3)
)
lists_of_records = st.lists(notifications | events, max_size=30)


def written(path, records):
    with JournalWriter(path, HEADER, UUIDS) as journal:
        for record in records:
            if isinstance(record, Notification):
                journal.notification(record.arrival_s, record.characteristic, record.data)
            else:
                journal.event(record.arrival_s, record.what)
    return path


def some(n):
    return [Notification(0.1 * k, UUIDS[k % 2], bytes([k % 256]) * (k % 250)) for k in range(n)]


def test_a_journal_exists_only_with_its_header(tmp_path, monkeypatch):
    file = tmp_path / "run.journal"
    link = os.link

    def killed_before(source, target):
        assert not file.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed_before)
    with pytest.raises(KeyboardInterrupt):
        JournalWriter(file, HEADER, UUIDS)
    assert not list(tmp_path.iterdir())

    def killed_after(source, target):
        link(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed_after)
    with pytest.raises(KeyboardInterrupt):
        JournalWriter(file, HEADER, UUIDS)
    assert list(open_journal(file).records()) == []
    with pytest.raises(RecordingError, match="is there already"):
        JournalWriter(file, HEADER, UUIDS)


def test_a_journal_is_written_without_hard_links(tmp_path, monkeypatch):
    def refused(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    file = written(tmp_path / "run.journal", some(3))
    assert list(open_journal(file).records()) == some(3)
    assert list(tmp_path.iterdir()) == [file]


@settings(max_examples=60)
@given(records=lists_of_records)
def test_records_are_read_back_unchanged(tmp_path_factory, records):
    path = written(tmp_path_factory.mktemp("journal") / "run.journal", records)
    journal = open_journal(path)
    assert list(journal.records()) == records
    assert journal.n_damaged_bytes == 0
    assert {name: journal.header[name] for name in HEADER} == HEADER


@settings(max_examples=100)
@given(records=lists_of_records.filter(len), data=st.data())
def test_a_cut_file_keeps_all_records_before_the_cut(tmp_path_factory, records, data):
    path = written(tmp_path_factory.mktemp("journal") / "run.journal", records)
    whole = path.read_bytes()
    header_end = len(written(path.with_name("empty"), []).read_bytes())
    path.write_bytes(whole[: data.draw(st.integers(header_end, len(whole)))])
    found = list(open_journal(path).records())
    assert found == records[: len(found)]
    assert len(found) >= len(records) - 1 or path.stat().st_size < len(whole)


@settings(max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_costs_one_record(tmp_path_factory, place, bit):
    records = some(20)
    path = written(tmp_path_factory.mktemp("journal") / "run.journal", records)
    content = bytearray(path.read_bytes())
    start = len(written(path.with_name("empty"), []).read_bytes())
    content[start + int(place * (len(content) - start))] ^= 1 << bit
    path.write_bytes(content)
    journal = open_journal(path)
    found = list(journal.records())
    assert len(found) == len(records) - 1
    assert all(record in records for record in found)
    assert journal.n_damaged_bytes > 0


@settings(max_examples=100)
@given(content=st.binary(max_size=400))
def test_random_bytes_are_refused_or_skipped(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("journal") / "rubbish"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        open_journal(path)
    good = written(path.with_name("good"), [])
    good.write_bytes(good.read_bytes() + content)
    journal = open_journal(good)
    assert list(journal.records()) == []
    assert journal.n_damaged_bytes == len(content)


def test_records_longer_than_one_read_are_read_back(tmp_path):
    records = [Notification(float(k), UUIDS[0], os.urandom(LONGEST_BODY - 1)) for k in range(40)]
    path = written(tmp_path / "long", records)
    assert path.stat().st_size > 2 << 20
    assert list(open_journal(path).records()) == records


def test_a_damaged_header_is_one_sentence(tmp_path):
    path = written(tmp_path / "run", some(3))
    content = bytearray(path.read_bytes())
    content[len(MAGIC) + HEAD.size + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match="header"):
        open_journal(path)


def test_an_existing_journal_is_not_replaced(tmp_path):
    path = written(tmp_path / "run", some(3))
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="is there already"):
        JournalWriter(path, HEADER, UUIDS)
    assert path.read_bytes() == before
    with pytest.raises(RecordingError, match="cannot be written"):
        JournalWriter(tmp_path / "nowhere" / "run", HEADER, UUIDS)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    path = tmp_path / "full"
    journal = JournalWriter(path, HEADER, UUIDS)
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), journal._file.fileno())
    with pytest.raises(RecordingError, match="written so far stay readable"):
        journal.notification(1.0, UUIDS[0], b"x")
    with contextlib.suppress(RecordingError):
        journal.close()
    assert open_journal(path).header["profile"] == "imurun"


KILLED = """
import sys, time
from imurun.ble.journal import JournalWriter
journal = JournalWriter(sys.argv[1], {}, ["data"])
begin = time.monotonic()
while True:
    now = time.monotonic() - begin
    journal.notification(now, "data", int(now * 1e6).to_bytes(8, "little") * 12)
    print(repr(now), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_kill_loses_no_written_record(tmp_path):
    path = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    given = [process.stdout.readline() for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    given += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    arrivals_s = [record.arrival_s for record in open_journal(path).records()]
    whole = [float(line) for line in given if line.endswith(b"\n")]
    assert arrivals_s[: len(whole)] == whole
    assert len(arrivals_s) <= len(whole) + 1
