"""Matches detected contacts with true ones one to one; recall, precision and F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets import Trial
from imurun.model.frames import FloatArray

MARGIN_S = 0.5
"""Contacts closer than this to an end of the recording do not count."""
TOLERANCE_S = 0.05
"""Tolerance of a match of foot strikes."""
WIDE_TOLERANCE_S = 0.1
"""Tolerance of the published F1; not used for errors."""


@dataclass(frozen=True, eq=False)
class Match:
    """Matching of detected and true contacts of one trial.

    Attributes:
        found_of_true: index of the found contact for each true one, -1 if missed.
        counted: which true contacts count, i.e. are inside the margin.
        n_invented: found contacts inside the margin without a true one.
    """

    found_of_true: np.ndarray
    counted: np.ndarray
    n_invented: int

    @property
    def n_true(self) -> int:
        """Number of true contacts that count."""
        return int(self.counted.sum())

    @property
    def n_found(self) -> int:
        """Number of them that were found."""
        return int((self.found_of_true[self.counted] >= 0).sum())

    @property
    def f1(self) -> float:
        """See `f1_score`."""
        return f1_score(self.n_true, self.n_found, self.n_invented)


def f1_score(n_true: int, n_found: int, n_invented: int) -> float:
    """Harmonic mean of recall and precision; NaN without true and found contacts."""
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

    Contacts near the ends are matched too, so that a found one whose true contact does not count is not
    false; of two found ones for a true contact, the farther is false.

    Args:
        trial: the truth.
        initial_s, final_s: found contacts, shape (k,); final contacts may be NaN.
        tolerance_s: foot strikes farther apart are not matched.
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
