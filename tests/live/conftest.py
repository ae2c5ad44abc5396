"""A page with one sensor."""

from __future__ import annotations

import pytest

from tests.live.page_helpers import Stand


@pytest.fixture
def stand():
    """A page's server with one sensor."""
    stand = Stand(limit=4000.0)
    yield stand
    stand.close()
    assert stand.errors == []
