"""A missing optional package is named by one sentence with the extra that brings it."""

from __future__ import annotations

import sys

import pytest

from imurun.errors import ImurunError, MissingExtraError
from imurun.export.fit_activity import write_fit
from imurun.export.fit_merge import merge_fit
from imurun.export.fit_read import read_fit
from imurun.files.optional import optional_module
from tests.export.fit_helpers import made_session, watch_content


def test_an_installed_package_is_imported():
    assert optional_module("json", extra="fit", purpose="Writing FIT") is sys.modules["json"]


@pytest.mark.parametrize("package", ["fit_tool", "fitdecode"])
def test_each_use_of_fit_names_its_extra(tmp_path, monkeypatch, package):
    watch, out = tmp_path / "watch.fit", tmp_path / "out.fit"
    watch.write_bytes(watch_content())
    monkeypatch.setitem(sys.modules, package, None)
    calls = {
        "fit_tool": [
            lambda: write_fit(made_session(), out),
            lambda: merge_fit(made_session(), watch, out),
        ],
        "fitdecode": [lambda: read_fit(watch), lambda: merge_fit(made_session(), watch, out)],
    }
    for call in calls[package]:
        with pytest.raises(MissingExtraError) as caught:
            call()
        message = str(caught.value)
        assert "FIT needs the extra 'fit'" in message
        assert "pip install -e '.[fit]'" in message
        assert "pip install imurun" not in message
        assert isinstance(caught.value, ImurunError)
    assert not out.exists()
