"""The rules against force plates: foot strikes, toe-offs and sides, as far as each gives them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.datasets import load
from imurun.methods import METHODS
from imurun.methods.apply import run_checked

MARGIN_S = 0.3
TOLERANCE_S = 0.1

SACRAL_GRF = {
    "wixted2010": (0.99, 26.0, 13.0, 22.0, 15.7),
    "alcantara2021": (0.96, 0.0, 13.0, 6.0, 18.8),
    "day2021": (0.98, 0.0, 12.0, -14.0, 21.8),
    "reenalda2021": (0.99, 19.0, 13.0, None, None),
    "auvinet2002": (0.96, -16.0, 15.0, 22.0, 41.9),
    "lee2010": (0.99, 26.0, 13.0, 14.0, None),
    "benson2019": (0.93, 30.0, 15.0, None, None),
}
"""At least this F1; bias and at most this SD of foot strike, bias of toe-off, RMSE of contact time, ms.

They were computed by another hand from the same words on the same trials; where None stands, the words
leave so much open that the two hands differ.
"""
CLOSE_MS = 6.0


def errors(name, trials):
    """F1, errors of foot strike and toe-off and of contact time (ms), and the share of right sides."""
    n_true = n_found = n_right_side = 0
    rows = []
    for trial in trials:
        recording = trial.recording
        found = run_checked(METHODS[name], recording.acc, recording.gyr, recording.rate_hz)
        inside = trial.inside(MARGIN_S)
        strikes, offs = trial.initial_contact_s[inside], trial.final_contact_s[inside]
        sides = np.array(trial.side)[inside]
        near = (found.initial_contact_s > strikes[0] - TOLERANCE_S) & (
            found.initial_contact_s < strikes[-1] + TOLERANCE_S
        )
        initial, final, side = found.initial_contact_s[near], found.final_contact_s[near], found.side[near]
        n_true, n_found = n_true + len(strikes), n_found + len(initial)
        free = set(range(len(initial)))
        for k, strike in enumerate(strikes):
            close = [j for j in free if abs(initial[j] - strike) < TOLERANCE_S]
            if close:
                j = min(close, key=lambda i: abs(initial[i] - strike))
                free.remove(j)
                rows.append((initial[j] - strike, final[j] - offs[k]))
                n_right_side += side[j] == sides[k]
    strike_ms, off_ms = 1000.0 * np.array(rows).T
    return 2 * len(rows) / (n_true + n_found), strike_ms, off_ms, off_ms - strike_ms, n_right_side / len(rows)


@pytest.fixture(scope="module")
def plates(shared_data):  # which skips where the recordings are absent
    return {
        "sacral_grf": load("sacral_grf"),
        "others": [*load("treadmill_run_grf"), *load("running_speeds")],
    }


@pytest.mark.parametrize("name", SACRAL_GRF)
def test_errors_on_force_plates_match_an_independent_implementation(plates, name):
    f1, strike_ms, off_ms, contact_ms, _ = errors(name, plates["sacral_grf"])
    least_f1, bias_ms, most_sd_ms, off_bias_ms, rmse_ms = SACRAL_GRF[name]
    assert f1 >= least_f1
    assert strike_ms.mean() == pytest.approx(bias_ms, abs=CLOSE_MS)
    assert strike_ms.std() < most_sd_ms + 1.0
    known = np.isfinite(off_ms)
    assert known.mean() > 0.95 or name == "reenalda2021"
    if off_bias_ms is not None:
        assert off_ms[known].mean() == pytest.approx(off_bias_ms, abs=CLOSE_MS)
    if rmse_ms is not None:
        assert np.sqrt(np.mean(contact_ms[known] ** 2)) == pytest.approx(rmse_ms, abs=3.0)


@pytest.mark.parametrize(
    ("name", "least_f1", "least_sides"),
    [
        ("wixted2010", 0.99, 0.0),
        ("alcantara2021", 0.99, 0.0),
        ("day2021", 0.99, 0.0),
        ("reenalda2021", 0.99, 0.0),
        ("auvinet2002", 0.99, 0.7),
        ("lee2010", 0.93, 0.9),
        ("benson2019", 0.99, 0.0),
        ("bergamini2012", 0.55, 0.0),  # made for sprinters
    ],
)
def test_steps_of_five_more_runners_are_found(plates, name, least_f1, least_sides):
    f1, strike_ms, _, _, sides = errors(name, plates["others"])
    assert f1 >= least_f1
    assert sides >= least_sides
    if name != "bergamini2012":
        assert abs(strike_ms.mean()) < 50.0
        assert strike_ms.std() < 20.0
