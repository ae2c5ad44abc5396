"""Live runs and reports without optional packages: one sentence names the extra, and the rest works."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from imurun.errors import MissingExtraError
from imurun.files.optional import optional_module
from imurun.live.terminal import qr_lines

ROOT = Path(__file__).resolve().parents[2]


def run_without(packages, code):
    """Output of a program in which these packages cannot be imported."""
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in packages)
    result = subprocess.run(
        [sys.executable, "-c", f"import sys\n{blocked}{textwrap.dedent(code)}"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_sentence_names_the_extra_and_the_checkout():
    with pytest.raises(MissingExtraError) as caught:
        optional_module("a_package_that_is_not_there", extra="live", purpose="The live page")
    assert str(caught.value) == (
        "The live page needs the extra 'live': in imurun's checkout, "
        "run .venv/bin/python -m pip install -e '.[live]'."
    )


def test_a_qr_code_without_segno_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(MissingExtraError, match=r"needs the extra 'live'"):
        qr_lines("http://127.0.0.1:5005/")


def test_pipeline_terminal_and_colours_need_no_package_of_an_extra():
    code = """
        import imurun.live.pipeline, imurun.live.terminal, imurun.live.lsl
        from imurun.plot_style import SIDES
        print(SIDES["left"])
    """
    packages = ("bokeh", "jinja2", "segno", "tornado", "pylsl")
    assert run_without(packages, code).startswith("#")


@pytest.mark.parametrize("missing", ["bokeh", "jinja2"])
def test_a_report_without_its_packages_names_the_extra(missing):
    code = """
        from imurun.errors import MissingExtraError
        try:
            import imurun.report
        except MissingExtraError as error:
            print(error)
    """
    assert "A report needs the extra 'report': in imurun's checkout" in run_without([missing], code)


@pytest.mark.parametrize(("package", "options"), [("tornado", []), ("pylsl", ["--no-page", "--lsl"])])
def test_a_live_run_without_a_package_of_its_outputs_records_nothing(tmp_path, package, options):
    code = f"""
        import os
        from imurun.cli.main import main
        os.chdir({str(tmp_path)!r})
        sys.argv = ["imurun", "live", "--simulate", *{options!r}]
        try:
            main()
        except SystemExit as end:
            print(end.code, os.listdir())
    """
    assert run_without([package], code) == "1 []\n"
