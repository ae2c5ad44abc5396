"""The names that `imurun` exports."""

from __future__ import annotations

import pytest

import imurun


@pytest.mark.parametrize("name", imurun.__all__)
def test_every_public_name_is_importable(name):
    assert getattr(imurun, name) is not None


def test_an_unknown_name_raises_attribute_error():
    with pytest.raises(AttributeError, match="nosuch"):
        imurun.nosuch  # noqa: B018
