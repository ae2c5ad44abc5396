"""Left or right: which foot is on the ground.

Three cues with one cause: once loaded, the stance leg carries a pelvis whose other side has dropped and is
lifted again through the rest of the contact.

- Roll fall: the pelvis is tilted up on the left early in left stance and comes down through mid-stance, so
  that its roll rate is negative there.
- Force fall: the body's left axis tilts with the pelvis, and so takes a part of the load that is largest
  early and changes sign. It needs the accelerometer only.
- Loaded side: the same force during loading, leaning to the stance foot.

The force is low-passed at 3.5 Hz, as the vertical acceleration of the step cycle is: above, the mediolateral
motion of the sacrum differs between runners. Cues that also alternate but whose sign differs between runners
are not used: yaw, the level lateral force and fore-aft force.

The evidence of a cue is its contrast with the step before, so that a constant tilt cancels, in units of its
recent contrasts. Weights are set by hand: no single cue outweighs the other two, and the loaded side, the
least reliable of the three, counts half. Sides alternate. The evidence is summed as the log-odds of one
parity; missed steps are counted by the time between contacts, and a long pause resets the parity. Evidence
that does not agree with the parity of the steps before is noise, however large: then the side is unknown.

A runner may move in another way. So the stride components of roll, mediolateral force and yaw
(`imurun.core.stride_component`) are averaged along the run, each as a vector with the runner's own phase.
Runners' phases scatter about a centre, `PHASE_CENTRE`: a phase near it gives a side, one near its opposite
the other side, and one a quarter turn from both says nothing. Where the components together are clear, they
decide; one cue out of phase then neither decides nor misleads.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import smooth_at, smooth_span, sum_of
from imurun.core.gait import alike
from imurun.core.jit import kernel
from imurun.core.ring_buffer import MEDIOLATERAL, ROLL, SCRATCH
from imurun.core.stride_component import OF_MEDIOLATERAL, OF_ROLL, OF_YAW, stride_component

ROLL_FALL, FORCE_FALL, LOADED_SIDE = 0, 1, 2
N_CUES = 3
FALL_WINDOW = (0.0, 0.4)
LOADED_WINDOW = (-0.2, 0.1)
"""In step periods from the peak of the step cycle, about 0.3 periods after foot strike. Not from foot strike
itself: in a sprint its estimate is early by a quarter of a step."""
WEIGHTS = (1.0, 1.0, 0.5)
"""Log-odds of one clear step, by cue."""
LEAST_CONTRAST = (0.1, 0.02, 0.02)
"""rad/s, g, g; contrasts below these are treated as noise."""
LARGEST_CONTRAST = 1.5
SCALE_MEMORY = 0.9
MEMORY = 0.95  # of the log-odds, a step: about twenty steps
UNSURE_MEMORY = 0.5  # where the number of missed steps is uncertain
SUREST = 12.0  # limit of the log-odds, so that a wrong parity is corrected within ten steps
LEAST = 1.0  # log-odds below this: unknown
STEADY = 0.4
"""Least agreement of the evidence with that of two steps before, from -1 to 1; noise has 0 +- 0.2."""
LONGEST_PAUSE = 8.0  # steps
ROLL_COMPONENT, FORCE_COMPONENT, YAW_COMPONENT = 0, 1, 2
COMPONENTS = (OF_ROLL, OF_MEDIOLATERAL, OF_YAW)
N_COMPONENTS = 3
PHASE_CENTRE = np.deg2rad(np.array([51.0, 16.0, 20.0]))
"""Phase of the stride components, seen from a left step, mean of 18 runners in two laboratories."""
CENTRE_COSINE, CENTRE_SINE = np.cos(PHASE_CENTRE), np.sin(PHASE_CENTRE)
PHASE_CONCENTRATION = np.array([8.0, 5.0, 3.0])
"""Concentration of the runners' phases about it (von Mises); of roll, most runners are within 20 degrees."""
OTHER_PHASES = np.array([0.05, 0.1, 0.1])
"""Density, relative to the centre's, of runners who move in quite another way."""
LEAST_COMPONENT = np.array([0.006, 0.015, 0.010])
"""rad, g, rad; smaller components are treated as noise."""
ENOUGH_COMPONENTS = 3
CLEAR = 1.5
"""Log-odds of the components from which they alone decide."""
COHERENT = 0.6
"""Least length of the mean component over the mean length, once there are many; of noise it is 0.2."""
OUT_OF_PHASE = np.deg2rad(40.0)
"""A roll farther from the centre and from its opposite is out of phase; runners are within 35 degrees.

It misleads the cues above and, since the force includes the weight of a tilted pelvis, the component of the
force: then yaw alone decides."""

