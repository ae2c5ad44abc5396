"""Brings the truth of all laboratories to one definition: 5 % of body weight in force that is not low-passed.

    python -m benchmarks.accuracy.harmonise

The force of runners A to D was low-passed by its authors, who do not say how in the files: it takes 20 ms to
rise from 5 to 50 % of body weight where the force of E to Q takes 12. A low-pass moves the 5 % events away
from the middle of the contact, so that these runners seem to be on the ground longer than the others. How
much longer is measured here on force alone, never on estimates of imurun:

1. Filter the force of E to Q (a 300 Hz treadmill, low-passed at 50 Hz, which is taken as not low-passed) with
   a zero-phase filter, run forward and back, of each `KINDS`. The corner is the one with which its rise takes
   as long as that of A to D at 3 and 4 m/s.
2. Of the kinds, take the one whose spectrum is then nearest to that of A to D from 2 to 26 Hz.
3. Measure how far this filter moves initial and final contact and peak of each trial of E to Q, and fit lines
   through the moves by the rise and the fall of the filtered force (correlation above 0.9). With them, rise
   and fall of the published force of A to D, trial by trial, give the moves there.

The force of S (`sacral_grf`) ends sharply at 30 Hz. Such a filter moves the events of E to Q by 1 ms or less,
in both directions, so S stays as published, as do T and E to Q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.signal import bilinear, butter, filtfilt, sosfiltfilt, welch

from benchmarks.datasets import Trial, folder_of, load
from benchmarks.datasets.force import CONTACT_BW, MIN_CONTACT_S
from benchmarks.datasets.rbds_speeds import FORCE_RATE_HZ, SPEEDS_M_S, forces
from imurun.model.frames import FloatArray

LOW_PASSED = ("running_speeds", "hamner_2013")
"""Datasets whose truth is moved."""
HALF_BW = 0.5
"""Rise and fall are between 5 and 50 % of body weight."""
COMPARED_M_S = (3.0, 4.0)
"""Speeds of A to D inside the range of E to Q, at which the rise is compared."""
NEAR_S = 0.04
"""An event of the filtered force this close to one of the force itself is the same."""
SPECTRUM_HZ = np.arange(2.0, 27.0, 4.0)
CORNERS_HZ = {"critically damped": (18.0, 60.0), "Butterworth": (8.0, 40.0)}
"""Where the corner of each kind is searched; with a lower one feet seem never to leave the ground."""
FINE_HZ = 1000.0
"""Low-passed force is interpolated by a cubic spline to this rate before its rise is read."""
SHARP_HZ, SHARP_ORDER = 30.0, 8
"""Of a Butterworth filter whose spectrum ends like that of S."""


class Moves(NamedTuple):
    """How far the low-pass moved the truth of a trial: filtered minus not filtered.

    Attributes:
        initial_ms, final_ms: 5 % events, ms; later is positive.
        peak_bw: active peak, body weights.
    """

    initial_ms: float
    final_ms: float
    peak_bw: float


@dataclass(frozen=True)
class Lines:
    """Moves by a low-pass from rise and fall of the filtered force, which are limited to the range measured.

    Attributes:
        initial: ms; ms per ms of rise.
        final: ms; ms per ms of fall.
        peak: BW; BW per ms of fall.
        rise_ms, fall_ms: the ranges of the trials that the lines are through.
    """

    initial: tuple[float, float]
    final: tuple[float, float]
    peak: tuple[float, float]
    rise_ms: tuple[float, float]
    fall_ms: tuple[float, float]

    def at(self, rise_ms: float, fall_ms: float) -> Moves:
        """The moves of a trial with this rise and fall."""
        rise = float(np.clip(rise_ms, *self.rise_ms))
        fall = float(np.clip(fall_ms, *self.fall_ms))
        return Moves(
            self.initial[0] + self.initial[1] * rise,
            self.final[0] + self.final[1] * fall,
            self.peak[0] + self.peak[1] * fall,
        )


KIND, CORNER_HZ = "critically damped", 27.7
"""The filter of A to D, as `main` measures it."""
LINES = Lines(
    initial=(-29.07, 0.9348),
    final=(8.53, -0.1126),
    peak=(-0.1022, 0.001305),
    rise_ms=(17.2, 24.7),
    fall_ms=(24.7, 57.9),
)
"""Its moves, as `main` measures them."""


def critically_damped(vgrf_bw: FloatArray, rate_hz: float, corner_hz: float) -> FloatArray:
    """Second order, both poles at corner_hz, forward and back: -3 dB at 0.435 of the corner; no overshoot.

    Args:
        vgrf_bw: shape (n,).
        rate_hz: of the force.
        corner_hz: of the poles.
    """
    w = 2.0 * rate_hz * np.tan(np.pi * corner_hz / rate_hz)
    b, a = bilinear([w * w], [1.0, 2.0 * w, w * w], rate_hz)
    return filtfilt(b, a, vgrf_bw)


def butterworth(vgrf_bw: FloatArray, rate_hz: float, corner_hz: float, order: int = 2) -> FloatArray:
    """Butterworth, forward and back: -6 dB at the corner.

    Args:
        vgrf_bw: shape (n,).
        rate_hz: of the force.
        corner_hz: of the filter.
        order: of each of the two passes.
    """
    return sosfiltfilt(butter(order, 2.0 * corner_hz / rate_hz, output="sos"), vgrf_bw)


KINDS: dict[str, Callable[[FloatArray, float, float], FloatArray]] = {
    "critically damped": critically_damped,
    "Butterworth": butterworth,
}
"""The two filters of biomechanics (Robertson & Dowling 2003, J Electromyogr Kinesiol 13:569)."""


def harmonised(trial: Trial) -> Trial:
    """The trial with contacts and peaks as force without the low-pass would have them.

    Only contacts and peaks of `LOW_PASSED` datasets are moved; the force at the samples stays as published,
    since a low-pass cannot be undone. Other trials are returned as they are.

    Args:
        trial: as recorded, not at a reduced rate: rise and fall are read from its force.
    """
    if trial.dataset not in LOW_PASSED or trial.vgrf_bw is None or not len(trial.initial_contact_s):
        return trial
    rise_ms, fall_ms = published_rise_and_fall_ms(trial)
    if not np.isfinite(rise_ms) or not np.isfinite(fall_ms):
        return trial
    moves = LINES.at(rise_ms, fall_ms)
    return replace(
        trial,
        initial_contact_s=trial.initial_contact_s - moves.initial_ms / 1000.0,
        final_contact_s=trial.final_contact_s - moves.final_ms / 1000.0,
        peak_bw=trial.peak_bw - moves.peak_bw,
    )


def rise_and_fall_ms(vgrf_bw: FloatArray, rate_hz: float) -> tuple[float, float]:
    """Median time from 5 to 50 % of body weight, and back, over the complete contacts; NaN without any.

    Args:
        vgrf_bw: shape (n,), NaN only at the ends.
        rate_hz: of the force.
    """
    known = vgrf_bw[np.isfinite(vgrf_bw)]
    first, last = crossings_s(known, rate_hz, CONTACT_BW)
    half_first, half_last = crossings_s(known, rate_hz, HALF_BW)
    rises, falls = [], []
    for begin, end in zip(first, last, strict=True):
        up = half_first[(half_first >= begin) & (half_first <= end)]
        down = half_last[(half_last >= begin) & (half_last <= end)]
        if len(up) and len(down):
            rises.append(up[0] - begin)
            falls.append(end - down[-1])
    if not rises:
        return np.nan, np.nan
    return 1000.0 * float(np.median(rises)), 1000.0 * float(np.median(falls))


def published_rise_and_fall_ms(trial: Trial) -> tuple[float, float]:
    """`rise_and_fall_ms` of a trial whose force was low-passed, so that a spline follows it."""
    assert trial.vgrf_bw is not None
    known = np.flatnonzero(np.isfinite(trial.vgrf_bw))
    if len(known) < 2:
        return np.nan, np.nan
    time_s = known / trial.recording.rate_hz
    fine_s = np.arange(time_s[0], time_s[-1], 1.0 / FINE_HZ)
    return rise_and_fall_ms(CubicSpline(time_s, trial.vgrf_bw[known])(fine_s), FINE_HZ)


def crossings_s(vgrf_bw: FloatArray, rate_hz: float, level_bw: float) -> tuple[FloatArray, FloatArray]:
    """Begin and end (s) of the spans above a level that last 60 ms and do not touch the ends, shape (k,)."""
    on = vgrf_bw >= level_bw
    rises = np.flatnonzero(~on[:-1] & on[1:])
    falls = np.flatnonzero(on[:-1] & ~on[1:])
    falls = falls[falls > rises[0]] if len(rises) else falls[:0]
    rises = rises[: len(falls)]

    def at(k: np.ndarray) -> FloatArray:
        return (k + (level_bw - vgrf_bw[k]) / (vgrf_bw[k + 1] - vgrf_bw[k])) / rate_hz

    first, last = at(rises), at(falls)
    long = last - first > MIN_CONTACT_S
    return first[long], last[long]


def moves_of(vgrf_bw: FloatArray, filtered_bw: FloatArray, rate_hz: float) -> Moves:
    """Median moves of a trial's contacts by a filter.

    Args:
        vgrf_bw, filtered_bw: force before and after, shape (n,).
        rate_hz: of both.
    """
    events = [crossings_s(force, rate_hz, CONTACT_BW) for force in (vgrf_bw, filtered_bw)]
    found = []
    for raw_s, filtered_s in zip(*events, strict=True):
        apart_s = filtered_s[None, :] - raw_s[:, None]
        nearest = np.take_along_axis(apart_s, np.abs(apart_s).argmin(axis=1)[:, None], axis=1)[:, 0]
        found.append(1000.0 * float(np.median(nearest[np.abs(nearest) < NEAR_S])))
    spans = (np.rint(rate_hz * np.column_stack(events[0]))).astype(int)
    peaks = [filtered_bw[a : b + 1].max() - vgrf_bw[a : b + 1].max() for a, b in spans]
    return Moves(found[0], found[1], float(np.median(peaks)))


@dataclass(frozen=True, eq=False)
class Filtered:
    """A filter on the force of E to Q.

    Attributes:
        kind, corner_hz: of the filter.
        speed_m_s: of each trial, shape (39,).
        rise_ms, fall_ms: of the filtered force, shape (39,).
        moves: initial (ms), final (ms), peak (BW) of each trial, shape (39, 3).
    """

    kind: str
    corner_hz: float
    speed_m_s: FloatArray
    rise_ms: FloatArray
    fall_ms: FloatArray
    moves: FloatArray

    def by_speed(self) -> list[tuple[float, float, float, Moves]]:
        """Speed, rise, fall and moves, each the mean over runners."""
        rows = []
        for speed in SPEEDS_M_S:
            at = self.speed_m_s == speed
            moves = Moves(*self.moves[at].mean(axis=0).tolist())
            rows.append((speed, float(self.rise_ms[at].mean()), float(self.fall_ms[at].mean()), moves))
        return rows

    def lines(self) -> tuple[Lines, float, float]:
        """The lines through the moves, and the scatter around them of initial and final contact (ms)."""
        initial, initial_ms = _line(self.rise_ms, self.moves[:, 0])
        final, final_ms = _line(self.fall_ms, self.moves[:, 1])
        peak, _ = _line(self.fall_ms, self.moves[:, 2])
        ranges = [(float(ms.min()), float(ms.max())) for ms in (self.rise_ms, self.fall_ms)]
        return Lines(initial, final, peak, *ranges), initial_ms, final_ms


class Measurement:
    """The forces that are compared, and what they give.

    Attributes:
        unfiltered: speed (m/s) and force at 300 Hz of each trial of E to Q.
        published: the trials of A to D.
    """

    def __init__(self) -> None:
        """Load both datasets.

        Raises:
            FormatError: one is not here, or was altered.
        """
        self.unfiltered = [(f.speed_m_s, f.vgrf_bw) for f in forces(folder_of("rbds_speeds"))]
        self.published = [t for t in load("running_speeds") if t.vgrf_bw is not None]

    def filtered(self, kind: str, corner_hz: float) -> Filtered:
        """A filter of one of `KINDS` on the force of E to Q."""
        return self.through(kind, corner_hz, lambda f: KINDS[kind](f, FORCE_RATE_HZ, corner_hz))

    def through(self, kind: str, corner_hz: float, low_pass: Callable[[FloatArray], FloatArray]) -> Filtered:
        """Any low-pass on the force of E to Q."""
        after = [low_pass(force) for _, force in self.unfiltered]
        edges = np.array([rise_and_fall_ms(force, FORCE_RATE_HZ) for force in after])
        moves = [
            moves_of(raw, force, FORCE_RATE_HZ)
            for (_, raw), force in zip(self.unfiltered, after, strict=True)
        ]
        speeds = np.array([speed for speed, _ in self.unfiltered])
        return Filtered(kind, corner_hz, speeds, edges[:, 0], edges[:, 1], np.array(moves))

    def published_rises_ms(self) -> dict[str, dict[float, float]]:
        """Rise of A to D by runner and speed."""
        rises: dict[str, dict[float, float]] = {}
        for trial in self.published:
            rises.setdefault(trial.runner, {})[trial.speed_m_s] = published_rise_and_fall_ms(trial)[0]
        return rises

    def corner_hz(self, kind: str, without: str = "") -> float:
        """The corner with which E to Q rise as long as A to D at 3 and 4 m/s.

        Args:
            kind: of the filter.
            without: a runner of A to D to leave out, which shows how sure the corner is.
        """
        rises = [of for runner, of in self.published_rises_ms().items() if runner != without]
        wanted_ms = float(np.mean([of[speed] for of in rises for speed in COMPARED_M_S]))

        def longer_ms(corner_hz: float) -> float:
            after = [
                (speed, rise_and_fall_ms(KINDS[kind](force, FORCE_RATE_HZ, corner_hz), FORCE_RATE_HZ)[0])
                for speed, force in self.unfiltered
            ]
            means = [np.mean([rise for at, rise in after if at == speed]) for speed in SPEEDS_M_S]
            return float(np.mean(np.interp(COMPARED_M_S, SPEEDS_M_S, means))) - wanted_ms

        return brentq(longer_ms, *CORNERS_HZ[kind], xtol=0.05)

    def spectrum_off_db(self, kind: str, corner_hz: float) -> float:
        """RMS difference of the mean spectra of A to D and of filtered E to Q, 2 to 26 Hz."""
        after = (KINDS[kind](force, FORCE_RATE_HZ, corner_hz) for _, force in self.unfiltered)
        theirs = spectrum_db(
            (t.vgrf_bw for t in self.published if t.vgrf_bw is not None), self.published[0].recording.rate_hz
        )
        return float(np.sqrt(np.mean((theirs - spectrum_db(after, FORCE_RATE_HZ)) ** 2)))


def spectrum_db(signals: Iterable[FloatArray], rate_hz: float) -> FloatArray:
    """Mean power at `SPECTRUM_HZ`, each averaged over 4 Hz so that steps of any frequency count, in dB."""
    powers = []
    for signal in signals:
        known = signal[np.isfinite(signal)]
        hz, power = welch(known, rate_hz, nperseg=int(2.0 * rate_hz))
        powers.append([power[np.abs(hz - middle) <= 2.0].mean() for middle in SPECTRUM_HZ])
    return 10.0 * np.log10(np.mean(powers, axis=0))


def _line(x: FloatArray, y: FloatArray) -> tuple[tuple[float, float], float]:
    slope, offset = np.polyfit(x, y, 1)
    scatter = y - offset - slope * x
    return (float(offset), float(slope)), float(np.sqrt(np.sum(scatter**2) / (len(x) - 2)))


def main() -> None:
    """Print the measurement: rise of both laboratories, corner and spectrum of each kind, and its moves."""
    measurement = Measurement()
    rises = measurement.published_rises_ms()
    print("rise from 5 to 50 % of body weight, ms")
    speeds = sorted({speed for of in rises.values() for speed in of})
    for speed in speeds:
        each = ", ".join(f"{runner} {of[speed]:.1f}" for runner, of in rises.items())
        print(f"  A to D at {speed:g} m/s: {each}")
    _print_by_speed(measurement.through("none", np.inf, lambda force: force))
    found = {}
    for kind in KINDS:
        corner = measurement.corner_hz(kind)
        others = [measurement.corner_hz(kind, without=runner) for runner in rises]
        off_db = measurement.spectrum_off_db(kind, corner)
        print(
            f"\n{kind}: corner {corner:.1f} Hz ({min(others):.1f} to {max(others):.1f} without one of A to D)"
        )
        print(f"  spectrum off by {off_db:.1f} dB")
        found[kind] = (off_db, measurement.filtered(kind, corner))
        _print_by_speed(found[kind][1])
    chosen = min(found.values(), key=lambda pair: pair[0])[1]
    lines, initial_ms, final_ms = chosen.lines()
    print(f"\nchosen: {chosen.kind}, {chosen.corner_hz:.1f} Hz; in this module {KIND}, {CORNER_HZ:g} Hz")
    print(f"  {lines}\n  in this module: {LINES}")
    print(
        f"  scatter of single trials around the lines: initial {initial_ms:.1f} ms, final {final_ms:.1f} ms"
    )
    print("\nmoves of A to D: initial ms, final ms, peak BW")
    for trial in measurement.published:
        moves = LINES.at(*published_rise_and_fall_ms(trial))
        print(f"  {trial.name}  {moves.initial_ms:6.1f} {moves.final_ms:6.1f} {moves.peak_bw:7.3f}")
    print(f"\nas S: Butterworth of order {SHARP_ORDER}, {SHARP_HZ:g} Hz")
    _print_by_speed(
        measurement.through(
            "as S", SHARP_HZ, lambda force: butterworth(force, FORCE_RATE_HZ, SHARP_HZ, SHARP_ORDER)
        )
    )


def _print_by_speed(filtered: Filtered) -> None:
    for speed, rise_ms, fall_ms, moves in filtered.by_speed():
        print(
            f"  E to Q at {speed:g} m/s: rise {rise_ms:.1f} ms, fall {fall_ms:.1f} ms, moved by "
            f"{moves.initial_ms:+.1f} ms, {moves.final_ms:+.1f} ms, {moves.peak_bw:+.3f} BW"
        )


if __name__ == "__main__":
    main()
