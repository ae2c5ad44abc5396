"""A quarter of an hour of it; `python -m tests.soak` makes it twelve hours."""

from __future__ import annotations

import pytest

pytest.importorskip("bumble", reason="needs the package bumble: pip install 'imurun[virtual]'")

from tests.soak.day import run
from tests.soak.judge import faults_of, judge

HOURS = 0.27


def test_a_long_run_in_short(tmp_path):
    ran = run(HOURS, tmp_path)
    verdict = judge(ran)
    assert ran.faults["rebooted"] == 1
    assert ran.faults["out of range"] >= 1
    assert ran.faults["lost"] > 400
    assert verdict.n_steps > 2000
    assert faults_of(verdict, ran) == [], verdict
