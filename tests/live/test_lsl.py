from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from imurun.errors import MissingExtraError, SettingsError
from imurun.live.lsl import LslOutlets, clock_offset_s, step_values
from imurun.model.columns import STEP_COLUMNS
from imurun.model.sample_block import SampleBlock
from tests.live.made_steps import make_step

RATE_HZ = 100.0


class FakeNode:
    """An element of a stream's description."""

    def __init__(self):
        self.children = []

    def append_child(self, name):
        self.children.append((name, FakeNode()))
        return self.children[-1][1]

    def append_child_value(self, name, value):
        self.children.append((name, value))

    def values(self, name):
        return [value for key, value in self.children if key == name]


class FakeInfo:
    def __init__(self, name, kind, n_channels, rate_hz, channel_format, source_id):
        self.name, self.kind, self.n_channels, self.rate_hz = name, kind, n_channels, rate_hz
        self.channel_format, self.source_id = channel_format, source_id
        self.node = FakeNode()

    def desc(self):
        return self.node


class FakeOutlet:
    made: ClassVar[list] = []

    def __init__(self, info, max_buffered):
        self.info, self.chunks, self.rows = info, [], []
        FakeOutlet.made.append(self)

    def push_chunk(self, rows, stamp):
        assert rows.shape[1] == self.info.n_channels
        self.chunks.append((rows.copy(), stamp))

    def push_sample(self, row, stamp):
        assert len(row) == self.info.n_channels
        self.rows.append((row, stamp))


@pytest.fixture
def outlets(monkeypatch):
    """The streams on a stand-in for pylsl whose clock is 5000 s ahead of the host's."""
    FakeOutlet.made = []
    fake = SimpleNamespace(StreamInfo=FakeInfo, StreamOutlet=FakeOutlet, local_clock=lambda: 5010.0)
    monkeypatch.setitem(sys.modules, "pylsl", fake)
    return LslOutlets("hip", RATE_HZ, has_gyro=True, clock=lambda: 10.0)


def block(first, n, time_s, has_gyro=True):
    acc = np.arange(3.0 * n).reshape(n, 3)
    return SampleBlock(first, acc, -acc if has_gyro else None, time_s)


def test_streams_describe_their_channels(outlets):
    samples, steps = (outlet.info for outlet in FakeOutlet.made)
    assert (samples.name, samples.kind, samples.rate_hz) == ("imurun hip samples", "IMU", RATE_HZ)
    assert (steps.name, steps.kind, steps.rate_hz) == ("imurun hip steps", "Gait", 0.0)
    assert samples.source_id != steps.source_id
    assert samples.channel_format == steps.channel_format == "double64"

    def described(info, key):
        (channels,) = info.node.values("channels")
        return [channel.values(key)[0] for channel in channels.values("channel")]

    assert described(samples, "label") == ["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]
    assert described(samples, "unit") == ["m/s2"] * 3 + ["rad/s"] * 3
    assert described(steps, "label") == [column.name for column in STEP_COLUMNS]
    assert described(steps, "unit") == [column.unit or "1" for column in STEP_COLUMNS]
    assert "-1 left" in steps.node.values("note")[0]


def test_samples_are_stamped_with_the_last_time_on_the_lsl_clock(outlets):
    outlets.samples(block(0, 5, 9.5))
    outlets.samples(block(5, 0, 9.6))
    (rows, stamp) = FakeOutlet.made[0].chunks[0]
    assert len(FakeOutlet.made[0].chunks) == 1
    assert rows.shape == (5, 6)
    assert rows[1].tolist() == [3.0, 4.0, 5.0, -3.0, -4.0, -5.0]
    assert stamp == 5009.5
    outlets.samples(block(5, 5, math.nan))
    assert FakeOutlet.made[0].chunks[1][1] == 5010.0


def test_steps_are_stamped_with_the_foot_strike(outlets):
    outlets.samples(block(900, 101, 9.5))  # the sample at 10 s of the stream was measured at 9.5 s
    outlets.steps(
        [make_step(9.7, side="left", peak_impact_g=2.5), make_step(8.0, side="right", gait="walking")]
    )
    (first, first_s), (second, second_s) = FakeOutlet.made[1].rows
    names = [column.name for column in STEP_COLUMNS]
    assert first_s == pytest.approx(5009.2)
    assert second_s == pytest.approx(5007.5)
    assert first[names.index("peak_impact_g")] == 2.5
    assert math.isnan(first[names.index("lean_deg")])
    assert [row[names.index("side")] for row in (first, second)] == [-1.0, 1.0]
    assert [row[names.index("gait")] for row in (first, second)] == [1.0, 0.0]


def test_an_unknown_side_has_code_zero():
    assert step_values(make_step(0.0, side="unknown"))[2] == 0.0
    assert step_values(make_step(0.0)).shape == (len(STEP_COLUMNS),)


def test_a_stream_without_gyroscope_has_three_channels(outlets):
    three = LslOutlets("hip", RATE_HZ, has_gyro=False, clock=lambda: 10.0)
    three.samples(block(0, 5, 9.5, has_gyro=False))
    assert FakeOutlet.made[2].chunks[0][0].shape == (5, 3)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(
        MissingExtraError, match=r"needs the extra 'lsl': .* -m pip install -e '\.\[lsl\]'\.$"
    ):
        LslOutlets("hip", RATE_HZ, has_gyro=True, clock=lambda: 0.0)


@pytest.mark.parametrize("error", ["RuntimeError('no binary')", "OSError('bad')"])
def test_a_missing_library_names_the_setting(monkeypatch, tmp_path, error):
    (tmp_path / "pylsl.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pylsl", raising=False)
    with pytest.raises(SettingsError, match="extra lsl, finds no library"):
        LslOutlets("hip", RATE_HZ, has_gyro=True, clock=lambda: 0.0)


def test_a_broken_pylsl_raises_its_own_error(monkeypatch, tmp_path):
    (tmp_path / "pylsl.py").write_text("import a_package_that_nobody_has")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pylsl", raising=False)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_nobody_has"):
        LslOutlets("hip", RATE_HZ, has_gyro=True, clock=lambda: 0.0)