PARITY = np.dtype(
    [
        ("log_odds", "f8"),
        ("flip", "f8"),
        ("score", "f8", (N_CUES,)),
        ("scale", "f8", (N_CUES,)),
        ("evidence", "f8", (2,)),  # of this step and the one before, seen from this step
        ("agreed", "f8"),
        ("weighed", "f8"),
        ("contact", "f8"),
        ("components", "f8", (N_COMPONENTS, 2)),  # sums with `MEMORY`, seen from this step
        ("sizes", "f8", (N_COMPONENTS,)),  # sums of their lengths
        ("n_components", "f8"),
    ]
)


@kernel
def restart_parity(parity):
    """Reset the parity; sides are unknown."""
    parity["log_odds"] = 0.0
    parity["flip"] = 0.0
    parity["score"][:] = np.nan
    parity["scale"][:] = np.nan
    parity["evidence"][:] = 0.0
    parity["agreed"] = 0.0
    parity["weighed"] = 0.0
    parity["contact"] = np.nan
    parity["components"][:] = 0.0
    parity["sizes"][:] = 0.0
    parity["n_components"] = 0.0


@kernel
def score_step(cues, buffer, peak, period, oldest, newest, c):
    """Write the step's cues, each larger for left: rad/s, g, g; NaN for the roll without a gyroscope.

    Args:
        cues: shape (N_CUES,). buffer: as in `imurun.core.ring_buffer`.
        peak: of the step cycle, fractional column. period: samples.
        oldest, newest: columns that hold samples.
        c: `Coefficients`.
    """
    side = buffer[MEDIOLATERAL]
    first, stop = window_columns(FALL_WINDOW, peak, period, oldest, newest)
    cues[ROLL_FALL] = np.nan
    if c.has_gyro:
        cues[ROLL_FALL] = (buffer[ROLL, first] - buffer[ROLL, stop]) / (stop - first) * c.rate_hz
    early = smooth_at(side, first, oldest, newest, c.slow_taps)
    cues[FORCE_FALL] = early - smooth_at(side, stop, oldest, newest, c.slow_taps)
    first, stop = window_columns(LOADED_WINDOW, peak, period, oldest, newest)
    slow = buffer[SCRATCH]
    smooth_span(side, slow, first, stop, oldest, newest, c.slow_taps)
    cues[LOADED_SIDE] = sum_of(slow[first:stop]) / (stop - first)


@kernel
def window_columns(window, peak, period, oldest, newest):
    """First and last column of a window given in periods from the peak; at least one apart.

    Limited to the columns that hold samples: a run may begin with the first sample of a stretch.
    """
    first = min(max(int(np.rint(peak + window[0] * period)), oldest), newest - 1)
    return first, max(min(int(np.rint(peak + window[1] * period)), newest), first + 1)


@kernel
def add_step(parity, cues, contact, period):
    """Carry the parity to the next step and add its evidence.

    Afterwards `log_odds` is above 0 where this step is left, and `flip` is the relation to the step before:
    -1 other foot, +1 same foot, 0 reset.
    """
    steps = (contact - parity["contact"]) / period
    whole = np.rint(steps)
    evidence = 0.0
    if np.isnan(steps) or steps > LONGEST_PAUSE or whole < 1.0:
        keep, flip = 0.0, 0.0
    else:
        flip = -1.0 if int(whole) % 2 == 1 else 1.0
        keep = MEMORY if abs(steps - whole) < 0.25 and whole <= 2.0 else UNSURE_MEMORY
        if flip < 0.0:
            evidence = weigh_contrasts(parity, cues)
    log_odds = keep * flip * parity["log_odds"] + evidence
    parity["log_odds"] = min(max(log_odds, -SUREST), SUREST)
    # consecutive contrasts share a step and correlate even in noise; contrasts two steps apart do not
    product = flip * parity["evidence"][1] * evidence
    if flip == 0.0:
        parity["agreed"], parity["weighed"] = 0.0, 0.0
    parity["agreed"] = MEMORY * parity["agreed"] + product
    parity["weighed"] = MEMORY * parity["weighed"] + abs(product)
    parity["evidence"][1] = flip * parity["evidence"][0]
    parity["evidence"][0] = evidence
    parity["flip"] = flip
    for i in range(N_COMPONENTS):
        parity["components"][i, 0] *= keep * flip
        parity["components"][i, 1] *= keep * flip
        parity["sizes"][i] *= keep
    parity["n_components"] *= keep
    for i in range(N_CUES):
        parity["score"][i] = cues[i]
    parity["contact"] = contact


