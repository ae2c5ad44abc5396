"""A live run of the virtual sensor over a bad link, in virtual time: what is shown is true, and kept."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest

pytest.importorskip("bumble", reason="needs the extra 'virtual'")

import imurun
from imurun.ble.connection import lock_sensor
from imurun.cli.live import step_frame
from imurun.errors import SensorError
from imurun.live.pipeline import run_all, sensor_pipeline
from imurun.live.recorder import finish_session
from imurun.live.runner_profile import RunnerProfile
from imurun.live.state import FRESH_S
from imurun.model.runner import Runner
from imurun.sim.presets import steady_run
from imurun.virtual.faults import Faults, Spell
from imurun.virtual.feed import Feed
from tests.virtual.virtual_board import library
from tests.virtual.virtual_loop import run_virtual
from tests.virtual.virtual_rig import SETTINGS, Watched, offered

SECONDS = 150.0
DROP, SILENCE, LONG_DROP = Spell(40.0, 8.0), Spell(70.0, 5.0), Spell(95.0, 26.0)


class Watch:
    """Snapshots ten times a second, with the time since the run began."""

    def __init__(self, pipeline):
        self._state = pipeline.state
        self.seen = []

    async def __call__(self, ended):
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        while not ended.is_set():
            self.seen.append((loop.time() - begun_s, self._state.snapshot(loop.time())))
            await asyncio.sleep(0.1)

    def links(self, first_s, stop_s):
        """The different links seen between these times, in order."""
        links = [moment.link for time_s, moment in self.seen if first_s <= time_s < stop_s]
        return [link for k, link in enumerate(links) if k == 0 or links[k - 1] != link]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    stem = tmp_path_factory.mktemp("live") / "run"
    recording = steady_run(SECONDS + 60, rate_hz=208.0).recording
    faults = Faults(loss=0.05, drops=(DROP, LONG_DROP), silences=(SILENCE,))

    async def scenario(monkeypatch):
        loop = asyncio.get_running_loop()
        sensor = Watched(library(), Feed(recording), faults, seed=3, now_s=loop.time())
        async with offered(monkeypatch, sensor) as found:
            pipeline = sensor_pipeline(found, SETTINGS, RunnerProfile(), stem)
            moments = pipeline.broadcast.subscribe(10**6)
            watch = Watch(pipeline)
            loop.call_later(SECONDS, pipeline.stop)
            await run_all([pipeline], [watch])
            steps = step_frame([step async for moment in moments for step in moment.steps])
            return pipeline, watch, steps

    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline, watch, steps = run_virtual(scenario(monkeypatch))
    return pipeline, watch, steps, finish_session(pipeline.journal, Runner())


def test_nothing_old_is_shown_as_fresh(ran):
    _, watch, _, _ = ran
    old = [moment for _, moment in watch.seen if moment.age_s is not None and moment.age_s >= FRESH_S]
    assert len(old) > 100
    for moment in old:
        assert not moment.is_fresh
        assert moment.bout == "gap"
        assert not any(value is not None for value in moment.values.values())  # noqa: PD011


def test_the_age_of_what_is_shown_is_true(ran):
    """The stream began a moment after the run: elapsed and age together are the time since then."""
    _, watch, _, _ = ran
    begun_s = [
        time_s - moment.elapsed_s - moment.age_s
        for time_s, moment in watch.seen
        if moment.age_s is not None and time_s < SECONDS
    ]
    assert max(begun_s) - min(begun_s) < 0.1


def test_the_state_of_the_connection_is_shown(ran):
    _, watch, _, _ = ran
    assert watch.links(0.0, 11.0) == ["waiting", "learning"]
    assert set(watch.links(16.0, DROP.at_s)) <= {"streaming", "filling"}
    for spell in (DROP, LONG_DROP):
        assert watch.links(spell.at_s + 3.0, spell.at_s + spell.lasting_s) == ["lost"]
    after = watch.links(DROP.at_s + DROP.lasting_s, SILENCE.at_s)
    assert "filling" in after
    assert after[-1] == "streaming"
    assert "lost" in watch.links(SILENCE.at_s + 1.0, SILENCE.at_s + 4.0)
    assert watch.links(LONG_DROP.at_s + LONG_DROP.lasting_s + 15.0, SECONDS - 1.0)[-1] == "streaming"


def test_trouble_is_shown_while_it_lasts(ran):
    _, watch, _, _ = ran
    for time_s, moment in watch.seen:
        assert bool(moment.trouble) == (moment.link == "lost"), (time_s, moment.link, moment.trouble)


def test_missing_seconds_are_counted(ran):
    _, watch, _, kept = ran
    moment = watch.seen[-1][1]
    recording = imurun.read(kept.recording)
    missing_s = sum(stop - first for first, stop in recording.gaps) / recording.rate_hz
    assert 3.0 < missing_s < 12.0  # of the long drop, what the ring does not hold
    assert moment.missing_s == pytest.approx(missing_s, abs=0.3)


def test_the_steps_shown_are_those_of_the_file(ran):
    _, _, steps, kept = ran
    assert len(steps) > 300
    pd.testing.assert_frame_equal(steps, kept.session.steps, check_exact=True)
    again = imurun.analyze(imurun.read(kept.recording)).steps
    pd.testing.assert_frame_equal(steps, again, check_exact=True)


def test_a_second_program_is_refused():
    async def scenario(monkeypatch):
        loop = asyncio.get_running_loop()
        sensor = Watched(library(), Feed(steady_run(20.0).recording), seed=3, now_s=loop.time())
        async with offered(monkeypatch, sensor) as found:
            with lock_sensor(found.address, found.label):
                pipeline = sensor_pipeline(found, SETTINGS, RunnerProfile(), None)
                await pipeline.run()
                return pipeline.error

    with pytest.MonkeyPatch.context() as monkeypatch:
        error = run_virtual(scenario(monkeypatch))
    assert isinstance(error, SensorError)
    assert str(error).endswith("is in use by another imurun; end that one first.")
