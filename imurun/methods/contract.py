"""What a published rule must be: a function from body-frame samples of running to contacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # the command line lists the rules, and shall not wait for numpy
    import numpy as np

    from imurun.model.frames import FloatArray


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of one stretch of running, in order of time.

    Attributes:
        initial_contact_s: foot strikes, shape (k,), seconds from the first sample of the stretch, each
            later than the one before and inside the stretch.
        final_contact_s: toe-offs, shape (k,), later than their foot strikes; NaN where the rule finds none.
        side: "left", "right" or "unknown" for each, shape (k,).
    """

    initial_contact_s: FloatArray
    final_contact_s: FloatArray
    side: np.ndarray


Detect: TypeAlias = "Callable[[FloatArray, FloatArray | None, float], Contacts]"
"""acc (n, 3) m/s2 and gyr (n, 3) rad/s or None, body frame (anterior, left, up), and the rate in Hz.

Every sample is a finite number; there may be few of them, or none.
"""


@dataclass(frozen=True)
class Method:
    """A published rule.

    Attributes:
        name: the word on the command line, author and year.
        detect: the rule.
        source: the paper.
        needs_gyro: whether it does nothing without angular rates.
        needs_forward: whether it reads the anterior or left axis; False for rules of the vertical or of a
            magnitude, which work before the forward axis is known.
    """

    name: str
    detect: Detect
    source: str
    needs_gyro: bool = False
    needs_forward: bool = True
