"""The page of `imurun live` as a runner uses it: from the command to the files of the session."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pandas as pd

import imurun

PATIENCE_S = 120.0
"""How long a state may take to appear, on the busiest machine."""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def wait(done, seconds=PATIENCE_S):
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        if done():
            return True
        time.sleep(0.1)
    return False


def is_fault(line):
    """Whether the page complains of itself; a connection that a busy machine breaks is made again."""
    return line.type == "error" and "/ws" not in line.text + line.location.get("url", "")


def test_laps_and_pain_reach_the_session_and_the_page_shows_the_run(browser, artefacts, tmp_path):
    port = free_port()
    words = ["live", "--simulate", "--speed", "8", "--out", str(tmp_path / "run"), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "imurun", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait(lambda: answers(port))
        page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        page.set_default_timeout(1000.0 * PATIENCE_S)
        said, asked = [], []
        page.on("console", lambda line: said.append(line.text) if is_fault(line) else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_function(
            """() => {
              const [cadence] = document.querySelectorAll('[data-column="cadence_spm"] .value');
              const bout = document.getElementById("bout").textContent;
              return bout === "running" && cadence.textContent > 140 && cadence.textContent < 190;
            }"""
        )
        page.locator("#lap").tap()
        page.locator("#laps", has_text="1").wait_for()
        page.locator("#pain").tap()
        page.locator(".scale button[value='3']").tap()
        page.locator("#last_pain", has_text="3").wait_for()
        page.screenshot(path=artefacts / "session_phone.png")
        page.locator("#stop").tap()
        page.locator("#stop_now").tap()
        page.locator("#trouble", has_text="has ended").wait_for()
        page.screenshot(path=artefacts / "session_ended.png")
        out, err = process.communicate(timeout=PATIENCE_S)
        page.close()
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "Session load" in out
    assert not said
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in asked)
    recording = imurun.read(tmp_path / "run.parquet")
    assert [(marker.kind, marker.value) for marker in recording.markers] == [("lap", None), ("pain", 3.0)]
    assert 10 < recording.markers[0].time_s < recording.duration_s
    steps = pd.read_parquet(tmp_path / "run-steps.parquet")
    pd.testing.assert_frame_equal(imurun.analyze(recording).steps, steps, check_exact=True)
