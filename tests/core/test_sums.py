"""Sums several at a time, against `math.fsum`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.filters import sum_of, sum_of_products
from tests.core.core_helpers import examples

EPSILON = np.finfo(np.float64).eps
VALUES = st.lists(st.floats(-1e12, 1e12) | st.sampled_from([0.0, 5e-324, 1e-200]), max_size=40)


@examples(150)
@given(values=VALUES)
def test_sum(values):
    exact = math.fsum(values)
    bound = len(values) * EPSILON * math.fsum(map(abs, values))
    assert abs(sum_of(np.array(values)) - exact) <= bound


@examples(150)
@given(pairs=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=40))
def test_sum_of_products(pairs):
    one, other = np.array(pairs).reshape(-1, 2).T.copy()
    products = one * other
    bound = len(pairs) * EPSILON * math.fsum(np.abs(products))
    assert abs(sum_of_products(one, other) - math.fsum(products)) <= bound


@pytest.mark.parametrize("n", range(20))
def test_every_place_counts_once(n):
    """Whole numbers: exact in any order."""
    powers = 2.0 ** np.arange(n)
    assert sum_of(powers) == 2.0**n - 1.0
    assert sum_of_products(powers, np.ones(n)) == 2.0**n - 1.0
    assert sum_of_products(np.ones(n), powers) == 2.0**n - 1.0
    assert sum_of_products(powers, powers) == sum(4**k for k in range(n))


@pytest.mark.parametrize("n", range(1, 20))
def test_nan_is_never_lost(n):
    for place in range(n):
        signal = np.ones(n)
        signal[place] = np.nan
        assert np.isnan(sum_of(signal))
        assert np.isnan(sum_of_products(signal, np.ones(n)))
        assert np.isnan(sum_of_products(np.ones(n), signal))


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60), shift=st.integers(0, 9))
def test_the_same_samples_elsewhere_in_memory_give_the_same_bytes(seed, n, shift):
    signal = np.random.default_rng(seed).standard_normal(n)
    moved = np.concatenate([np.full(shift, 1e300), signal, [1e300]])[shift : shift + n]
    assert sum_of(moved) == sum_of(signal)
    assert sum_of_products(moved, moved) == sum_of_products(signal, signal)
    rows = np.full((3, n), 1e300)
    rows[1] = signal
    assert sum_of(rows[1]) == sum_of(signal)
