"""The same run analysed with the compiler and, in another process, without it."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from benchmarks.datasets import LOADERS
from imurun.core.step import STEP
from imurun.engine import RunAnalyzer
from imurun.sim import Segment, SensorModel, simulate
from tests.core.core_helpers import flat_fields

pytestmark = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="compares with a process that has the compiler switched off"
)

SAME_BITS = [
    *("side", "gait", "decided_s", "vertical_oscillation_mm", "vertical_impulse_bw_s", "peak_vertical_g"),
    *("peak_resultant_g", *(f"cycle.{name}" for name in STEP["cycle"].names or ())),
]
"""What is added, multiplied, divided and rooted only, from the sample on: IEEE 754 fixes each bit of it.

The orientation is, too. A compiler that fused or reordered sums would show here.
"""
LAST_DIGITS = 1e-13
"""Of the largest value of a column, for all others. They go through arcsine, arctangent, hypotenuse, sine,
exponential, logarithm or power, of which numpy and the compiler's library each may miss the last bit; the
largest that was measured is 3e-15."""

WITHOUT = """\
import sys
import numba
import numpy as np
from tests.test_compiler_on_and_off import analysed
assert numba.config.DISABLE_JIT
with np.load(sys.argv[1]) as samples:
    np.savez(sys.argv[2], **analysed(samples))
"""


def analysed(samples):
    """Steps and seconds of each stream, with its gyroscope and as if it had none."""
    found = {}
    for name in {key.split()[0] for key in samples}:
        acc, gyr = samples[f"{name} acc"], samples[f"{name} gyr"]
        for gyro in (True, False):
            analyzer = RunAnalyzer(float(samples[f"{name} rate_hz"]), has_gyro=gyro)
            output = [analyzer.push_arrays(acc, gyr if gyro else None), analyzer.finish_arrays()]
            for kind, parts in zip(("steps", "seconds"), zip(*output, strict=True), strict=True):
                found[f"{name} {gyro} {kind}"] = np.concatenate(parts)
    return found


@pytest.fixture(scope="module")
def both(request, tmp_path_factory):
    """What was found with the compiler and without."""
    segments = [
        Segment("still", 2.0),
        Segment("walking", 4.0, speed_m_s=1.4),
        Segment("running", 14.0, speed_m_s=3.0),
    ]
    recordings = {"simulated": simulate(segments, sensor=SensorModel(rate_hz=50.0), seed=3).recording}
    try:
        folder = request.getfixturevalue("shared_data") / "treadmill_run_grf"
        recordings["real"] = next(iter(LOADERS["treadmill_run_grf"](folder))).recording
    except pytest.skip.Exception:
        pass  # the test of the real run says so
    samples = {}
    for name, recording in recordings.items():
        samples[f"{name} acc"], samples[f"{name} gyr"] = recording.acc, recording.gyr
        samples[f"{name} rate_hz"] = np.array(recording.rate_hz)
    folder = tmp_path_factory.mktemp("compiler")
    np.savez(folder / "samples.npz", **samples)
    subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT, folder / "samples.npz", folder / "found.npz"],
        env={
            **os.environ,
            "NUMBA_DISABLE_JIT": "1",
            "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
        },
        check=True,
    )
    with np.load(folder / "found.npz") as without:
        return analysed(samples), dict(without)


@pytest.mark.parametrize("gyro", [True, False], ids=["gyro", "no gyro"])
@pytest.mark.parametrize("name", ["simulated", "real"])
def test_the_compiler_changes_last_digits_only(name, gyro, both, request):
    if name == "real":
        request.getfixturevalue("shared_data")
    compiled, plain = (found[f"{name} {gyro} steps"] for found in both)
    assert len(compiled) == len(plain) > 20
    compiled, plain = flat_fields(compiled), flat_fields(plain)
    assert set(SAME_BITS) <= set(plain)
    for column, values in plain.items():
        if column in SAME_BITS:
            assert compiled[column].tobytes() == values.tobytes(), column
        size = np.nanmax(np.abs(values), initial=0.0)
        bound = {"rtol": 0.0, "atol": LAST_DIGITS * size, "equal_nan": True}
        assert np.allclose(compiled[column], values, **bound), column
    compiled, plain = (found[f"{name} {gyro} seconds"] for found in both)
    assert compiled.tobytes() == plain.tobytes()
    assert len(plain) > 5
