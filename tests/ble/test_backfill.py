"""Which samples are asked for again, and when that ends."""

from __future__ import annotations

import pytest

from imurun.ble.backfill import MAX_SAMPLES, Backfill
from imurun.ble.control import Fetching, Op, Response, Status


def answer(status=Status.OK, first=None, n=0):
    return Response(Op.FETCH, 1, status, None if first is None else Fetching(first, n))


def test_one_request_at_a_time_the_oldest_pending_range_first():
    backfill = Backfill()
    holes = [(10, 30), (50, 60)]
    assert backfill.next(holes, 0.0) == (10, 30)
    assert backfill.answered(answer(first=10, n=20)) is None
    assert backfill.next(holes, 0.5) is None
    assert backfill.next([(20, 30), (50, 60)], 0.9) is None  # on its way
    assert backfill.next([(50, 60)], 1.0) == (50, 60)
    assert backfill.next([], 1.1) is None


def test_a_request_is_repeated_and_given_up_after_the_last_try():
    backfill = Backfill(retry_s=1.0, tries=3)
    asked = []
    given_up = None
    for tenth in range(100):
        if (hole := backfill.next([(10, 30)], tenth / 10)) is not None:
            asked.append(tenth)
            given_up = backfill.answered(answer(first=10, n=20))
            if given_up is not None:
                break
    assert asked == [0, 10, 20]
    assert hole == (10, 30)
    assert given_up == 30


def test_progress_does_not_count_as_a_failed_try():
    backfill = Backfill(retry_s=1.0, tries=2)
    for k in range(10):
        assert (
            backfill.next([(10 + k, 30)], 2.0 * k) is None or backfill.answered(answer(first=10 + k)) is None
        )


@pytest.mark.parametrize(
    ("response", "stop"),
    [
        (answer(Status.NOT_HELD), 30),
        (answer(first=18, n=12), 18),
        (answer(first=99, n=1), 30),
        (answer(first=10, n=20), None),
        (answer(Status.BUSY), None),
        (answer(Status.OUT_OF_RANGE), None),
    ],
)
def test_samples_the_sensor_cannot_send_are_given_up(response, stop):
    backfill = Backfill()
    backfill.next([(10, 30)], 0.0)
    assert backfill.answered(response) == stop


def test_samples_lost_again_are_requested_after_the_fetch():
    backfill = Backfill(retry_s=1.0)
    assert backfill.next([(10, 30)], 0.0) == (10, 30)
    assert backfill.answered(answer(first=10, n=20)) is None
    backfill.received(15)
    assert backfill.next([(15, 30)], 0.1) is None
    backfill.received(30)
    assert backfill.next([(15, 20)], 0.1) == (15, 20)
    assert backfill.next([(15, 20)], 0.2) is None


def test_a_fetch_counts_in_16_bits():
    assert Backfill().next([(0, 10**6)], 0.0) == (0, MAX_SAMPLES)


def test_after_reconnecting_the_same_range_is_requested_at_once():
    backfill = Backfill()
    assert backfill.next([(10, 30)], 0.0) == (10, 30)
    backfill.reset()
    assert backfill.next([(10, 30)], 0.1) == (10, 30)
