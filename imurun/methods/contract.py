"""What a published rule must be: a function from body-frame samples of running to contacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imurun.frames import FloatArray


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of one stretch of running, in order of time.

    Attributes:
        initial_contact_s: foot strikes, shape (k,), seconds from the first sample of the stretch.
        final_contact_s: toe-offs, shape (k,); NaN where the rule finds none.
        side: "left", "right" or "unknown" for each, shape (k,).
    """

    initial_contact_s: FloatArray
    final_contact_s: FloatArray
    side: np.ndarray


Detect = Callable[[FloatArray, FloatArray | None, float], Contacts]
"""acc (n, 3) m/s2 and gyr (n, 3) rad/s or None, body frame (anterior, left, up), and the rate in Hz."""


@dataclass(frozen=True)
class Method:
    """A published rule.

    Attributes:
        name: the word on the command line, author and year.
        detect: the rule.
        source: the paper.
        needs_gyro: whether it does nothing without angular rates.
    """

    name: str
    detect: Detect
    source: str
    needs_gyro: bool = False