def test_a_pause_between_two_readings_does_not_shift_a_clock():
    now_s, pauses_s = 0.0, iter([0.0, 0.3, 0.3, 0.3, 0.0, 0.0])

    def reference():
        nonlocal now_s
        now_s += next(pauses_s, 0.1)
        return now_s

    assert clock_offset_s(lambda: reference() + 7.0, reference) == pytest.approx(7.0, abs=1e-9)


REAL = """
import json, sys, time
import numpy as np
import pylsl
sys.path.insert(0, sys.argv[1])
from tests.live.made_steps import make_step
from imurun.model.sample_block import SampleBlock
from imurun.live.lsl import LslOutlets, clock_offset_s

PATIENCE_S = 60.0

out = LslOutlets(sys.argv[2], 100.0, has_gyro=True, clock=time.monotonic)
streams = pylsl.resolve_bypred(f"contains(name, '{sys.argv[2]}')", 2, PATIENCE_S)
found = {info.name(): info for info in streams}
samples = pylsl.StreamInlet(found[f"imurun {sys.argv[2]} samples"])
steps = pylsl.StreamInlet(found[f"imurun {sys.argv[2]} steps"])
for inlet in (samples, steps):
    inlet.open_stream(PATIENCE_S)
acc = np.arange(30.0).reshape(10, 3)
acc[4] = np.nan
now_s = time.monotonic()
out.samples(SampleBlock(0, acc, -acc, now_s))
out.steps([make_step(0.05, side="right", peak_impact_g=2.5)])
rows, stamps = [], []
while len(rows) < 10:
    more, times = samples.pull_chunk(timeout=PATIENCE_S, max_samples=10)
    rows += more
    stamps += times
    assert more, "no sample came"
step, step_s = steps.pull_sample(timeout=PATIENCE_S)
print(json.dumps({
    "rows": rows, "stamps": stamps, "step": step, "step_s": step_s, "rate": samples.info().nominal_srate(),
    "labels": samples.info().get_channel_labels(), "units": samples.info().get_channel_units(),
    "lsl_s": now_s + clock_offset_s(pylsl.local_clock, time.monotonic),
    "n_steps": steps.info().channel_count(),
}))
out.close()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("pylsl") is None, reason="needs pylsl: pip install 'imurun[lsl]'"
)
def test_a_real_inlet_receives_all_streams(tmp_path):
    config = tmp_path / "lsl_api.cfg"
    config.write_text(
        "[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[log]\nlevel = -3\n"
    )
    name = f"t{os.getpid()}"
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(Path(__file__).parent), name],
        env={**os.environ, "LSLAPICFG": str(config)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    rows = np.array(got["rows"])
    assert rows.shape == (10, 6)
    assert np.isnan(rows[4]).all()
    assert rows[9].tolist() == [27.0, 28.0, 29.0, -27.0, -28.0, -29.0]
    assert got["rate"] == RATE_HZ
    assert got["labels"] == ["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]
    assert got["units"][3] == "rad/s"
    assert got["stamps"][-1] == pytest.approx(got["lsl_s"], abs=0.02)
    assert np.diff(got["stamps"]) == pytest.approx(np.full(9, 0.01), abs=1e-6)
    assert got["n_steps"] == len(STEP_COLUMNS)
    assert got["step"][2] == 1.0
    assert got["step_s"] == pytest.approx(got["lsl_s"] - 0.09 + 0.05, abs=0.02)
