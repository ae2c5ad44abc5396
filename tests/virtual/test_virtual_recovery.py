"""Twelve minutes over a bad link: what the sensor held is recovered, and the steps are those of the run.

One run of the client, 12 min at 208 Hz in virtual time: 5 % of notifications lost, 8 drops of 1 to 20 s, one
reboot. The journal is read and analysed like any recording.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("bumble", reason="needs the extra 'virtual'")

import imurun
from imurun.ble.connection import notifying
from imurun.ble.events import Connected, ConnectionLost, GapFinal
from imurun.ble.journal import JournalWriter
from imurun.ble.journal_replay import journal_header
from imurun.ble.reconnecting_client import SensorClient
from imurun.model.gaps import runs
from imurun.model.recording import Recording
from imurun.sim.presets import steady_run
from imurun.virtual.faults import BOOT_S, Faults, Spell
from imurun.virtual.feed import Feed
from tests.virtual.virtual_board import STEPS, library
from tests.virtual.virtual_loop import run_virtual
from tests.virtual.virtual_rig import ADDRESS, SETTINGS, Watched, as_counts, offered, rows

MINUTES, RATE_HZ, SEED = 12, 208.0, 1
RING = 4096
BOOT_AT_S = 360.0
N_DROPS = 8
SETTLED_S = 20.0
"""After a gap the engine finds its attitude anew (a filter of 6 s) and averages over the last eight steps."""


def drops():
    random = Random(SEED)
    length_s, n = MINUTES * 60 - 60, N_DROPS
    return tuple(
        Spell(20 + length_s * (k + 0.6 * random.random()) / n, random.uniform(1, 20)) for k in range(n)
    )


class Ran(NamedTuple):
    """What came of the run.

    `fed` (n, 6) are the counts that the sensor measured, `counts` those that came, NaN where none did. The
    run after the reboot begins at place `second` of the stream and at row `begin` of `fed`.
    """

    items: list
    sensor: Watched
    fed: np.ndarray
    counts: np.ndarray
    second: int
    begin: int
    read: Recording


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    path = tmp_path_factory.mktemp("recovery") / "run.imuj"
    recording = steady_run(MINUTES * 60, rate_hz=RATE_HZ, seed=SEED).recording
    faults = Faults(loss=0.05, drops=drops(), reboots=(Spell(BOOT_AT_S, BOOT_S),))

    async def scenario(monkeypatch):
        loop = asyncio.get_running_loop()
        sensor = Watched(library(), Feed(recording, loop=False), faults, seed=SEED, now_s=loop.time())
        async with offered(monkeypatch, sensor) as found:
            header = journal_header(
                found.driver,
                SETTINGS,
                name="virtual",
                address=ADDRESS,
                start=datetime(2026, 1, 1, tzinfo=UTC),
                clock_s=loop.time(),
            )
            end_s = loop.time() + MINUTES * 60 - 1
            items = []
            with JournalWriter(path, header, notifying(found.driver)) as journal:
                async with SensorClient(
                    found, SETTINGS, journal=journal, random=Random(SEED), clock=loop.time
                ) as client:
                    async for item in client:
                        items.append(item)
                        if loop.time() >= end_s:
                            client.stop()
            return items, sensor, client.stream_decoder.reassembler.position_of(0)

    with pytest.MonkeyPatch.context() as monkeypatch:
        items, sensor, second = run_virtual(scenario(monkeypatch))
    fed, _ = Feed(recording).counts(
        0,
        len(recording),
        rate_hz=RATE_HZ,
        acc_scale_g=30500e-9 * 16,
        gyr_scale_deg_s=35000e-9 * 2000,
    )
    _, begin = sensor.begins().values()
    return Ran(items, sensor, fed, as_counts(rows(items)), second, begin, imurun.read(path))


def test_all_faults_occurred(ran):
    assert ran.sensor.counts == {"out of range": N_DROPS, "rebooted": 1}
    assert ran.sensor.air.counts["lost"] > 350
    assert len([item for item in ran.items if isinstance(item, ConnectionLost)]) == N_DROPS + 1
    assert len([item for item in ran.items if isinstance(item, Connected)]) == N_DROPS + 2


def test_every_sample_is_correct_or_missing(ran):
    fed = np.vstack([ran.fed[: ran.second], ran.fed[ran.begin : ran.begin + len(ran.counts) - ran.second]])
    here = ~np.isnan(ran.counts[:, 0])
    np.testing.assert_allclose(ran.counts[here], fed[here], rtol=0, atol=1e-6)
    assert len(ran.counts) > (MINUTES * 60 - 3) * RATE_HZ


def test_gaps_are_reported_with_their_length(ran):
    told = [
        (item.first_index, item.first_index + item.n_samples) for item in ran.items if type(item) is GapFinal
    ]
    assert told == runs(np.isnan(ran.counts[:, 0]))


def test_missing_samples_were_no_longer_in_the_ring_buffer(ran):
    """By the requests that came, and a ring that always holds the last 4096 samples since the start."""
    missing = np.isnan(ran.counts[:, 0])
    for boot, stretch in zip(
        ran.sensor.begins(), (missing[: ran.second], missing[ran.second :]), strict=True
    ):
        fetches = ran.sensor.fetches(boot)
        received = np.flatnonzero(~stretch)[-1] + 1
        for index in np.flatnonzero(stretch[:received]):
            asked = [next_index for first, stop, next_index in fetches if first <= index < stop]
            assert asked, f"sample {index} was never asked for"
            assert index < asked[-1] - RING, f"sample {index} was held when it was given up"
    # of those in the ring at the reboot, only what had not come before the link went
    gap = ran.second - received_before(ran)
    longest_s = max(spell.lasting_s for spell in drops() if spell.at_s < BOOT_AT_S + 1) + 1
    assert gap < longest_s * RATE_HZ


def received_before(ran):
    """Place behind the last sample from before the reboot."""
    return int(np.flatnonzero(~np.isnan(ran.counts[: ran.second, 0]))[-1]) + 1


def test_the_gap_of_the_reboot_is_as_long_as_arrivals_show(ran):
    assert ran.second == pytest.approx(ran.begin, abs=0.05 * RATE_HZ)  # a turn of the firmware


def test_the_journal_gives_the_same_samples(ran):
    assert ran.read.rate_hz == pytest.approx(RATE_HZ, rel=5e-6)
    expected = recording_of(ran.counts, ran.read.rate_hz)  # short gaps are bridged in both
    np.testing.assert_allclose(ran.read.acc, expected.acc, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ran.read.gyr, expected.gyr, rtol=0, atol=1e-9)


def recording_of(counts, rate_hz):
    values = counts * STEPS
    acc, gyr = values[:, :3].copy(), values[:, 3:].copy()
    return Recording(acc, gyr, rate_hz=rate_hz, acc_range_g=16, gyr_range_deg_s=2000)


@pytest.fixture(scope="module")
def steps(ran):
    return imurun.analyze(ran.read).steps


def test_the_connection_causes_no_further_missing_samples(ran, steps):
    """The same table, to rounding, as of what was fed with the same samples cut out."""
    cut = np.full_like(ran.counts, np.nan)
    cut[: ran.second] = ran.fed[: ran.second]
    cut[ran.second :] = ran.fed[ran.begin : ran.begin + len(cut) - ran.second]
    cut[np.isnan(ran.counts)] = np.nan
    expected = imurun.analyze(recording_of(cut, ran.read.rate_hz)).steps
    pd.testing.assert_frame_equal(steps, expected, rtol=1e-9, atol=1e-9)


TOLERANCES = {
    "initial_contact_s": 0.5e-3,
    "final_contact_s": 0.5e-3,
    "step_time_ms": 0.5,
    "contact_time_ms": 0.5,
    "flight_time_ms": 0.5,
    "duty_factor": 1e-3,
    "cadence_spm": 0.2,
    "vertical_oscillation_mm": 0.3,
    "peak_vertical_g": 0.01,
    "peak_resultant_g": 1e-9,
    "braking_g": 0.01,
    "loading_rate_g_s": 0.1,
    "peak_vgrf_bw": 0.01,
    "vertical_impulse_bw_s": 1e-4,
    "lumbar_compression_bw": 0.01,
    "lumbar_shear_bw": 1e-3,
    "lean_deg": 0.5,
    "roll_rom_deg": 0.1,
    "pitch_rom_deg": 0.05,
    "yaw_rom_deg": 0.01,
    "ml_sway_ratio": 5e-4,
    "step_regularity": 1e-3,
    "stride_regularity": 1e-3,
    "quality": 1e-9,
}


def test_the_steps_are_those_of_the_run_without_faults(ran, steps):
    """Before the first gap to rounding; behind one from `SETTLED_S` on, far within what a step scatters."""
    rate_hz = ran.read.rate_hz
    whole = imurun.analyze(recording_of(ran.fed[: ran.begin + len(ran.counts) - ran.second], rate_hz)).steps
    shift_s = (ran.second - ran.begin) / rate_hz
    moved = steps.copy()
    late = moved["initial_contact_s"] > ran.second / rate_hz
    for name in ("initial_contact_s", "final_contact_s", "decided_s"):
        moved.loc[late, name] -= shift_s
    gaps = [(a / rate_hz, b / rate_hz) for a, b in runs(np.isnan(ran.counts[:, 0]))]
    time_s = whole["initial_contact_s"].to_numpy()
    first_s = gaps[0][0]

    known = whole[time_s < first_s - 1.0]
    pd.testing.assert_frame_equal(moved[: len(known)], known, rtol=1e-9, atol=1e-9)
    assert len(known) > 900

    # no step is lost or found outside the gaps and the second around them in which steps are decided
    away = [outside(part["initial_contact_s"], gaps, 1.0, 1.0) for part in (moved, whole)]
    assert away[0].sum() == away[1].sum() > 1600

    ours = moved[outside(moved["initial_contact_s"], gaps, 1.0, SETTLED_S)].reset_index(drop=True)
    theirs = whole[outside(whole["initial_contact_s"], gaps, 1.0, SETTLED_S)].reset_index(drop=True)
    assert len(ours) == len(theirs) > 1600
    for name in ("side", "gait"):
        assert (ours[name] == theirs[name]).all()
    for name, tolerance in TOLERANCES.items():
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=tolerance, err_msg=name)
    # the window of the impact begins and ends with whole samples: few steps take one more or less
    differ = (ours["peak_impact_g"] - theirs["peak_impact_g"]).abs() > 0.01
    assert differ.mean() < 0.01


def outside(time_s, gaps, before_s, after_s):
    """Steps that lie in no gap, nor so close to one."""
    inside = np.zeros(len(time_s), dtype=bool)
    for begin_s, end_s in gaps:
        inside |= ((time_s > begin_s - before_s) & (time_s < end_s + after_s)).to_numpy()
    return ~inside
