"""Each rule on a run of simple shapes, where its answer follows from its words; and on next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imurun.errors import MethodError
from imurun.methods import METHODS
from imurun.methods.apply import run_checked
from imurun.methods.bergamini2012 import wavelet
from imurun.methods.signals import STANCE_S
from imurun.methods.threshold import contacts_above
from imurun.model.frames import G
from tests.methods.made import (
    BRAKING_S,
    CONTACT_S,
    FORWARD_S,
    LOWEST_S,
    PEAK_G,
    PERIOD_S,
    PUSHED_OFF_S,
    RATE_HZ,
    run,
)

FALLS_FASTEST_S = CONTACT_S / np.pi * np.arcsin(1.0 / PEAK_G)
"""The vertical rises through 1 g: until then the body fell faster and faster."""

ANSWERS_S = {
    "auvinet2002": (0.5 * (LOWEST_S + FORWARD_S), CONTACT_S, 0.003),
    "lee2010": (BRAKING_S, PUSHED_OFF_S, 0.002),
    "wixted2010": (BRAKING_S, CONTACT_S, 0.002),
    "benson2019": (BRAKING_S, PUSHED_OFF_S, 0.006),
    "reenalda2021": (FALLS_FASTEST_S, np.nan, 0.002),
    "day2021": (CONTACT_S / np.pi * np.arcsin(0.5 / PEAK_G), None, 0.010),
    "alcantara2021": (CONTACT_S / np.pi * np.arcsin(0.25 / PEAK_G), None, 0.006),
}
"""Foot strike and toe-off after the foot strike that was put in, and how close; None: symmetry says it."""
SIDED = ("auvinet2002", "lee2010")


def check(name, acc, rate_hz=RATE_HZ, gyr=None):
    return run_checked(METHODS[name], acc, gyr, rate_hz)


@pytest.mark.parametrize("name", ANSWERS_S)
@pytest.mark.parametrize("rate_hz", [500.0, 200.0])
def test_contacts_of_simple_shapes_follow_from_the_rule(name, rate_hz):
    acc, strikes = run(rate_hz=rate_hz)
    found = check(name, acc, rate_hz)
    strike_s, off_s, close_s = ANSWERS_S[name]
    close_s += 1.0 / rate_hz  # rules take whole samples
    if name == "benson2019":
        strikes = strikes[1:]  # it needs a vertical peak before
    assert found.initial_contact_s == pytest.approx(strikes + strike_s, abs=close_s)
    off_s = CONTACT_S - strike_s if off_s is None else off_s
    if name == "benson2019":  # and a foot strike after
        assert np.isnan(found.final_contact_s[-1])
        found, strikes = type(found)(*(x[:-1] for x in vars(found).values())), strikes[:-1]
    assert found.final_contact_s == pytest.approx(strikes + off_s, abs=close_s, nan_ok=True)


@pytest.mark.parametrize("name", ANSWERS_S)
@pytest.mark.parametrize("first", ["left", "right"])
def test_sides_alternate_from_the_first(name, first):
    acc, _ = run(first_side=first)
    side = check(name, acc).side
    if name not in SIDED:
        assert set(side) == {"unknown"}
    else:
        other = {"left": "right", "right": "left"}[first]
        assert side.tolist() == [first, other] * 6


def test_bergamini_follows_the_bend_of_the_angular_rate():
    t = np.arange(1500) / RATE_HZ
    gyr = np.zeros((len(t), 3))
    gyr[:, 1] = 2.0 + np.cos(2.0 * np.pi * t / PERIOD_S)  # bends up most where it is lowest
    found = check("bergamini2012", np.zeros((len(t), 3)), gyr=gyr)
    inner = found.initial_contact_s[1:-1]
    assert len(inner) >= 5
    assert inner % PERIOD_S == pytest.approx(np.full(len(inner), 0.5 * PERIOD_S), abs=0.006)
    assert found.final_contact_s[1:-1] - inner == pytest.approx(0.5 * PERIOD_S, abs=0.006)


def test_wavelet_is_the_derivative_of_a_smoothing():
    taps = wavelet()
    assert taps.sum() == pytest.approx(0.0, abs=1e-15)
    assert np.allclose(taps, -taps[::-1])
    assert len(taps) == 3 * (1 + 2 + 4) + 8 + 1


def test_a_higher_threshold_gives_shorter_contacts():
    acc, _ = run()
    means = [
        np.mean(contacts.final_contact_s - contacts.initial_contact_s)
        for contacts in (contacts_above(acc, RATE_HZ, 20.0, g) for g in (0.1, 0.3, 0.6))
    ]
    assert means[0] > means[1] + 0.005 > means[2] + 0.010


def test_threshold_ignores_short_peaks():
    acc = np.zeros((1000, 3))
    acc[200:230, 2] = 3.0 * G  # 60 ms
    assert not len(check("alcantara2021", acc).initial_contact_s)
    acc[200:300, 2] = 3.0 * G
    assert len(check("alcantara2021", acc).initial_contact_s) == 1


@pytest.mark.parametrize("name", ["auvinet2002", "wixted2010", "lee2010", "reenalda2021"])
def test_a_single_step_is_found(name):
    acc, strikes = run(n_steps=1)
    found = check(name, acc)
    assert found.initial_contact_s == pytest.approx(strikes + ANSWERS_S[name][0], abs=0.004)
    assert found.side.tolist() == ["left" if name in SIDED else "unknown"]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 1000])
@pytest.mark.parametrize("value", [0.0, 9.81])
def test_constant_signals_give_no_contacts(name, n, value):
    acc = np.tile([0.0, 0.0, value], (n, 1))
    found = check(name, acc, gyr=np.zeros((n, 3)))
    assert found.initial_contact_s.shape == found.final_contact_s.shape == found.side.shape == (0,)


@pytest.mark.parametrize("name", ["lee2010", "auvinet2002"])
def test_toe_off_is_never_before_the_shortest_stance(name):
    acc, _ = run()
    early = acc.copy()
    early[:, 2] = np.where(acc[:, 2] > 2.2 * G, acc[:, 2], np.minimum(acc[:, 2], -0.1 * G))  # a 40 ms pulse
    found = check(name, early)
    stance = found.final_contact_s - found.initial_contact_s
    assert not (stance < STANCE_S[0]).any()


def test_rules_do_not_change_what_they_are_given():
    acc, _ = run()
    gyr = np.cos(acc)
    for name in METHODS:
        before = acc.copy(), gyr.copy()
        acc.flags.writeable = gyr.flags.writeable = False
        check(name, acc, gyr=gyr)
        assert np.array_equal(acc, before[0])
        assert np.array_equal(gyr, before[1])


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.sampled_from(sorted(METHODS)),
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(arrays(float, (n, 3), elements=FINITE), arrays(float, (n, 3), elements=FINITE))
    ),
    st.sampled_from([25.0, 50.0, 100.0, 333.3]),
)
@settings(max_examples=150)
def test_any_finite_samples_give_contacts_or_a_typed_error(name, samples, rate_hz):
    message = ""
    try:
        run_checked(METHODS[name], *samples, rate_hz)  # which checks what comes out
    except MethodError as error:
        message = str(error)
    assert not message or message.startswith(name)


@given(
    st.sampled_from(sorted(METHODS)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 1500),
    st.sampled_from([25.0, 104.0, 1000.0]),
    st.floats(0.01, 100.0),
    st.sampled_from([0.0, 0.5, 9.81]),
    st.booleans(),
)
@settings(max_examples=150)
def test_noise_gives_contacts(name, seed, n, rate_hz, size, step, wander):
    """Noise and wandering, coarse or fine, never breaks a rule."""
    noise = np.random.default_rng(seed).normal(0.0, size, (2, n, 3))
    if wander:
        noise = np.cumsum(noise, axis=1)
    if step:
        noise = np.round(noise / step) * step
    run_checked(METHODS[name], *noise, rate_hz)
