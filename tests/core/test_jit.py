"""Entries have one signature, are kept on disk, and renewed when any kernel they call has changed."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from numba.core import caching

from imurun.core import jit
from imurun.core.filters import smooth_at, sum_of
from imurun.core.orientation import Orientation, tilt_from_mean
from imurun.core.state import begin
from imurun.core.step import STEP
from imurun.core.stepper import advance, is_compiled
from tests.core.core_helpers import SLOW, made_stepper, simulated

needs_compiler = pytest.mark.skipif(SLOW, reason="nothing is compiled or kept")
INNER = "from folder.jit import kernel\n\n@kernel\ndef inner(x):\n    return x + {number}\n"
OUTER = """\
from folder.inner import inner
from folder.jit import entry

@entry(lambda: (1,))
def outer(x):
    return inner(x)
"""
ASK = "from folder.outer import outer; from folder.jit import is_kept; print(is_kept(outer), outer(1))"


@needs_compiler
@pytest.mark.parametrize("kept", [advance, begin, tilt_from_mean])
def test_entries_are_cached_with_the_fingerprint(kept):
    dispatcher = kept.dispatcher
    stamp = dispatcher._cache._cache_file._source_stamp
    assert stamp[1] == jit._fingerprint()
    assert dispatcher.targetoptions.get("nogil")
    assert not dispatcher.targetoptions.get("fastmath")


def test_fingerprint_changes_with_any_file(tmp_path, monkeypatch):
    (tmp_path / "core").mkdir()
    (tmp_path / "model").mkdir()
    for name in ("model/frames.py", "model/columns.py", "core/jit.py", "core/a.py", "core/b.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "core" / "jit.py"))
    seen = [jit._fingerprint()]
    assert jit._fingerprint() == seen[0]
    for name in ("core/jit.py", "core/b.py", "model/frames.py"):
        (tmp_path / name).write_text("# changed\n")
        seen.append(jit._fingerprint())
    assert len(set(seen)) == 4


@needs_compiler
def test_editing_an_inner_kernel_renews_the_entry(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(jit.__file__, folder / "jit.py")
    model = tmp_path / "model"
    model.mkdir()
    for file in (folder / "__init__.py", model / "frames.py", model / "columns.py"):
        file.touch()
    (folder / "outer.py").write_text(OUTER)
    answers = []
    for number in (10, 10, 20):
        (folder / "inner.py").write_text(INNER.format(number=number))
        answers.append(ask(tmp_path))
    assert answers == ["False 11", "True 11", "False 21"]


def ask(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "kept")}
    command = [sys.executable, "-B", "-c", ASK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.strip()


def test_without_a_compiler_everything_counts_as_compiled():
    assert jit.is_kept(plain_sum)
    assert isinstance(is_compiled(), bool)


def plain_sum(values, factor):
    total = 0.0
    for value in values:
        total += factor * value
    return total


def new_entry(function=plain_sum):
    """An entry that was not called yet, for values that are only read."""
    return jit.entry(lambda: (jit.read_only(0), 1.0))(function)


@needs_compiler
@pytest.mark.parametrize("kept", [advance, tilt_from_mean], ids=["advance", "tilt"])
def test_one_signature_whatever_the_arrays(kept):
    """Read-only samples, samples to write to, pieces of others, of one row, of none."""
    recording = simulated(("running", 8.0), rate_hz=50.0).recording
    acc = np.array(recording.acc)
    frozen = acc.copy()
    frozen.flags.writeable = False
    fortran, spread = np.asfortranarray(acc), np.repeat(acc, 2, axis=1)[:, ::2]
    output = []
    for samples in (acc, frozen, fortran, spread, spread[:, :]):
        orientation = Orientation(50.0, False, acc[:75].mean(axis=0), acc[0])
        stepper = made_stepper(50, np.eye(3, order="F"), settings={"has_gyro": 0, "height_m": 2})
        steps = []
        for piece in (slice(0, 0), slice(0, 1), slice(1, None)):
            quats = orientation.push(samples[piece], None)
            quats.flags.writeable = samples is not frozen
            steps.append(stepper.push(samples[piece], quats)[0])
        output.append(np.concatenate([*steps, stepper.break_off(0)]).tobytes())
    assert len(output[0]) > 10 * STEP.itemsize
    assert len(set(output)) == 1
    assert len(kept.dispatcher.signatures) == 1


@needs_compiler
def test_a_run_compiles_nothing_that_is_cached():
    """What Python calls is kept: a process that finds it all on disk need not wait again."""
    code = (
        "import numba.core.event as event, numpy as np\n"
        "with event.install_recorder('numba:compile') as recorder:\n"
        "    from imurun.engine import RunAnalyzer\n"
        "    for gyro in (True, False):\n"
        "        analyzer = RunAnalyzer(50.0, has_gyro=gyro)\n"
        "        acc = np.tile([0.0, 0.0, 9.81], (300, 1))\n"
        "        analyzer.push(acc, 0.0 * acc if gyro else None)\n"
        "        analyzer.finish()\n"
        "compiled = [event.data['dispatcher'].py_func.__name__ for _, event in recorder.buffer]\n"
        "print(sorted(set(compiled)))\n"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_compiler
def test_other_types_are_refused_at_once():
    total = new_entry()
    assert total(np.arange(4.0), 2.0) == 12.0
    for values in (np.arange(8.0)[::2], np.arange(4.0, dtype=np.float32), np.zeros((2, 2)), [1.0]):
        with pytest.raises(TypeError, match=r"No matching definition"):
            total(values, 2.0)
    assert len(total.dispatcher.signatures) == 1


@needs_compiler
def test_simultaneous_first_calls_share_one_compilation():
    """Each thread gets its answer, and one compilation serves them all; kernels alike."""
    total, twice = new_entry(), jit.kernel(lambda x: 2.0 * x)
    begin = Barrier(8)

    def call(factor):
        begin.wait()
        return total(np.arange(100.0), factor), twice(factor)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(call, np.arange(8.0)))
    assert found == [(4950.0 * factor, 2.0 * factor) for factor in range(8)]
    assert len(total.dispatcher.signatures) == 1


@needs_compiler
def test_entries_work_without_a_cache_folder(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    total = new_entry(lambda values, factor: values.sum() * factor)
    assert not jit.is_kept(total)
    assert total(np.arange(4.0), 2.0) == 12.0
    assert jit.is_kept(total)


def test_kernels_and_entries_are_pickled_by_name():
    for function in (smooth_at, sum_of, advance):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function
        assert function.__doc__
        assert function.__module__.startswith("imurun.core.")
    assert list(inspect.signature(smooth_at).parameters) == ["signal", "position", "first", "last", "taps"]


@needs_compiler
def test_a_kernel_takes_any_types_and_is_the_function_itself_to_other_kernels():
    @jit.kernel
    def double(x):
        return x + x

    @jit.kernel
    def fourfold(x):
        return double(double(x))

    assert (fourfold(1), fourfold(0.5), fourfold(True)) == (4, 2.0, 4)
    assert fourfold(np.arange(3)).tolist() == [0, 4, 8]
    with pytest.raises(Exception, match="not enough arguments"):
        fourfold()


@needs_compiler
def test_division_by_zero_is_a_number_as_in_numpy():
    assert np.isnan(jit.kernel(lambda x: x / x)(0.0))
