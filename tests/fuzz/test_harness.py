"""The fuzzing harness finds each kind of fault."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from imurun.errors import FormatError
from tests.fuzz import harness
from tests.fuzz.harness import Judge, Target, fuzz
from tests.fuzz.mutate import CHANGES, MOST_BYTES, mutate


def raises(error):
    def run(data, folder):
        raise error

    return run


def spend(data, folder):
    begun = time.process_time()
    while time.process_time() - begun < 0.3:
        pass


def judged(tmp_path, run, data=b"x"):
    judge = Judge(run, tmp_path)
    judge.judge(b"")  # the first loads modules
    return judge.judge(data)


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (raises(KeyError("x")), "KeyError at test_harness.py"),
        (raises(AssertionError()), "AssertionError"),
        (raises(MemoryError()), "MemoryError"),
        (raises(FormatError("two\nlines; correct it.")), "not printable"),
        (raises(FormatError("\x1b[31m; correct it.")), "not printable"),
        (raises(FormatError("it is damaged; correct it")), "no sentence"),
        (raises(FormatError("it is damaged.")), "does not say what to do"),
        (raises(FormatError("x" * 2000 + "; correct it.")), "2013 characters"),
        (raises(FormatError("it is damaged; correct it.")), ""),
        (lambda data, folder: len(data), ""),
    ],
)
def test_untyped_errors_and_poor_messages_are_faults(tmp_path, run, says):
    _, fault = judged(tmp_path, run)
    assert says in fault
    assert bool(fault) == bool(says)


def test_too_much_processor_time_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "MOST_SECONDS", 0.2)
    assert "too long" in judged(tmp_path, spend)[1]
    monkeypatch.setattr(harness, "GIVE_UP_S", 0.1)
    assert "given up" in judged(tmp_path, spend)[1]


def test_too_much_memory_is_a_fault(tmp_path):
    def take(data, folder):
        return np.ones(int(data) << 17).sum()  # so many MiB

    assert judged(tmp_path, take, b"100")[1] == ""
    assert "too much memory" in judged(tmp_path, take, b"260")[1]
    assert judged(tmp_path, take, b"100")[1] == ""


def test_the_search_continues_from_inputs_with_new_outcomes(tmp_path):
    """Three bytes in a row, each of which is checked only after the one before it is right."""

    def run(data, folder):
        for k, letter in enumerate(b"\0\xff\x7f"):
            if data[k : k + 1] != bytes((letter,)):
                raise FormatError(f"letter {'abc'[k]} is wrong; correct it.")
        raise IndexError

    tally = fuzz(Target("letters", lambda folder: [b"\0abcdefgh"], run), tmp_path, 20_000)
    assert any("IndexError" in what for what in tally.failures)


def test_the_same_seed_gives_the_same_inputs(tmp_path):
    seen = ([], [])
    for k, inputs in enumerate(seen):
        folder = tmp_path / str(k)
        folder.mkdir()
        fuzz(
            Target("any", lambda folder: [b"a,b\n1,2\n"], lambda data, folder: 0),
            folder,
            50,
            before=inputs.append,
        )
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 30


@pytest.mark.parametrize("change", dict.fromkeys(CHANGES), ids=lambda change: change.__name__)
def test_every_change_changes_something(change):
    rng = random.Random(1)
    data = b"time,acc_x\n0.01,-2.5\n0.02,7\n" * 8
    found = set()
    for _ in range(60):
        out = bytearray(data)
        change(out, rng, [b"another,one\n3,4\n" * 9])
        found.add(bytes(out))
    assert len(found) > 1


def test_mutations_of_empty_input_and_their_largest_size():
    rng = random.Random(2)
    assert {len(mutate(b"", rng)) for _ in range(300)} != {0}
    assert max(len(mutate(b"x" * 5000, rng)) for _ in range(300)) <= MOST_BYTES
