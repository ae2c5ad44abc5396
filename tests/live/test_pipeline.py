"""The pipeline of a live run: the same steps as from the file; recording, markers, events, subscribers."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pandas as pd
import pytest

import imurun
from imurun.ble.events import Battery, Connected, ConnectionLost, Dropped, NotLogged, NotStopped
from imurun.cli.live import step_frame
from imurun.core.contact import CONTACT_MODEL
from imurun.errors import RecordingError, SensorError, SettingsError
from imurun.live.pipeline import Pipeline, controls_of, replay_pipeline, run_all
from imurun.live.recorder import finish_session
from imurun.live.runner_profile import RunnerProfile
from imurun.live.source import ReplaySource
from imurun.model.calibration import Calibration, CalibrationPoint
from imurun.model.recording import Marker
from imurun.model.runner import Runner
from imurun.model.sample_block import SampleBlock
from imurun.model.speed import SpeedTable
from imurun.sim.presets import eventful_run, steady_run
from tests.virtual.virtual_loop import run_virtual


@pytest.fixture(scope="module")
def recording():
    return eventful_run().recording


async def steps_of(pipeline, limit=10**6):
    updates = pipeline.broadcast.subscribe(limit)
    await pipeline.run()
    return step_frame([step async for update in updates for step in update.steps])


class Scripted:
    """A source of given items; exceptions among them are raised."""

    name, has_gyro, acc_range_g = "scripted", True, 16.0

    def __init__(self, items, rate_hz=100.0, known_after=0):
        self._items = iter(items)
        self._taken = 0
        self._known_after = known_after
        self.best_rate_hz = rate_hz
        self.filling_s = 0.0

    @property
    def rate_hz(self):
        return self.best_rate_hz if self._taken > self._known_after else None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def __aiter__(self):
        return self

    async def __anext__(self):
        for item in self._items:
            self._taken += 1
            if isinstance(item, Exception):
                raise item
            return item
        raise StopAsyncIteration

    def stop(self):
        self._items = iter(())


def blocks_of(recording, n=10):
    for first in range(0, len(recording), n):
        rows = slice(first, first + n)
        yield SampleBlock(first, recording.acc[rows], recording.gyr[rows], first / recording.rate_hz)


@pytest.mark.parametrize("speed", [math.inf, 3000.0])
def test_a_replay_gives_the_steps_of_the_file_to_the_byte(recording, speed):
    async def scenario():
        return await steps_of(replay_pipeline(recording, speed, RunnerProfile(Runner(height_m=1.8))))

    steps = asyncio.run(scenario())
    expected = imurun.analyze(recording, Runner(height_m=1.8)).steps
    assert len(steps) > 700
    pd.testing.assert_frame_equal(steps, expected, check_exact=True)


def test_samples_wait_until_the_rate_is_known():
    recording = steady_run(20.0).recording
    source = Scripted(blocks_of(recording), known_after=150)
    pipeline = Pipeline(source, RunnerProfile())
    links = []

    async def scenario():
        updates = pipeline.broadcast.subscribe(10**6)
        task = asyncio.create_task(pipeline.run())
        async for _ in updates:
            links.append(pipeline.state.link)
        await task

    asyncio.run(scenario())
    assert set(links[:140]) == {"learning"}
    assert links[-1] in ("streaming", "ended")
    assert pipeline.state.n_trend == len(imurun.analyze(recording).steps)


def test_a_run_that_ends_before_its_rate_is_known_is_analysed_all_the_same():
    recording = steady_run(11.0).recording
    pipeline = Pipeline(Scripted(blocks_of(recording), known_after=10**6), RunnerProfile())
    asyncio.run(pipeline.run())
    assert pipeline.state.n_trend == len(imurun.analyze(recording).steps) > 20


def test_events_of_the_sensor_change_the_state():
    recording = steady_run(2.0).recording
    block = next(blocks_of(recording, 50))
    lost = SampleBlock(50, np.full((30, 3), np.nan), np.full((30, 3), np.nan), 0.8)
    seen = []

    async def scenario(items, *look):
        pipeline = Pipeline(Scripted(items), RunnerProfile())
        await pipeline.run()
        seen.append(pipeline.state)

    error = SensorError("It broke; mend it.")
    asyncio.run(
        scenario(
            [
                Connected(0.0, 247, 1),
                Battery(0.0, 64),
                block,
                Dropped(0.1, 3),
                NotLogged(0.2),
                NotStopped(1.1),
                lost,
                ConnectionLost(1.0, "gone."),
                error,
            ]
        )
    )
    (state,) = seen
    assert (state.link, state.trouble) == ("ended", "It broke; mend it.")
    assert state.battery_percent == 64
    assert state.n_dropped == 3
    assert [note.split(";")[0][:30] for note in state.notes] == [
        "The sensor does not log: its s",
        "The sensor could not be stoppe",
    ]
    assert state.missing_s == pytest.approx(0.3)


def test_one_sensor_that_fails_does_not_end_the_others():
    recording = steady_run(12.0).recording
    good = Pipeline(Scripted(blocks_of(recording)), RunnerProfile())
    bad = Pipeline(Scripted([SensorError("It broke; mend it.")]), RunnerProfile())
    asyncio.run(run_all([bad, good], []))
    assert isinstance(bad.error, SensorError)
    assert good.error is None
    assert good.state.n_trend > 20


def test_the_files_of_a_run_have_its_markers_and_give_the_same_steps(recording, tmp_path):
    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile(), tmp_path / "run")
        updates = pipeline.broadcast.subscribe(10**6)
        controls = controls_of([pipeline])
        task = asyncio.create_task(pipeline.run())
        async for _ in updates:
            if pipeline.elapsed_s > 60:
                controls.lap()
                controls.pain(3)
                break
        await task
        return pipeline, step_frame([step async for update in updates for step in update.steps])

    pipeline, _ = asyncio.run(scenario())
    kept = finish_session(pipeline.journal, Runner())
    expected = imurun.analyze(recording).steps
    pd.testing.assert_frame_equal(kept.session.steps, expected, check_exact=True)
    again = imurun.read(kept.recording)
    pd.testing.assert_frame_equal(imurun.analyze(again).steps, expected, check_exact=True)
    np.testing.assert_array_equal(again.acc, recording.acc)
    assert again.start == recording.start
    assert [(marker.kind, marker.value) for marker in again.markers] == [("lap", None), ("pain", 3.0)]
    assert 60 < again.markers[0].time_s < len(recording) / recording.rate_hz
    assert kept.session.markers == again.markers == tuple(pipeline.state.markers)


def test_the_journal_keeps_the_known_speed_and_the_calibration(tmp_path):
    recording = steady_run(30.0).recording
    point = CalibrationPoint(3.0, 165.0, -12.0, -9.0, 240.0, 400, ((2.0, 20.5),))
    runner = Runner("Kim", 62.0, calibration=Calibration("2026-05-01", "your Stryd", CONTACT_MODEL, (point,)))
    speed = SpeedTable.parse("0:3.0,5:3.5")

    async def scenario():
        profile = RunnerProfile(runner, speed=speed)
        pipeline = replay_pipeline(recording, math.inf, profile, tmp_path / "run")
        return pipeline, await steps_of(pipeline)

    pipeline, shown = asyncio.run(scenario())
    kept = finish_session(pipeline.journal)
    expected = imurun.analyze(recording, runner, speed=speed)
    pd.testing.assert_frame_equal(kept.session.steps, expected.steps, check_exact=True)
    pd.testing.assert_frame_equal(shown, expected.steps, check_exact=True)
    metadata = imurun.export.read_steps(kept.steps)[1]
    assert metadata["known_speed"] == speed.words == kept.session.summary["known_speed"]
    assert metadata["calibration"] == runner.calibration.words == kept.session.summary["calibration"]


def test_a_full_disk_stops_the_recording_and_not_the_run(tmp_path, monkeypatch):
    recording = steady_run(20.0).recording

    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile(), tmp_path / "run")
        journal = pipeline._recorder._journal
        write, written = journal.notification, []

        def limited(*what):
            written.append(what)
            if len(written) > 5:
                raise RecordingError("run.journal cannot be written any more (No space left on device).")
            write(*what)

        monkeypatch.setattr(journal, "notification", limited)
        await pipeline.run()
        return pipeline

    pipeline = asyncio.run(scenario())
    assert pipeline.error is None
    assert pipeline.state.n_trend == len(imurun.analyze(recording).steps)
    assert pipeline.state.notes[0].startswith("Recording has stopped: run.journal cannot be written any more")
    assert len(imurun.read(pipeline.journal)) == 1000  # what was kept before


def test_a_write_error_is_noted_once(tmp_path):
    recording = steady_run(5.0).recording

    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile(), tmp_path / "run")
        pipeline._source = Scripted(blocks_of(recording), known_after=40)
        pipeline._recorder.failure = "Recording has stopped."
        updates = pipeline.broadcast.subscribe()
        running = asyncio.create_task(pipeline.run())
        notes = [pipeline.state.notes async for _ in updates]
        await running
        return notes

    assert {notes.count("Recording has stopped.") for notes in asyncio.run(scenario())} == {1}


def test_a_run_without_samples_leaves_no_file(tmp_path):
    async def scenario():
        pipeline = replay_pipeline(steady_run(5.0).recording, 1.0, RunnerProfile(), tmp_path / "run")
        pipeline.stop()
        await pipeline.run()
        return pipeline

    assert asyncio.run(scenario()).journal is None
    assert not list(tmp_path.iterdir())


def test_existing_files_are_not_replaced(tmp_path):
    (tmp_path / "run-steps.parquet").touch()

    async def scenario():
        replay_pipeline(steady_run(5.0).recording, 1.0, RunnerProfile(), tmp_path / "run")

    with pytest.raises(SettingsError, match="is there already; give another name"):
        asyncio.run(scenario())


def test_a_slow_subscriber_loses_the_oldest_updates_and_does_not_delay_the_run(recording):
    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile())
        slow = pipeline.broadcast.subscribe(5)
        await pipeline.run()
        return pipeline, slow, [update async for update in slow]

    pipeline, slow, updates = asyncio.run(scenario())
    assert len(updates) == 5
    assert slow.n_missed > 100
    assert pipeline.state.n_trend == sum(imurun.analyze(recording).steps["gait"] == "running")


def test_replayed_blocks_come_no_earlier_than_they_were_measured():
    recording = steady_run(2.0).recording

    async def scenario():
        loop = asyncio.get_running_loop()
        began_s, late_s = loop.time(), []
        async with ReplaySource(recording, 4.0) as source:
            async for block in source:
                late_s.append(loop.time() - block.time_s)
        return loop.time() - began_s, late_s

    took_s, late_s = run_virtual(scenario())
    assert took_s == pytest.approx(0.5, abs=1e-6)
    assert min(late_s) >= 0.0  # nothing comes before it was measured


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_must_be_positive(speed):
    with pytest.raises(SettingsError, match="must be positive"):
        ReplaySource(steady_run(2.0).recording, speed)


def test_pain_outside_0_to_10_is_refused():
    with pytest.raises(ValueError, match="Pain must be 0 to 10, got 11"):
        controls_of([]).pain(11)
    with pytest.raises(RecordingError, match="pain has 0 to 10"):
        Marker(1.0, "pain", 11.0)
