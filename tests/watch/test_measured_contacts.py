"""Tables of contact times that another device measured."""

from __future__ import annotations

import numpy as np
import pytest

from imurun.errors import FormatError
from imurun.model.speed import SpeedTable
from imurun.watch.measured_contacts import read_contact_table
from tests.watch.watch_files import START


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("time_s,contact_time_ms", "{t},244"),
        ("contact_s;time_ms;note", "0.244;{ms};x"),
        ("timestamp\tgct_ms", "{date}\t244"),
    ],
)
def test_columns_are_known_by_name_and_unit(tmp_path, head, row):
    lines = ["# by plates", head]
    for t in range(20, 200):
        date = f"2026-05-01T07:{30 + t // 60:02d}:{t % 60:02d}Z"
        lines.append(row.format(t=t, ms=1000 * t, date=date))
    (tmp_path / "t.csv").write_text("\n".join(lines))
    measured = read_contact_table(tmp_path / "t.csv", START, SpeedTable.constant(3.0))
    assert measured.source == "the device of t.csv"
    assert measured.time_s == pytest.approx(np.arange(20.0, 200.0))
    assert (measured.contact_ms == 244.0).all()
    assert (measured.speed_m_s == 3.0).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column time_s"),
        ("time_s,ms\n1,2\n", "no column contact_time_ms"),
        ("time_s,contact_time_ms\n1,0.24\n", "check its unit"),
        ("time,contact_ms\n2026-05-01T07:30:00,240\n", "no zone"),
    ],
)
def test_a_table_without_usable_contact_times_is_refused(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(FormatError, match=words):
        read_contact_table(tmp_path / "t.csv", START, None)
    with pytest.raises(FormatError, match="could not be read"):
        read_contact_table(tmp_path / "none.csv", START, None)
