"""Whole programs are measured without the memory of the benchmark."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.speed import first, process
from benchmarks.speed.processes import Ran, run_imurun, run_nothing, run_program
from imurun.errors import ImurunError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="starts programs as POSIX does")


def python(code, **environment):
    return run_program(sys.executable, "-c", code, environment=environment)


def test_time_memory_and_output_are_measured():
    held = np.ones(40_000_000)  # 320 MB that are not the program's
    ran = python(
        "import os, sys, time; time.sleep(0.3); print(os.environ['WORD']); print(2, file=sys.stderr)",
        WORD="é",
    )
    assert (ran.output, ran.errors) == ("é\n", "2\n")
    assert ran.wall_s >= 0.3
    assert ran.cpu_s < ran.wall_s
    assert 3.0 < ran.peak_mb < 100.0
    assert held.size


def test_memory_of_a_program_is_measured():
    ran = python("x = bytearray(b'1') * 200_000_000; sum(range(10**7))")
    assert 200.0 < ran.peak_mb < 300.0
    assert ran.cpu_s > run_nothing().cpu_s


def test_a_failing_program_is_reported_with_its_last_line():
    with pytest.raises(ImurunError, match=r"ended with 3: last words$"):
        python(
            "import sys; print('first', file=sys.stderr); print('last words', file=sys.stderr); sys.exit(3)"
        )
    with pytest.raises(ImurunError, match="could not be started"):
        run_program("no-such-program")


def test_imurun_is_run_from_the_checkout():
    assert run_imurun("--version").output.startswith("imurun ")


def test_imports_of_the_compiler_are_detected(tmp_path):
    assert not process.heavy_imports("--version")
    assert {"numba", "vqf"} <= set(process.heavy_imports("demo", "--out", tmp_path / "steps.csv"))


def fake_ran(wall_s=1.0, errors=""):
    return Ran(wall_s, 0.5, 100.0, "", errors)


def test_the_process_entry_measures_all_commands(monkeypatch):
    called = []

    def fake(*words, environment=None):
        called.append(words)
        return fake_ran(2.0)

    monkeypatch.setattr(process, "run_imurun", fake)
    monkeypatch.setattr(process, "run_nothing", lambda: fake_ran(0.5))
    monkeypatch.setattr(process, "heavy_imports", lambda *words: [])
    figures = {(figure.name, figure.unit): figure for figure in process.measure_process(quick=True)}
    parquet = figures["analyze, Parquet", process.UNIT]
    assert (parquet.target, parquet.ratio, parquet.is_reached) == (2.5, 4.0, True)
    assert figures["analyze, CSV", process.UNIT].target == 4.0
    assert [words[0] for words in called[:3]] == ["analyze"] * 3
    heavy = [figure for (_, unit), figure in figures.items() if unit.startswith("modules")]
    assert len(heavy) == 5
    assert all(figure.is_reached for figure in heavy)


def test_only_the_first_run_has_empty_caches(monkeypatch):
    places = []

    def fake(*words, environment):
        places.append(environment)
        return fake_ran(10.0, "Compiling the core\n") if len(places) % 2 else fake_ran(2.0)

    monkeypatch.setattr(first, "run_imurun", fake)
    there, none, _, _, messages = first.measure_first(quick=False)
    assert there.values == none.values == (10.0,) * 3
    assert there.ratio == 5.0
    assert messages.values == (1.0,) * 6
    assert messages.is_reached
    kernels = [place["NUMBA_CACHE_DIR"] for place in places]
    assert kernels[0::2] == kernels[1::2]
    assert len(set(kernels)) == 6
    assert ["PYTHONPYCACHEPREFIX" in place for place in places] == [False, False, True, True] * 3


def test_a_first_run_without_a_message_misses_the_target(monkeypatch):
    monkeypatch.setattr(first, "run_imurun", lambda *words, environment: fake_ran())
    assert first.measure_first(quick=True)[-1].is_reached is False
