"""The page: complete, readable offline, with reasons for missing values."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from benchmarks.accuracy.generate import generate
from benchmarks.accuracy.methods import LEFT_OUT, METHODS
from benchmarks.accuracy.plan import make_plan
from benchmarks.accuracy.report.page import page
from benchmarks.accuracy.report.scores import score_table
from benchmarks.accuracy.results import read_results
from tests.benchmarks.accuracy.accuracy_helpers import found, made_trial, method


class Seen(HTMLParser):
    """Addresses that the page loads, and its text outside scripts and styles."""

    def __init__(self):
        super().__init__()
        self.loads, self.text, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in ("src", "href", "data", "srcset", "action")]
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


def made_page(folder, methods, **options):
    generate(make_plan(methods, quick=True, **options), folder, processes=1)
    results = read_results(folder)
    text = page(results, score_table(results))
    seen = Seen()
    seen.feed(text)
    return text, seen, " ".join(" ".join(seen.text).split())


@pytest.fixture
def answering(monkeypatch):
    def answer(trial):
        n = len(trial.side)
        noise = np.random.default_rng(n).normal(0, 0.005, n)
        return found(trial, initial_off_s=noise, quality=np.linspace(0.3, 1.0, n))

    monkeypatch.setitem(METHODS, LEFT_OUT, method(answer, LEFT_OUT))


def test_the_page_loads_no_other_resource(made, answering, tmp_path):
    text, seen, words = made_page(tmp_path, [LEFT_OUT, "late"])
    assert seen.loads == []
    assert not seen.open
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles
    for part in (
        "Was the target reached?",
        "Bland-Altman",
        "Error by speed",
        "Error by slope",
        "What is not validated",
        "Lumbar compression",
        "not reached",
        "harmonised truth",
        "90 % interval, contact time: trials inside",
        "one runner: no interval",
        "Made late",
        "82 contacts in 6 trials of 5 runners",
    ):
        assert part in words, part
    assert "nan" not in words.lower().split()


def test_external_text_is_escaped(made, monkeypatch, tmp_path):
    def failing(_):
        raise ValueError("<script>alert(1)</script>")

    monkeypatch.setitem(METHODS, "odd", method(failing, "odd"))
    text, _, words = made_page(tmp_path, ["odd", "good"])
    assert "<script>alert" not in text
    assert "<script>alert(1)</script>" in words


def test_without_the_method_imurun_left_out_targets_are_not_measured(made, tmp_path):
    _, seen, words = made_page(tmp_path, ["good"], datasets=["sacral_grf"])
    assert seen.loads == []
    assert "not measured" in words
    assert "of 1 runner." in words


def test_a_page_without_contacts_states_the_reason(made, tmp_path):
    made["running_speeds"] = [made_trial("A", n=0)]
    _, _, words = made_page(tmp_path, ["good"], datasets=["running_speeds"])
    assert "holds no contact that counts" in words
    assert "nan" not in words.lower().split()
