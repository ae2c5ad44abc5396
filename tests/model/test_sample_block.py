"""SampleBlock: what it says about its rows."""

from __future__ import annotations

import math

import numpy as np

from imurun.engine import RunAnalyzer
from imurun.model.sample_block import SampleBlock


def test_a_block_has_its_next_index_and_missing_rows():
    acc = np.zeros((4, 3))
    acc[1] = np.nan
    gyr = np.zeros((4, 3))
    gyr[3, 2] = np.nan
    block = SampleBlock(10, acc, gyr)
    assert len(block) == 4
    assert block.next_index == 14
    assert block.missing.tolist() == [False, True, False, True]
    assert SampleBlock(0, acc).missing.tolist() == [False, True, False, False]
    assert math.isnan(block.time_s)


def test_the_analyzer_accepts_the_arrays_of_a_block():
    analyzer = RunAnalyzer(200)
    for first in range(0, 380, 19):
        block = SampleBlock(first, np.full((19, 3), np.nan if first == 190 else 5.7), np.zeros((19, 3)))
        assert analyzer.push(block.acc, block.gyr) == []
    assert analyzer.finish() == []
