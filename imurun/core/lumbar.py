"""Lumbar load at L5/S1: a static-dynamic link model, with the sources of its constants.

The trunk, head and arms are one mass on the lumbosacral joint. Extensor muscles with a short lever hold
it against its weight, its vertical acceleration and its braking:

    moment      = m_ub lever (n sin(lean) + b cos(lean))
    compression = m_ub (n cos(lean) - b sin(lean)) + |moment| / arm
    shear       = m_ub (n sin(lean) + b cos(lean))

all in body weights, with n the vertical and b the backward specific force in g (braking throws the trunk
forward). The formula is that of two-dimensional lifting models (Chaffin & Andersson; NIOSH 1981).

No study validates the lumbar compression of a runner from one sensor. This is an index: it compares a
step with other steps of the same runner. Deviations: the trunk is taken to lean with the pelvis; muscles
do not co-contract, so values lie below those of full models (2.7 to 5.7 BW, Cappozzo 1983).
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.core.ring_buffer import SLOW_FORWARD, SLOW_VERTICAL

UPPER_BODY_SHARE = 0.60
"""Mass of head, arms and trunk above L5/S1 over body mass (de Leva 1996, segments summed)."""
LEVER_SHARE = 0.15
"""Height of that mass above L5/S1 over stature (Winter 2009, head-arms-trunk, pelvis taken off; rounded)."""
ARM_M = 0.055
"""Lever of the lumbar extensors (5 to 6 cm in imaging studies)."""
DEFAULT_HEIGHT_M = 1.75
BASE_LEAN_DEG = 7.0
"""Trunk lean of running as found at the start: the middle of 3.6 and 10.8 deg (Teng & Powers 2015)."""
DOSE_EXPONENT = 4.0
"""Of the daily load stimulus of bone (Carter & Beaupre); tissue fatigue tests give up to 10 (Miner)."""


@kernel
def write_lumbar(row, buffer, first, last, scale, lean_change, height_m):
    """Fill the lumbar columns from the contact, columns first to last of the buffer.

    Args:
        scale: factor from the low-passed vertical (g) to force (BW): peak force over the peak of the cycle.
        lean_change: lean of this step minus that of the first steps, rad.
        height_m: stature, m.
    """
    lean = np.deg2rad(BASE_LEAN_DEG) + lean_change
    sine, cosine = np.sin(lean), np.cos(lean)
    lever = LEVER_SHARE * height_m / ARM_M
    compression, shear = 0.0, 0.0
    for k in range(first, last + 1):
        normal = scale * buffer[SLOW_VERTICAL, k]
        backward = -buffer[SLOW_FORWARD, k]
        across = UPPER_BODY_SHARE * (normal * sine + backward * cosine)
        along = UPPER_BODY_SHARE * (normal * cosine - backward * sine)
        compression = max(compression, along + lever * abs(across))
        shear = max(shear, across)
    row["lumbar_compression_bw"] = compression
    row["lumbar_shear_bw"] = shear
    row["lumbar_dose"] = compression**DOSE_EXPONENT
