"""The ledger: lines are read back, also after a writer was killed or a line was damaged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.cohort.addresses import Stamp
from imurun.cohort.ledger import Entry, Ledger

SUMMARY = {"duration_s": 12.5, "warnings": ["odd"], "start": None}


def entry(number: int, **changes) -> Entry:
    made = Entry(
        f"{number:016x}",
        f"/data/ü{number}.csv",
        Stamp(10, "5"),
        "c" * 64,
        "f" * 64,
        "Zoë",
        "one",
        "",
        "{}",
        "done",
        {"shoe": "blue"},
    )
    return replace(made, **changes)


def open_ledger(path):
    ledger = Ledger(path)
    found = dict(ledger.entries), {key: ledger.summary(key) for key in ledger.entries}, ledger.n_damaged
    ledger.close()
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    ledger = Ledger(path)
    for number in range(4):
        ledger.append(entry(number), SUMMARY | {"duration_s": float(number)})
    ledger.append(entry(1, group="b"))
    ledger.append(entry(2, status="gone"))
    ledger.close()
    return path.read_bytes()


def test_the_last_line_of_a_recording_counts(written, tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(written)
    entries, summaries, damaged = open_ledger(path)
    assert entries == {e.key: e for e in (entry(0), entry(1, group="b"), entry(3))}
    assert summaries[entry(1).key] == SUMMARY | {"duration_s": 1.0}
    assert damaged == 0


@given(data=st.data())
def test_an_incomplete_line_is_dropped_and_the_next_is_complete(data, written, tmp_path_factory):
    cut = data.draw(st.integers(0, len(written)))
    path = tmp_path_factory.mktemp("torn") / "ledger.jsonl"
    path.write_bytes(written[:cut])
    complete = written[:cut].count(b"\n")
    ledger = Ledger(path)
    assert ledger.n_damaged == 0
    ledger.append(entry(9), SUMMARY)
    ledger.close()
    content = path.read_bytes()
    assert content.startswith(b"".join(written.splitlines(keepends=True)[:complete]))
    assert content.count(b"\n") == complete + 1
    entries, summaries, damaged = open_ledger(path)
    assert entries[entry(9).key] == entry(9)
    assert summaries[entry(9).key] == SUMMARY
    assert damaged == 0


@given(st.binary(max_size=200).filter(lambda junk: b"\n" not in junk))
def test_a_damaged_line_loses_only_its_own_entry(junk):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        ledger = Ledger(path)
        ledger.append(entry(0), SUMMARY)
        ledger.close()
        path.write_bytes(junk + b"\n" + path.read_bytes())
        entries, _, damaged = open_ledger(path)
        assert damaged == 1
        assert list(entries) == [entry(0).key]


@pytest.mark.parametrize("line", [b"[]", b"{}", b'{"summary": {}}', b"null", b'"x"'])
def test_lines_of_other_content_are_damaged(line, tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(line + b"\n")
    assert open_ledger(path) == ({}, {}, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "../../../x"},
        {"row": "2"},
        {"covariates": ["a"]},
        {"covariates": {"a": 1}},
        {"duration_s": "1"},
        {"duration_s": float("inf")},
        {"stamp": {"size": [], "changed": "1"}},
        {"stamp": {"size": 1, "changed": {}}},
        {"summary": SUMMARY | {"duration_s": float("nan")}},
        {"summary": SUMMARY | {"duration_s": 10**400}},
        {"summary": SUMMARY | {"warnings": 3}},
        {"summary": SUMMARY | {"start": "soon"}},
        {"summary": {"duration_s": 1.0}},
        {"summary": SUMMARY | {"more": {"a": 1}}},
    ],
    ids=str,
)
def test_lines_with_invalid_values_are_damaged(tmp_path, change):
    """They would break the tables, or name a file outside the folder; their recordings are analysed again."""
    path = tmp_path / "ledger.jsonl"
    line = json.dumps(asdict(entry(1)) | {"summary": SUMMARY})
    path.write_text(line + "\n")
    assert len(open_ledger(path)[0]) == 1
    path.write_text(json.dumps(json.loads(line) | change) + "\n")
    assert open_ledger(path) == ({}, {}, 1)
