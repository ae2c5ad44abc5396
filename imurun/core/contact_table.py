"""Coefficients of the contact model `imurun.core.contact`.

Made by `python -m benchmarks.accuracy.fit_contact --write`; not to be edited by hand.
"""

from __future__ import annotations

from typing import Any

TABLE: dict[str, Any] = {
    "maps": ((-0.27, *([0.0] * 51)), (-0.3, *([0.0] * 51)), (2.5, *([0.0] * 51))),
    "speed_maps": ((-0.27, *([0.0] * 52)), (-0.3, *([0.0] * 52)), (2.5, *([0.0] * 52))),
    "centre": [0.0] * 51,
    "spread": [1.0] * 51,
    "errors": (((0.03, 0.1),) * 4,) * 3,
    "initial_part": 0.3,
    "waves": ((0.0,) * 52,) * 8,
}