@kernel
def weigh_contrasts(parity, cues):
    """Log-odds that this step is left, from the contrast of its cues with the step before."""
    evidence = 0.0
    for i in range(N_CUES):
        contrast = cues[i] - parity["score"][i]
        if np.isnan(contrast) or contrast == 0.0:
            continue
        scale = parity["scale"][i]
        if np.isnan(scale):
            scale = abs(contrast)
        else:
            scale = np.sqrt(SCALE_MEMORY * scale * scale + (1.0 - SCALE_MEMORY) * contrast * contrast)
        parity["scale"][i] = scale
        scale = max(scale, LEAST_CONTRAST[i])
        evidence += WEIGHTS[i] * min(max(contrast / scale, -LARGEST_CONTRAST), LARGEST_CONTRAST)
    return evidence


@kernel
def is_steady(parity):
    """Whether the evidence agrees with one parity; True while there is too little of it."""
    return parity["agreed"] >= STEADY * parity["weighed"]


@kernel
def add_components(parity, before, cycle, c):
    """Add the stride components of the step before and this step, after `add_step`, if they follow each
    other.

    Args:
        before, cycle: records of STEP_CYCLE of the two.
    """
    if not (parity["flip"] < 0.0 and before["end"] == cycle["begin"] and alike(before, cycle)):
        return
    for i in range(N_COMPONENTS):
        if i != FORCE_COMPONENT and not c.has_gyro:
            continue
        cosine, sine = stride_component(before, cycle, COMPONENTS[i])
        parity["components"][i, 0] += cosine
        parity["components"][i, 1] += sine
        parity["sizes"][i] += np.hypot(cosine, sine)
    parity["n_components"] += 1.0


@kernel
def log_odds_of_left(parity):
    """Log-odds that this step is left: of the components where they are clear, else of the summed
    contrasts.
    """
    log_odds, out_of_phase = log_odds_of_components(parity)
    if abs(log_odds) >= CLEAR or out_of_phase:
        return log_odds
    return parity["log_odds"] if is_steady(parity) else 0.0


@kernel
def log_odds_of_components(parity):
    """Log-odds that this step is left by the mean components, and whether the roll is in neither phase."""
    log_odds, out_of_phase = 0.0, False
    n = parity["n_components"]
    if n < ENOUGH_COMPONENTS - 0.5:  # the sum decays
        return log_odds, out_of_phase
    for i in range(N_COMPONENTS):
        cosine, sine, size = parity["components"][i, 0], parity["components"][i, 1], parity["sizes"][i]
        length = np.hypot(cosine, sine)
        if length < n * LEAST_COMPONENT[i] or length < min(COHERENT + 1.0 / n, 0.9) * size:
            continue
        # cosine of the angle from the centre
        away = (cosine * CENTRE_COSINE[i] + sine * CENTRE_SINE[i]) / length
        if i == ROLL_COMPONENT:
            out_of_phase = abs(away) < np.cos(OUT_OF_PHASE)
        if out_of_phase and i != YAW_COMPONENT:
            continue
        near = np.exp(PHASE_CONCENTRATION[i] * (away - 1.0))
        far = np.exp(PHASE_CONCENTRATION[i] * (-away - 1.0))
        log_odds += np.log((near + OTHER_PHASES[i]) / (far + OTHER_PHASES[i]))
    return log_odds, out_of_phase


@kernel
def side_code(log_odds):
    """Index into columns.SIDES."""
    if abs(log_odds) < LEAST:
        return 0
    return 1 if log_odds > 0.0 else 2
