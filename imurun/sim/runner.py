"""Gait style of a runner, segments of a session, and the plan of all steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from imurun.errors import SettingsError
from imurun.model.frames import FloatArray, G
from imurun.model.runner import check_range
from imurun.sim.waveforms import (
    Moving,
    Shape,
    default_cadence_spm,
    default_duty_factor,
    default_sway_deg,
    more_peaked,
    shape_at,
)

Kind = Literal["still", "walking", "running"]

LEAD_STEPS = 6
"""Steps planned before the start and after the end of a session that starts or ends in motion."""

_SPEED_LIMITS = {"walking": (0.3, 3.0), "running": (1.2, 9.0)}
_DUTY_LIMITS = {"walking": (0.505, 0.8), "running": (0.15, 0.6)}
_MOST_DUTY_IN_FLIGHT = 0.495
_DEFAULT_SPEED = {"walking": 1.4, "running": 3.0}


@dataclass(frozen=True)
class Segment:
    """A part of a session with one activity.

    Attributes:
        kind: "still", "walking" or "running".
        duration_s: at least 2 s; the segment ends with the last step that starts in it.
        speed_m_s: None for 1.4 walking and 3.0 running.
        cadence_spm: steps per minute; None for the default at this speed.
        duty_factor: contact time over stride time, above 0.5 for walking; above 0.5 for running is grounded
            running, without flight. None for the default at this speed, with flight when running.
        sway_deg: range of roll, pitch and yaw over a stride, degrees; None for the default at this speed.
        lean_deg: mean forward lean, degrees; None for the runner's when running, half of it when walking,
            0 when still.
        turn_deg_s: constant turn rate, + left, degrees per second.
        transition_s: duration of the change of speed, sway, lean and turn rate from the segment before.
            Between walking and running, speed, cadence and duty factor change at the first step.

    Raises:
        SettingsError: a value out of the human range.
    """

    kind: Kind
    duration_s: float
    speed_m_s: float | None = None
    cadence_spm: float | None = None
    duty_factor: float | None = None
    sway_deg: tuple[float, float, float] | None = None
    lean_deg: float | None = None
    turn_deg_s: float = 0.0
    transition_s: float = 2.0

    def __post_init__(self) -> None:
        if self.kind not in ("still", "walking", "running"):
            raise SettingsError(f"A segment must be still, walking or running, not {self.kind!r}.")
        check_range("duration_s", self.duration_s, 2.0, 200_000.0)
        check_range("lean_deg", self.lean_deg, -30.0, 45.0)
        check_range("turn_deg_s", self.turn_deg_s, -60.0, 60.0)
        check_range("transition_s", self.transition_s, 0.0, 60.0)
        if self.sway_deg is not None:
            if len(self.sway_deg) != 3:
                raise SettingsError("sway_deg must be three numbers: the ranges of roll, pitch and yaw.")
            for value in self.sway_deg:
                check_range("sway_deg", value, 0.0, 45.0)
        if self.kind != "still":
            check_range("speed_m_s", self.speed_m_s, *_SPEED_LIMITS[self.kind])
            check_range("duty_factor", self.duty_factor, *_DUTY_LIMITS[self.kind])
            check_range("cadence_spm", self.cadence_spm, 50.0 if self.kind == "walking" else 110.0, 300.0)


@dataclass(frozen=True)
class RunnerModel:
    """Gait style of a simulated runner. The defaults are the average person.

    Attributes:
        lean_deg: mean forward lean while running, degrees.
        sway_scale: amplitude of roll, pitch and yaw relative to the average person.
        contact_asymmetry: left minus right contact time over their mean.
        peak_asymmetry: left minus right peak force over their mean, while running. Each step still
            averages one body weight: the push becomes more peaked, not longer.
        variability: standard deviation of step times over their mean; contact times vary as much, sway twice
            as much.
        sacral_gain: amplitude of the sacrum's own motion relative to the average person; with 0 the vertical
            acceleration follows the force exactly.
        impact_scale: amplitude of the oscillation after contact relative to the average person.
        fatigue_sway, fatigue_cadence, fatigue_contact: relative change from the start of the session to
            its end, growing linearly.
        fatigue_lean_deg: change of the lean over the session, degrees.
        first_side: "left" or "right".

    Raises:
        SettingsError: a value out of the human range.
    """

    lean_deg: float = 8.0
    sway_scale: float = 1.0
    contact_asymmetry: float = 0.0
    peak_asymmetry: float = 0.0
    variability: float = 0.012
    sacral_gain: float = 1.0
    impact_scale: float = 1.0
    fatigue_sway: float = 0.0
    fatigue_cadence: float = 0.0
    fatigue_contact: float = 0.0
    fatigue_lean_deg: float = 0.0
    first_side: Literal["left", "right"] = "left"

    def __post_init__(self) -> None:
        limits = {
            "lean_deg": (-30.0, 45.0),
            "sway_scale": (0.0, 4.0),
            "contact_asymmetry": (-0.3, 0.3),
            "peak_asymmetry": (-0.15, 0.15),
            "variability": (0.0, 0.1),
            "sacral_gain": (0.0, 3.0),
            "impact_scale": (0.0, 5.0),
            "fatigue_sway": (-0.9, 3.0),
            "fatigue_cadence": (-0.3, 0.3),
            "fatigue_contact": (-0.3, 0.3),
            "fatigue_lean_deg": (-30.0, 30.0),
        }
        for name, (low, high) in limits.items():
            check_range(name, getattr(self, name), low, high)
        if self.first_side not in ("left", "right"):
            raise SettingsError(f"first_side must be 'left' or 'right', not {self.first_side!r}.")


@dataclass(frozen=True)
class StepPlan:
    """All steps of a session. Arrays have one row for each step.

    Attributes:
        contact_s, step_s, stance_s: initial contact, time to the next contact, contact time.
        left, running: whether it is a left step, a running step.
        bout: number of the interval between two stands.
        shapes: arrays stacked from `waveforms.Shape`, with the runner's scales applied.
        sway_deg, lean_deg, turn_rad_s, speed_m_s: as in `Segment`.
        rests: (begin, end, lean_deg) of each stand.
        bouts: (kind, begin, end) of the session's parts.
        duration_s: the session's length.
    """

    contact_s: FloatArray
    step_s: FloatArray
    stance_s: FloatArray
    left: npt.NDArray[np.bool_]
    running: npt.NDArray[np.bool_]
    bout: npt.NDArray[np.intp]
    shapes: Shape
    sway_deg: FloatArray
    lean_deg: FloatArray
    turn_rad_s: FloatArray
    speed_m_s: FloatArray
    rests: tuple[tuple[float, float, float], ...]
    bouts: tuple[tuple[str, float, float], ...]
    duration_s: float

    def __len__(self) -> int:
        return len(self.contact_s)


@dataclass
class _Style:
    """Values that change smoothly from one segment to the next."""

    speed: float
    cadence: float
    duty: float
    sway: FloatArray
    lean: float
    turn: float

    def toward(self, target: _Style, share: float, same_gait: bool) -> _Style:
        """Interpolate towards `target`; speed, cadence and duty factor jump if the gait changes."""
        keep = share if same_gait else 1.0

        def between(a: float, b: float, s: float) -> float:
            return a + (b - a) * s

        return _Style(
            speed=between(self.speed, target.speed, keep),
            cadence=between(self.cadence, target.cadence, keep),
            duty=between(self.duty, target.duty, keep),
            sway=self.sway + (target.sway - self.sway) * share,
            lean=between(self.lean, target.lean, share),
            turn=between(self.turn, target.turn, share),
        )


def _lean_of(runner: RunnerModel, segment: Segment) -> float:
    if segment.lean_deg is not None:
        return segment.lean_deg
    return {"still": 0.0, "walking": 0.5, "running": 1.0}[segment.kind] * runner.lean_deg


def _style_of(runner: RunnerModel, segment: Segment) -> _Style:
    gait: Moving = "walking" if segment.kind == "walking" else "running"
    speed = _DEFAULT_SPEED[gait] if segment.speed_m_s is None else segment.speed_m_s
    cadence = default_cadence_spm(gait, speed) if segment.cadence_spm is None else segment.cadence_spm
    duty = default_duty_factor(gait, speed) if segment.duty_factor is None else segment.duty_factor
    sway = default_sway_deg(gait, speed) if segment.sway_deg is None else segment.sway_deg
    return _Style(
        speed=speed,
        cadence=cadence,
        duty=duty,
        sway=np.array(sway) * runner.sway_scale,
        lean=_lean_of(runner, segment),
        turn=np.radians(segment.turn_deg_s),
    )


def plan_steps(runner: RunnerModel, segments: Sequence[Segment], rng: np.random.Generator) -> StepPlan:
    """Plan all steps of a session.

    Raises:
        SettingsError: no segment, or no step in any of them.
    """
    if not segments:
        raise SettingsError("A session needs at least one segment.")
    ends = np.cumsum([segment.duration_s for segment in segments])
    total = float(ends[-1])
    rows: list[tuple[float, float, bool, int]] = []  # contact, step time, running, bout
    styles: list[_Style] = []
    rests: list[tuple[float, float, float]] = []
    bouts: list[tuple[str, float, float]] = []
    now = 0.0
    bout = 0
    before: _Style | None = None
    gait_before = ""
    for index, segment in enumerate(segments):
        begin, end = float(ends[index] - segment.duration_s), float(ends[index])
        if segment.kind == "still":
            begin = max(begin, now)
            now = end
            if gait_before == "still":
                rests[-1] = (rests[-1][0], end, rests[-1][2])
            else:
                rests.append((begin, end, _lean_of(runner, segment)))
            _add_bout(bouts, "still", begin)
            before, gait_before = None, "still"
            bout += 1
            continue
        target = _style_of(runner, segment)
        if before is None:
            before = replace(target, lean=rests[-1][2] if rests else target.lean)
        if index == 0:
            now = -LEAD_STEPS * 60.0 / target.cadence
        last = index == len(segments) - 1
        stop = end + LEAD_STEPS * 60.0 / target.cadence if last else end
        running = segment.kind == "running"
        same_gait = gait_before in (segment.kind, "still", "")
        begin = max(now, 0.0)
        _add_bout(bouts, segment.kind, begin)
        style = target
        while now < stop:
            style = before.toward(target, _smooth((now - begin) / max(segment.transition_s, 1e-9)), same_gait)
            tired = min(max(now / total, 0.0), 1.0)
            steadiness = float(np.clip(rng.standard_normal(), -3.0, 3.0))
            step_s = 60.0 / (style.cadence * (1.0 + runner.fatigue_cadence * tired))
            step_s *= 1.0 + runner.variability * steadiness
            rows.append((now, step_s, running, bout))
            styles.append(style)
            now += step_s
        before, gait_before = style, segment.kind
    if not rows:
        raise SettingsError("The session has no steps; add a walking or running segment.")
    closed = [
        (kind, begin, bouts[k + 1][1] if k + 1 < len(bouts) else total)
        for k, (kind, begin, _) in enumerate(bouts)
    ]
    return _assemble(runner, rows, styles, tuple(rests), tuple(closed), total, rng)


def _add_bout(bouts: list[tuple[str, float, float]], kind: str, begin: float) -> None:
    if not bouts or bouts[-1][0] != kind:
        bouts.append((kind, begin, begin))


def _smooth(share: float) -> float:
    s = min(max(share, 0.0), 1.0)
    return s * s * (3.0 - 2.0 * s)


def _assemble(
    runner: RunnerModel,
    rows: list[tuple[float, float, bool, int]],
    styles: list[_Style],
    rests: tuple[tuple[float, float, float], ...],
    bouts: tuple[tuple[str, float, float], ...],
    total: float,
    rng: np.random.Generator,
) -> StepPlan:
    n = len(rows)
    contact = np.array([row[0] for row in rows])
    step = np.array([row[1] for row in rows])
    running = np.array([row[2] for row in rows])
    left = (np.arange(n) % 2 == 0) == (runner.first_side == "left")
    tired = np.clip(contact / total, 0.0, 1.0)
    noise = np.clip(rng.standard_normal((n, 5)), -3.0, 3.0) * runner.variability

    half = np.where(left, 0.5, -0.5)
    nominal_s = np.array([60.0 / style.cadence for style in styles])
    stance = 2.0 * nominal_s * np.array([style.duty for style in styles])
    stance *= 1.0 + half * runner.contact_asymmetry
    stance *= (1.0 + runner.fatigue_contact * tired) * (1.0 + noise[:, 0])
    # random variation never removes the flight phase, except in grounded running
    grounded = np.array([style.duty for style in styles]) > _MOST_DUTY_IN_FLIGHT
    longest = np.where(grounded, 1.4, 0.985) * step
    stance = np.where(running, np.minimum(stance, longest), np.clip(stance, 1.005 * step, 1.9 * step))
    # a walker takes off into the first running step, so the two contacts do not overlap
    into_run = np.append(running[1:] & ~running[:-1], False)
    stance[into_run] = np.minimum(stance[into_run], 0.9 * step[into_run])

    sway = np.array([style.sway for style in styles])
    sway *= (1.0 + runner.fatigue_sway * tired)[:, None] * (1.0 + 2.0 * noise[:, 1:4])
    shapes = _stack_shapes(styles, running)
    pulse = shapes.pulse
    factor = 1.0 + half * runner.peak_asymmetry + 0.5 * noise[:, 4]
    pulse = np.where(running[:, None], more_peaked(pulse, factor), pulse)
    return StepPlan(
        contact_s=contact,
        step_s=step,
        stance_s=stance,
        left=left,
        running=running,
        bout=np.array([row[3] for row in rows]),
        shapes=Shape(
            pulse=pulse,
            vertical=shapes.vertical * runner.sacral_gain,
            forward=shapes.forward,
            sideways=shapes.sideways,
            angles=shapes.angles,
            impact_g=np.asarray(shapes.impact_g) * runner.impact_scale,
        ),
        sway_deg=sway,
        lean_deg=np.array([style.lean for style in styles]) + runner.fatigue_lean_deg * tired,
        turn_rad_s=np.array([style.turn for style in styles]),
        speed_m_s=np.array([style.speed for style in styles]),
        rests=rests,
        bouts=bouts,
        duration_s=total,
    )


def _stack_shapes(styles: list[_Style], running: npt.NDArray[np.bool_]) -> Shape:
    """One row for each step; speeds are rounded so that an hour needs few different shapes."""
    keys = [(bool(runs), round(float(style.speed), 2)) for style, runs in zip(styles, running, strict=True)]
    made = {key: shape_at("running" if key[0] else "walking", key[1]) for key in set(keys)}
    rows = [made[key] for key in keys]
    return Shape(
        pulse=np.array([row.pulse for row in rows]),
        vertical=np.array([row.vertical for row in rows]),
        forward=np.array([row.forward for row in rows]),
        sideways=np.array([row.sideways for row in rows]),
        angles=np.array([row.angles for row in rows]),
        impact_g=np.array([row.impact_g for row in rows]),
    )


def centripetal_g(plan: StepPlan) -> FloatArray:
    """Sideways acceleration of turning, + left, g, shape (steps,)."""
    return plan.speed_m_s * plan.turn_rad_s / G
