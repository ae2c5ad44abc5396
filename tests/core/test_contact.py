"""The three linear formulas, and that their times are those of the simulated foot."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples, oriented, record, simulated
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.contact import (
    CONSTANTS,
    CONTACT_LIMITS_S,
    OWN_HEIGHT_BW,
    final_contact,
    initial_contact,
    peak_force,
)
from imurun.core.pulse import PULSE
from imurun.core.stepper import Stepper
from imurun.core.typical import TYPICAL


@examples(80)
@given(
    gaps=st.tuples(*[st.floats(0.0, 0.2)] * 4),
    usual=st.tuples(*[st.floats(0.0, 0.2)] * 4),
    sizes=st.tuples(*[st.floats(0.0, 4.0)] * 5),
    period_s=st.floats(0.22, 0.54),
    rate_hz=st.sampled_from([25.0, 100.0, 1000.0]),
    start_s=st.sampled_from([0.0, 3600.0]),
)
def test_formulas(gaps, usual, sizes, period_s, rate_hz, start_s):
    height, swing, drive, share, rise = sizes
    begin, up, peak, down, end = start_s + np.cumsum([0.0, *gaps])
    times = {"begin": begin, "up": up, "peak": peak, "down": down, "end": end}
    pulse = record(PULSE, **{name: rate_hz * time for name, time in times.items()}, height=height + 0.3)
    places = dict(zip(("begin", "up", "down", "end"), np.cumsum([-0.2, *usual[1:]]), strict=True))
    typical = record(
        TYPICAL,
        **places,
        fall=0.05,
        height=height,
        swing=swing,
        drive=drive,
        forward_share=share,
        rise_rate=rise,
    )
    c = CONSTANTS
    contact_s = peak + np.dot(c.initial_s, [1.0, places["begin"], height * period_s, drive])
    contact_s += (up - peak) - places["up"]
    final_s = peak + np.dot(c.final_s, [1.0, places["end"], rise, share])
    final_s += (down + end) / 2 - peak - (places["down"] + places["end"]) / 2
    force = np.dot(c.peak_bw, [1.0, swing, 0.05]) + 0.3 * OWN_HEIGHT_BW
    assert initial_contact(pulse, typical, period_s, rate_hz, c) / rate_hz == pytest.approx(
        contact_s, abs=1e-8
    )
    assert final_contact(pulse, typical, rate_hz, c) / rate_hz == pytest.approx(final_s, abs=1e-8)
    assert peak_force(pulse, typical, c) == pytest.approx(force, abs=1e-7)


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
