"""The three linear formulas, and that their times are those of the simulated foot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.contact import (
    CONSTANTS,
    CONTACT_LIMITS_S,
    OWN_HEIGHT_BW,
    TYPICAL,
    ContactConstants,
    final_contact,
    initial_contact,
    peak_force,
    typical_contact_s,
    typical_initial_s,
)
from imurun.core.step_cycle import PULSE
from imurun.core.stepper import Stepper
from tests.core.core_helpers import examples, oriented, record, simulated

NAMES = [name for name in TYPICAL.names or () if name != "n"]
OTHERS = ContactConstants(*(tuple(np.linspace(0.1, 0.5, len(values)).tolist()) for values in CONSTANTS))


@examples(80)
@given(
    own=st.tuples(*[st.floats(0.0, 0.2)] * 4),
    usual=st.lists(st.floats(0.2, 4.0), min_size=len(NAMES), max_size=len(NAMES)),
    rate_hz=st.sampled_from([25.0, 100.0, 1000.0]),
    start_s=st.sampled_from([0.0, 3600.0]),
    constants=st.sampled_from([CONSTANTS, OTHERS]),
)
def test_formulas(own, usual, rate_hz, start_s, constants):
    up, peak, down, end = start_s + np.cumsum(own)
    times = {"up": up, "peak": peak, "down": down, "end": end}
    t = dict(zip(NAMES, usual, strict=True))
    pulse = record(PULSE, **{name: rate_hz * at for name, at in times.items()}, height=t["height"] + 0.3)
    typical = record(TYPICAL, **t)
    period_s, height = t["period"], t["push_height"]
    first = np.dot(constants.initial_s, [1.0, t["push_begin"], t["drive"] * period_s, height * period_s])
    lasts = period_s * np.dot(constants.step_share, [1.0, 1.0 / height, t["forward_rms"] / height])
    contact_s = first + up - t["up"]
    final_s = first + lasts + (down + end) / 2 - (t["down"] + t["end"]) / 2
    net_impulse = (t["drive"] + t["brake"]) * period_s
    force = np.dot(constants.peak_bw, [1.0, t["push_swing"], net_impulse]) + 0.3 * OWN_HEIGHT_BW
    exact = {"abs": 1e-7}
    assert typical_initial_s(typical, constants) == pytest.approx(first, **exact)
    assert typical_contact_s(typical, constants) == pytest.approx(lasts, **exact)
    assert initial_contact(pulse, typical, rate_hz, constants) / rate_hz == pytest.approx(contact_s, **exact)
    assert final_contact(pulse, typical, rate_hz, constants) / rate_hz == pytest.approx(final_s, **exact)
    assert peak_force(pulse, typical, constants) == pytest.approx(force, **exact)


@pytest.mark.parametrize("rate_hz", [25.0, 100.0])
def test_near_the_simulated_contacts(rate_hz):
    session = simulated(("running", 20.0), rate_hz=rate_hz)
    recording = session.recording
    stepper = Stepper(rate_hz, np.eye(3), heading_known=True, has_gyro=True)
    steps = stepper.push(recording.acc, oriented(recording))[0]
    steps = steps[(steps["initial_contact_s"] > 2.0) & (steps["initial_contact_s"] < 18.0)]
    truth = session.truth.steps
    nearest = np.abs(steps["initial_contact_s"][:, None] - truth["initial_contact_s"]).argmin(axis=1)
    assert len(steps) > 40
    assert (np.diff(nearest) == 1).all()
    for name in ("initial_contact_s", "final_contact_s"):
        error = steps[name] - truth[name][nearest]
        assert np.abs(error).mean() < 0.03
        assert error.std() < 0.01
    contact_s = steps["contact_time_ms"] / 1000.0
    assert ((contact_s > CONTACT_LIMITS_S[0]) & (contact_s < CONTACT_LIMITS_S[1])).all()
