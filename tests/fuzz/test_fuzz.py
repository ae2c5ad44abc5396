"""Runs every target on a few fixed inputs; `python -m tests.fuzz` runs many."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import harness
from tests.fuzz.harness import Judge, fuzz
from tests.fuzz.mutate import TOKENS, mutate
from tests.fuzz.targets import TARGETS

FAST = Path("/dev/shm")
INPUTS, DRAWN = 100, 30
pytestmark = pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="timers are Unix")


@pytest.fixture
def folder():
    """In memory where possible, because stores flush to disk at every input."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=FAST if FAST.is_dir() else None) as place:
        yield Path(place)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """No test depends on how fast the machine is; a hang is still one, and the long search is strict."""
    monkeypatch.setattr(harness, "MOST_SECONDS", 120.0)
    monkeypatch.setattr(harness, "GIVE_UP_S", 120.0)


@pytest.mark.parametrize("name", TARGETS)
def test_unchanged_examples_are_read(name, folder):
    """Mutations start from valid inputs; otherwise they would only reach the first check of a reader."""
    (folder / "work").mkdir()
    judge = Judge(TARGETS[name].run, folder / "work")
    examples = TARGETS[name].examples(folder)
    assert examples
    for example in examples:
        outcome, fault = judge.judge(example)
        assert outcome.startswith("read")
        assert not fault


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_break_no_property(name, folder):
    """Only typed errors whose messages say what to do, limited time and memory."""
    tally = fuzz(TARGETS[name], folder, INPUTS)
    assert not {what: failure.detail for what, failure in tally.failures.items()}
    assert tally.inputs == INPUTS


def drawn(examples):
    """Mutated examples, texts made of tokens that readers look for, and random bytes."""
    changed = st.builds(
        lambda data, seed: mutate(data, random.Random(seed), examples),
        st.sampled_from(examples),
        st.integers(0),
    )
    words = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=8), max_size=30).map(b"".join)
    begun = st.builds(
        lambda data, n, rest: data[:n] + rest, st.sampled_from(examples), st.integers(0, 200), words
    )
    return changed | words | begun | st.binary(max_size=300)


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_from_hypothesis_break_no_property(name, folder):
    """The same with hypothesis, which shrinks a failing input."""
    (folder / "work").mkdir()
    judge = Judge(TARGETS[name].run, folder / "work")
    examples = list(TARGETS[name].examples(folder))

    @settings(max_examples=DRAWN, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(drawn(examples))
    def holds(data):
        _, fault = judge.judge(data)
        assert not fault, judge.detail

    holds()
