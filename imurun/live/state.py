"""State of a live run that outputs read, its snapshots, and the controls that act on the run.

    pipeline --samples, second, steps--> RunState --snapshot(now)--> terminal, page

Memory is bounded for runs of any length. Nothing here waits or reads a clock: callers pass the host's
monotonic time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, NamedTuple

import numpy as np

from imurun.engine import Step
from imurun.model.columns import COLUMNS, printed_unit
from imurun.model.frames import FloatArray
from imurun.model.recording import Marker

MOST_PAIN = 10


class Metric(NamedTuple):
    """How outputs show a column of the step table."""

    label: str
    unit: str
    decimals: int


SHOWN = (
    "cadence_spm",
    "contact_time_ms",
    "peak_impact_g",
    "lumbar_compression_bw",
    "roll_rom_deg",
    "ml_sway_ratio",
    "lean_deg",
    "vertical_oscillation_mm",
    "braking_g",
)
METRICS: dict[str, Metric] = {
    name: Metric(COLUMNS[name].label, printed_unit(name), COLUMNS[name].decimals) for name in SHOWN
}
"""Columns of the step table that are shown live, in order of importance."""
ERRORS = {"contact_time_ms": "contact_time_error_ms"}
"""Half widths of the 90 % interval that stand beside a metric."""

Link = Literal["waiting", "learning", "streaming", "filling", "lost", "ended"]
"""State of a sensor's stream, set by the pipeline:

waiting: no sample yet; learning: the sensor's true rate is measured; streaming: samples arrive; filling:
missed samples are fetched from the sensor's log; lost: no connection; ended: the run is over.

    waiting -> learning -> streaming <-> filling
                  lost <- any of these; lost -> waiting or filling on the next connection
                  ended <- any
