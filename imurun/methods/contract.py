"""Interface of a published method: a function from body-frame samples of running to contacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # the command line lists the methods without importing numpy
    import numpy as np

    from imurun.model.frames import FloatArray


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of one stretch of running, in order of time.

    Attributes:
        initial_contact_s: foot strikes, shape (k,), seconds from the first sample of the stretch, each
            later than the one before and inside the stretch.
        final_contact_s: toe-offs, shape (k,), later than their foot strikes; NaN where the method finds none.
        side: "left", "right" or "unknown" for each, shape (k,).
    """

    initial_contact_s: FloatArray
    final_contact_s: FloatArray
    side: np.ndarray


Detect: TypeAlias = "Callable[[FloatArray, FloatArray | None, float], Contacts]"
"""acc (n, 3) m/s2 and gyr (n, 3) rad/s or None, body frame (anterior, left, up), and the rate in Hz.

All samples are finite; there may be few or none.
"""


@dataclass(frozen=True)
class Method:
    """A published method for foot strike and toe-off.

    Attributes:
        name: author and year, as on the command line.
        detect: the function.
        source: the paper.
        needs_gyro: whether it needs angular rates.
        needs_forward: whether it uses the anterior or left axis; methods of the vertical or of a magnitude do
            not, and work before the forward axis is known.
    """

    name: str
    detect: Detect
    source: str
    needs_gyro: bool = False
    needs_forward: bool = True
