from __future__ import annotations

import numpy as np

from imurun.methods.signals import alternate


def test_the_majority_wins():
    leftness = np.array([1.0, -2.0, 1.0, 0.5, 3.0, -1.0])  # the fourth is wrong
    assert alternate(leftness, np.arange(6.0)).tolist() == ["left", "right"] * 3
    assert alternate(-leftness, np.arange(6.0)).tolist() == ["right", "left"] * 3


def test_a_missed_step_swaps_nothing():
    leftness = np.array([1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
    times = np.array([0.0, 1.02, 1.97, 4.03, 5.0, 6.0])  # the right one at 3 is missing
    assert alternate(leftness, times).tolist() == ["left", "right", "left", "left", "right", "left"]


def test_no_votes_no_sides():
    assert alternate(np.zeros(0), np.zeros(0)).tolist() == []
    assert alternate(np.array([np.nan, 0.0]), np.arange(2.0)).tolist() == ["unknown", "unknown"]
    assert alternate(np.array([1.0, 1.0]), np.arange(2.0)).tolist() == ["unknown", "unknown"]
    assert alternate(np.array([-1.0]), np.zeros(1)).tolist() == ["right"]
