"""Which found contact belongs to which true one, and how well they cover each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets import Trial
from imurun.model.frames import FloatArray

MARGIN_S = 0.5
"""Contacts count that lie at least this far inside a recording."""
TOLERANCE_S = 0.05
"""A found foot strike within this of a true one is it."""
WIDE_TOLERANCE_S = 0.1
"""The tolerance of the published F1; errors are never taken from it."""


@dataclass(frozen=True, eq=False)
class Match:
    """Found against true contacts of one trial.

    Attributes:
        found_of_true: for each true contact of the trial the index of the found one, -1 where missed.
        counted: which true contacts count, those inside the margin.
        n_invented: found contacts inside the margin that belong to no true one.
    """

    found_of_true: np.ndarray
    counted: np.ndarray
    n_invented: int

    @property
    def n_true(self) -> int:
        """True contacts that count."""
        return int(self.counted.sum())

    @property
    def n_found(self) -> int:
        """Those of them that were found."""
        return int((self.found_of_true[self.counted] >= 0).sum())

    @property
    def f1(self) -> float:
        """See `f1_score`."""
        return f1_score(self.n_true, self.n_found, self.n_invented)


def f1_score(n_true: int, n_found: int, n_invented: int) -> float:
    """Harmonic mean of recall and precision; NaN where nothing was true and nothing found."""
    total = n_true + n_found + n_invented
    return 2.0 * n_found / total if total else np.nan


def match(
    trial: Trial,
    initial_s: FloatArray,
    final_s: FloatArray,
    *,
    tolerance_s: float = TOLERANCE_S,
    margin_s: float = MARGIN_S,
) -> Match:
    """Pair contacts one to one by foot strike, the closest pair first.

    Contacts near the recording's ends are paired too, so that a found one whose true partner does not count
    is not invented; of two found ones for one true contact, the farther is.

    Args:
        trial: the truth.
        initial_s, final_s: found contacts, shape (k,); final contacts may be NaN.
        tolerance_s: foot strikes farther apart are no pair.
        margin_s: contacts nearer to an end of the recording do not count.
    """
    apart_s = np.abs(trial.initial_contact_s[:, None] - initial_s[None, :])
    found_of_true = np.full(len(trial.initial_contact_s), -1)
    free = np.ones(len(initial_s), dtype=bool)
    for pair in np.argsort(apart_s, axis=None, kind="stable"):
        true, found = np.unravel_index(pair, apart_s.shape)
        if apart_s[true, found] > tolerance_s:
            break
        if found_of_true[true] < 0 and free[found]:
            found_of_true[true] = found
            free[found] = False
    end_s = np.where(np.isnan(final_s), initial_s, final_s)
    inside = (initial_s >= margin_s) & (end_s <= trial.recording.duration_s - margin_s)
    return Match(found_of_true, trial.inside(margin_s), int((free & inside).sum()))
