"""A page that is served in a thread of its own, and a run that feeds it."""

from __future__ import annotations

import asyncio
import math
import threading
from concurrent.futures import Future

from imurun.engine import Step
from imurun.live.page import serve
from imurun.live.state import Alert, Controls, RunState
from imurun.model.recording import Marker

STEP_S = 60.0 / 176.0


def made_step(index: int, *, at_s: float | None = None, **changed) -> Step:
    """The `index`th step of a steady run with a little sway in everything."""
    time_s = index * STEP_S if at_s is None else at_s
    wave = math.sin(0.05 * index)
    is_left = index % 2 == 0
    values = dict.fromkeys(Step._fields, 1.0) | {
        "initial_contact_s": time_s,
        "final_contact_s": time_s + 0.24,
        "side": "left" if is_left else "right",
        "gait": "running",
        "cadence_spm": 176.0 + 3.0 * wave,
        "contact_time_ms": (238.0 if is_left else 246.0) + 5.0 * wave,
        "peak_impact_g": (3.4 if is_left else 3.9) + 0.3 * wave,
        "lumbar_compression_bw": 5.2 + 0.2 * wave,
        "lumbar_dose": 1.6,
        "roll_rom_deg": (11.5 if is_left else 12.5) + 0.5 * wave,
        "ml_sway_ratio": 0.21,
        "lean_deg": 7.0,
        "vertical_oscillation_mm": 84.0,
        "braking_g": 0.61,
        "decided_s": time_s + 0.4,
    }
    return Step(**(values | changed))


class Stand:
    """A page in the event loop of another thread, and what its buttons asked for.

    Everything that touches the loop's objects goes through `call`.
    """

    def __init__(self, names=("Lower back",), limit=None) -> None:
        self.states = [RunState(name, load_limit_bw4=limit) for name in names]
        self.asked: list[tuple] = []
        self.controls = Controls(self._mark, lambda: self.asked.append(("stop",)))
        self.loop = asyncio.new_event_loop()
        self.errors: list[dict] = []
        self.loop.set_exception_handler(lambda _loop, context: self.errors.append(context))
        self.page = None
        self._serving: Future | None = None
        self._enough: asyncio.Event | None = None
        self._feeds: list[Future] = []
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def _mark(self, name, kind, value) -> None:
        self.asked.append((kind, value, name))
        for state in self.states:
            if name in (None, state.name):
                state.markers.append(Marker(state._elapsed_s, kind, value))
                state.version += 1

    def call(self, function, *arguments):
        """What the function returns, called in the loop's thread."""

        async def run():
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def serve(self, **options):
        """Open the page and return it."""
        ready: Future = Future()

        async def stay():
            try:
                async with serve(self.states, self.controls, **({"port": 0} | options)) as page:
                    self._enough = asyncio.Event()
                    ready.set_result(page)
                    await self._enough.wait()
            except Exception as error:
                if ready.done():
                    raise
                ready.set_exception(error)

        self._serving = asyncio.run_coroutine_threadsafe(stay(), self.loop)
        self.page = ready.result(10)
        return self.page

    def shut(self) -> None:
        """Close the page; the run goes on."""
        self.call(self._enough.set)
        self._serving.result(10)
        self.page = None

    def run(self, state: RunState, first: int = 0) -> None:
        """Let a runner run in real time from here on, until `rest`."""

        async def feed():
            index = first
            begin_s = self.loop.time() - index * STEP_S
            try:
                while True:
                    now_s = self.loop.time()
                    elapsed_s = now_s - begin_s
                    state.link = "streaming"
                    state.rate_hz, state.battery_percent = 208.0, 83
                    if elapsed_s > (index + 1) * STEP_S:
                        state.steps([made_step(index)])
                        index += 1
                    state.samples(elapsed_s, now_s - 0.03, now_s)
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                return

        self._feeds.append(asyncio.run_coroutine_threadsafe(feed(), self.loop))

    def rest(self) -> None:
        for feed in self._feeds:
            feed.cancel()
        self._feeds.clear()

    def fill(self, state: RunState, n_steps: int) -> None:
        """What a runner did in so many steps, at once."""

        def fill():
            now_s = self.loop.time()
            for index in range(n_steps):
                state.steps([made_step(index)])
            state.samples(n_steps * STEP_S, now_s - 0.03, now_s)

        self.call(fill)

    def alert(self, state: RunState, sentence: str, key: str = "impact") -> None:
        def alert():
            state.alerts = (Alert(key, state._elapsed_s, sentence), *state.alerts)
            state.version += 1

        self.call(alert)

    def close(self) -> None:
        self.rest()
        if self.page is not None:
            self.shut()
        self.call(lambda: None)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()
