"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.kills.warm import ERR, OUT, Order, Warm

REPOSITORY = Path(__file__).resolve().parents[1]

# a busy machine fails no test: no example has a deadline, and drawing examples may take as long as it takes;
# examples may share `tmp_path` and `monkeypatch`, since each replaces what the one before has left there
settings.register_profile(
    "imurun",
    settings(
        deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    ),
)
settings.load_profile("imurun")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Cache, settings and history of this process: no other test's sensor is in use, no runner's touched."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        monkeypatch.setenv("IMURUN_STORE", str(tmp_path_factory.mktemp("history")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings; the test is skipped where it is absent."""
    folder = Path(os.environ.get("IMURUN_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("needs the recordings of ../shared/data: set IMURUN_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def warm(own_cache):
    """A process in which a command begins at once."""
    if os.name != "posix":
        pytest.skip("needs fork")
    with Warm() as warm:
        yield warm


@pytest.fixture(scope="session")
def call(warm, tmp_path_factory):
    """Runs imurun as in a process of its own; returns a `subprocess.CompletedProcess`."""

    def call(*words, cwd=".", **environment):
        notes = str(tmp_path_factory.mktemp("notes"))
        environment = {"COLUMNS": "100", **environment}
        code = warm.start(Order(list(map(str, words)), notes, notes, environment, str(cwd))).end()
        out, err = (Path(notes, name).read_text(encoding="utf-8") for name in (OUT, ERR))
        return subprocess.CompletedProcess(words, code, out, err)

    return call


@pytest.fixture(scope="module")
def browser():
    """A headless browser for the pages."""
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
