"""A run made of simple shapes: what each rule must answer can be said beforehand."""

from __future__ import annotations

import numpy as np

from imurun.model.frames import G

RATE_HZ = 500.0
PERIOD_S = 0.36
CONTACT_S = 0.24
PEAK_G = 2.4
LOWEST_S = -0.040
"""Deepest point of the flight, from foot strike."""
FORWARD_S = -0.020
"""Fore-aft maximum before braking."""
BRAKING_S = 0.030
PUSHED_OFF_S = 0.230
"""The last backward peak of a stance."""


def bump(t, centre, width):
    return np.exp(-0.5 * ((t - centre) / width) ** 2)


def run(n_steps=12, rate_hz=RATE_HZ, first_side="left", start_s=0.5):
    """Samples (n, 3) in m/s2 and the foot strikes; half a second of flight before and after."""
    strikes = start_s + PERIOD_S * np.arange(n_steps)
    end = start_s + PERIOD_S * n_steps + 0.5
    t = np.arange(round(end * rate_hz)) / rate_hz
    acc = np.zeros((len(t), 3))
    acc[:, 2] = -0.1
    for k, strike in enumerate([*strikes, start_s + PERIOD_S * n_steps]):
        u = t - strike
        acc[:, 2] -= 0.1 * bump(u, LOWEST_S, 0.01)
        acc[:, 0] += 0.3 * bump(u, FORWARD_S, 0.006)
        if k == n_steps:
            break  # the flight after the last step is whole
        stance = (u >= -1e-9) & (u <= CONTACT_S)
        acc[stance, 2] += 0.1 + PEAK_G * np.sin(np.pi * u[stance] / CONTACT_S)
        acc[:, 0] -= bump(u, BRAKING_S, 0.012) + 0.4 * bump(u, PUSHED_OFF_S, 0.012)
        left = 1.0 if (k % 2 == 0) == (first_side == "left") else -1.0
        acc[:, 1] += left * (0.5 * bump(u, 0.12, 0.03) - 0.4 * bump(u, LOWEST_S + 0.01, 0.012))
    return acc * G, strikes
