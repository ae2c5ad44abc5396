"""Which foot is on the ground.

Once loaded, the stance leg carries a pelvis whose other side has dropped and is lifted again through the
rest of the contact: the roll rate is negative in mid-to-late left stance. Without a gyroscope the lateral
specific force is used, which leans to the stance foot while the load comes on. A step's evidence is its
contrast with the step before, so that any constant tilt drops out, in units of the recent contrasts.

Sides alternate. The evidence is summed as the log-odds of one parity; steps that were missed are counted
by the time that passed, and a long pause starts anew.
"""

from __future__ import annotations

import numpy as np

from imurun.core.history import LEFTWARD, ROLL, VERTICAL
from imurun.core.jit import kernel

ROLL_WINDOW = (0.30, 0.70)  # of the step period after foot strike
LATERAL_WINDOW = (0.10, 0.45)
ROLL_WEIGHT, LATERAL_WEIGHT = 2.0, 1.0  # log-odds of one clear step
LARGEST_CONTRAST = 1.5
LEAST_ROLL, LEAST_LATERAL = 0.1, 0.02  # rad/s, g: smaller contrasts are nobody's pelvis
SCALE_MEMORY = 0.9
MEMORY = 0.95  # of the log-odds, a step: about twenty steps
UNSURE_MEMORY = 0.5  # where the count of missed steps is in doubt
SUREST = 6.0
LEAST = 1.0  # log-odds below this: unknown
LONGEST_PAUSE = 8.0  # steps

PARITY = np.dtype([("log_odds", "f8"), ("flip", "f8"), ("score", "f8"), ("scale", "f8"), ("contact", "f8")])


@kernel
def restart_parity(parity):
    """Forget the sides."""
    parity["log_odds"] = 0.0
    parity["flip"] = 0.0
    parity["score"] = np.nan
    parity["scale"] = np.nan
    parity["contact"] = np.nan


@kernel
def side_score(history, contact, period, newest, has_gyro, rate_hz):
    """One number for the step, larger for left: minus the roll rate (rad/s), or the loaded side (g).

    `contact` and `newest` are columns, `period` is in samples.
    """
    window = ROLL_WINDOW if has_gyro else LATERAL_WINDOW
    first = int(np.rint(contact + window[0] * period))
    stop = max(min(int(np.rint(contact + window[1] * period)), newest), first + 1)
    if has_gyro:
        return (history[ROLL, first] - history[ROLL, stop]) / (stop - first) * rate_hz
    total = 0.0
    for k in range(first, stop):
        load = min(max(history[VERTICAL, k], 0.0), 3.0)
        total += history[LEFTWARD, k] * (1.0 + load)
    return total / (stop - first)


@kernel
def add_step(parity, score, contact, period, has_gyro):
    """Carry the parity to the next step and add its evidence.

    Afterwards `log_odds` is above 0 where this step is left, and `flip` says how it followed from the
    step before: -1 other foot, +1 same foot, 0 no memory.
    """
    steps = (contact - parity["contact"]) / period
    whole = np.rint(steps)
    contrast = 0.0
    if np.isnan(steps) or steps > LONGEST_PAUSE or whole < 1.0:
        keep, flip = 0.0, 0.0
    else:
        flip = -1.0 if int(whole) % 2 == 1 else 1.0
        keep = MEMORY if abs(steps - whole) < 0.25 and whole <= 2.0 else UNSURE_MEMORY
        if flip < 0.0 and not np.isnan(parity["score"]):
            contrast = score - parity["score"]
    if contrast != 0.0:
        size = parity["scale"]
        if np.isnan(size):
            size = abs(contrast)
        else:
            size = np.sqrt(SCALE_MEMORY * size * size + (1.0 - SCALE_MEMORY) * contrast * contrast)
        parity["scale"] = size
        size = max(size, LEAST_ROLL if has_gyro else LEAST_LATERAL)
        contrast = min(max(contrast / size, -LARGEST_CONTRAST), LARGEST_CONTRAST)
    weight = ROLL_WEIGHT if has_gyro else LATERAL_WEIGHT
    log_odds = keep * flip * parity["log_odds"] + weight * contrast
    parity["log_odds"] = min(max(log_odds, -SUREST), SUREST)
    parity["flip"] = flip
    parity["score"] = score
    parity["contact"] = contact


@kernel
def side_code(log_odds):
    """Index into columns.SIDES."""
    if abs(log_odds) < LEAST:
        return 0
    return 1 if log_odds > 0.0 else 2
