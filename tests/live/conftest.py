"""A headless browser for the pages, and where pictures of them are kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from page_helpers import Stand


@pytest.fixture
def stand():
    """A page's server with one sensor."""
    stand = Stand(limit=4000.0)
    yield stand
    stand.close()
    assert stand.errors == []


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'"
    )
    with playwright.sync_playwright() as started:
        # root has no sandbox
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def artefacts(tmp_path) -> Path:
    """Where what a person should look at goes: IMURUN_ARTEFACTS, or the test's own folder."""
    folder = Path(os.environ.get("IMURUN_ARTEFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