"""

FRESH_S = 3.0
"""Older values are not shown as current."""
STEPS_SHOWN = 8
"""Current values are medians of this many steps: four strides."""
TREND_STEPS = 2400
"""Ten minutes at 240 steps a minute."""
CURVE_POINTS = 720
"""Most points of the load curve; every second point is dropped when there are more."""
RUNNING_S, WALKING_S = 2.5, 4.0
"""For this long after a step the runner counts as running or walking."""


class Controls:
    """Actions of the buttons of an output.

    Args:
        mark: stores a marker of a kind and value at the current time of one sensor's stream, given by name,
            or of all streams where the name is None.
        stop: ends the run and closes its files.
    """

    def __init__(
        self,
        mark: Callable[[str | None, Literal["lap", "pain"], float | None], None],
        stop: Callable[[], None],
    ) -> None:
        self._mark = mark
        self._stop = stop

    def lap(self, name: str | None = None) -> None:
        """Mark the beginning of a lap."""
        self._mark(name, "lap", None)

    def pain(self, value: int, name: str | None = None) -> None:
        """Mark the present pain, 0 to 10.

        Raises:
            ValueError: a value outside 0 to 10.
        """
        if not 0 <= value <= MOST_PAIN:
            raise ValueError(f"Pain must be 0 to {MOST_PAIN}, got {value}.")
        self._mark(name, "pain", float(value))

    def stop(self) -> None:
        """End the run."""
        self._stop()


@dataclass(frozen=True)
class Alert:
    """A broken rule.

    Attributes:
        key: name of the rule in the runner's file.
        time_s: stream time at which the rule was broken.
        sentence: value, bound and reason, for the runner.
    """

    key: str
    time_s: float
    sentence: str


@dataclass(frozen=True)
class Snapshot:
    """One sensor's run at one time, JSON-ready with `dataclasses.asdict`.

    Attributes:
        name: of the sensor.
        link: see `Link`. trouble: a sentence with the reason while the link is lost or has failed; else "".
        elapsed_s: stream time of the newest sample.
        age_s: time since the newest sample was measured; None before the first.
        is_fresh: whether `age_s` is less than `FRESH_S`.
        bout: running, walking, still, other; gap while no samples arrive.
        values: medians of the last steps by column of `METRICS`; None where not known or not fresh.
        left, right: the same for the steps of one side.
        n_steps: running steps so far.
        load_bw4, load_limit_bw4: session load so far; this runner's limit, None without one.
        battery_percent, rate_hz: of the sensor; None while unknown.
        missing_s: duration of missing samples; filling_s: duration of those that may still arrive.
        n_dropped: packets and blocks dropped because the computer or an output was too slow.
        delay_s: from the measurement of the newest sample to its analysis.
        alerts: the alerts that are active, the newest first.
        n_laps, last_pain: markers so far.
        notes: remarks of the analyzer and the sensor, and write errors of the recorder.
    """

    name: str
    link: Link
    trouble: str
    elapsed_s: float
    age_s: float | None
    is_fresh: bool
    bout: str
    values: dict[str, float | None]
    left: dict[str, float | None]
    right: dict[str, float | None]
    n_steps: int
    load_bw4: float
    load_limit_bw4: float | None
    battery_percent: int | None
    rate_hz: float | None
    missing_s: float
    filling_s: float
    n_dropped: int
    delay_s: float | None
    alerts: tuple[Alert, ...]
    n_laps: int
    last_pain: float | None
    notes: tuple[str, ...]


@dataclass
class RunState:
    """One sensor's run so far; the pipeline writes it, outputs read it.

    Attributes:
        name: of the sensor.
        version: grows with each change; an output redraws when it has changed.
        n_trend: number of running steps ever added to the trend; the argument of `trend` counts the same way.
    """

    name: str
    load_limit_bw4: float | None = None
    link: Link = "waiting"
    trouble: str = ""
    version: int = 0
    n_trend: int = 0
    load_bw4: float = 0.0
    battery_percent: int | None = None
    rate_hz: float | None = None
    missing_s: float = 0.0
    filling_s: float = 0.0
    n_dropped: int = 0
    notes: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    markers: list[Marker] = field(default_factory=list)
    _elapsed_s: float = 0.0
    _measured_s: float = math.nan
    _delay_s: float = math.nan
    _steps: deque[Step] = field(default_factory=lambda: deque(maxlen=TREND_STEPS))
    _curve: list[tuple[float, float]] = field(default_factory=list)
    _curve_every_s: float = 5.0
    _last_step: Step | None = None
    _is_still: bool = False

    # -- input -----------------------------------------------------------------------------------------------

    def samples(self, elapsed_s: float, measured_s: float, now_s: float) -> None:
        """Samples up to stream time `elapsed_s`, measured at `measured_s`, were analysed at `now_s`."""
        self.version += 1
        self._elapsed_s = elapsed_s
        self._measured_s = measured_s
        self._delay_s = now_s - measured_s

    def second(self, is_still: bool) -> None:
        """Whether the sensor was still in the second that just ended."""
        self._is_still = is_still

    def steps(self, steps: Sequence[Step]) -> None:
        """Add new steps to the trend, the load and its curve."""
        for step in steps:
            self._last_step = step
            if step.gait == "running":
                self._steps.append(step)
                self.n_trend += 1
                if math.isfinite(step.lumbar_dose):
                    self.load_bw4 += step.lumbar_dose
        if steps and (
            not self._curve or steps[-1].initial_contact_s - self._curve[-1][0] > self._curve_every_s
        ):
            self._curve.append((steps[-1].initial_contact_s, self.load_bw4))
            if len(self._curve) > CURVE_POINTS:
                self._curve = self._curve[1::2]
                self._curve_every_s *= 2.0

    # -- output ----------------------------------------------------------------------------------------------

    def trend(self, since: int = 0) -> list[Step]:
        """Running steps after the first `since` of the run, of the last `TREND_STEPS`."""
        n_new = min(max(self.n_trend - since, 0), len(self._steps))
        return list(self._steps)[len(self._steps) - n_new :]

    @property
    def load_curve(self) -> FloatArray:
        """Stream time, s, and session load, BW^4, shape (n, 2); coarser the longer the run."""
        return np.array(self._curve, dtype=np.float64).reshape(-1, 2)

    def snapshot(self, now_s: float) -> Snapshot:
        """The state at `now_s` of the host's monotonic clock."""
        age_s = now_s - self._measured_s if math.isfinite(self._measured_s) else None
        is_fresh = age_s is not None and age_s < FRESH_S
        recent = self._recent(age_s) if age_s is not None else []
        sides = {side: [step for step in recent if step.side == side] for side in ("left", "right")}
        pains = [marker.value for marker in self.markers if marker.kind == "pain"]
        return Snapshot(
            name=self.name,
            link=self.link,
            trouble=self.trouble,
            elapsed_s=self._elapsed_s,
            age_s=age_s,
            is_fresh=is_fresh,
            bout=self._bout() if is_fresh else "gap",
            values=_medians(recent),
            left=_medians(sides["left"]),
            right=_medians(sides["right"]),
            n_steps=self.n_trend,
            load_bw4=self.load_bw4,
            load_limit_bw4=self.load_limit_bw4,
            battery_percent=self.battery_percent,
            rate_hz=self.rate_hz,
            missing_s=self.missing_s,
            filling_s=self.filling_s,
            n_dropped=self.n_dropped,
            delay_s=self._delay_s if math.isfinite(self._delay_s) else None,
            alerts=self.alerts,
            n_laps=sum(marker.kind == "lap" for marker in self.markers),
            last_pain=pains[-1] if pains else None,
            notes=self.notes,
        )

    def _recent(self, age_s: float) -> list[Step]:
        """The last running steps, newest first; empty if the newest is not fresh."""
        if not self._steps:
            return []
        if self._elapsed_s - self._steps[-1].final_contact_s + age_s >= FRESH_S:
            return []
        return [self._steps[-k] for k in range(1, min(STEPS_SHOWN, len(self._steps)) + 1)]

    def _bout(self) -> str:
        step = self._last_step
        if step is not None:
            since_s = self._elapsed_s - step.initial_contact_s
            if since_s < (RUNNING_S if step.gait == "running" else WALKING_S):
                return step.gait
        return "still" if self._is_still else "other"


def _medians(steps: Sequence[Step]) -> dict[str, float | None]:
    medians: dict[str, float | None] = {}
    for column in (*METRICS, *ERRORS.values()):
        values = [value for step in steps if math.isfinite(value := getattr(step, column))]
        medians[column] = median(values) if values else None
    return medians
