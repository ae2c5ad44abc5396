"""Left and right from a sign a step: steps alternate, and the majority says which are which."""

from __future__ import annotations

import numpy as np

from imurun.frames import FloatArray


def alternate(leftness: FloatArray, initial_contact: FloatArray) -> np.ndarray:
    """Sides of steps, shape (k,): "left" and "right" in turn, or all "unknown" where the votes are even.

    Steps that were missed in between are counted by time, so that they do not swap what follows.

    Args:
        leftness: above 0 where a step by itself looks like a left one, below 0 for a right one; only the
            sign counts, NaN is no vote; shape (k,).
        initial_contact: foot strikes in any unit of time, increasing, shape (k,).
    """
    if not len(leftness):
        return np.zeros(0, dtype="<U7")
    times = np.diff(initial_contact)
    passed = np.maximum(np.rint(times / np.median(times)), 1.0) if len(times) else times
    odd = np.cumsum([0.0, *passed]) % 2.0 == 1.0
    votes = np.nan_to_num(np.sign(leftness))
    majority = votes[~odd].sum() - votes[odd].sum()
    if majority == 0.0:
        return np.full(len(leftness), "unknown")
    return np.where(odd == (majority < 0.0), "left", "right")
