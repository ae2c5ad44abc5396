"""The progress bar of long commands."""

from __future__ import annotations

import io

from imurun.cli.screen import progress_bar


def test_the_progress_bar_is_silent_without_a_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("Waiting") as progress:
        progress(0.5)
    assert stream.getvalue() == ""
