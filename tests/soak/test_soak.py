"""A quarter of an hour of a live run over a bad connection; `python -m tests.soak` simulates twelve hours."""

from __future__ import annotations

import pytest

pytest.importorskip(
    "bumble", reason="needs the extra virtual: .venv/bin/python -m pip install -e '.[virtual]'"
)

from tests.soak.day import run
from tests.soak.judge import faults_of, judge

HOURS = 0.27


def test_a_live_run_over_a_bad_connection_keeps_all_samples_and_steps(tmp_path):
    ran = run(HOURS, tmp_path)
    verdict = judge(ran)
    assert ran.faults["rebooted"] == 1
    assert ran.faults["out of range"] >= 1
    assert ran.faults["lost"] > 400
    assert verdict.n_steps > 2000
    assert faults_of(verdict, ran) == [], verdict
