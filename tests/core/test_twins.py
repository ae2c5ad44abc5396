"""Every kernel has a twin: in the tests of its module, or in those of the kernel that is made of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import imurun.core

TESTS = Path(__file__).parent
WITHIN = {
    "contact.typical_initial_s": "test_contact.test_formulas",
    "contact.typical_contact_s": "test_contact.test_formulas",
    "gait.alike": "test_gait.test_follows_the_very_next_about_as_long",
    "gait.swings_on": "test_gait.test_one_odd_pulse_spoils_the_streak",
    "memory.begin": "test_memory.test_new",
    "pulse.give_up": "test_pulse.test_no_pulse_lasts_longer_than_a_step",
    "pulse.complete_pulse": "test_pulse.test_like_the_whole_signal",
    "pulse.vertex_shift": "test_pulse.test_vertex_of_absolute_indices",
    "pulse.first_below": "test_pulse.test_like_the_whole_signal",
    "pulse.rising": "test_pulse.test_like_the_whole_signal",
    "pulse.falling": "test_pulse.test_like_the_whole_signal",
    "push.smooth_push": "test_push.test_like_whole_signals",
    "push.highest_of": "test_push.test_like_whole_signals",
    "side.window_columns": "test_side.test_cues",
    "side.weigh_contrasts": "test_side.test_evidence_of_a_run",
    "step.write_pulse": "test_step.test_contacts_and_rhythm",
    "step.write_typical": "test_step.test_contacts_and_rhythm",
    "step.write_walking": "test_step.test_walking_steps",
    "step.write_running": "test_step.test_contacts_and_rhythm",
    "step.write_common": "test_step.test_contacts_and_rhythm",
    "step.write_peaks": "test_step.test_peaks",
    "step.write_posture": "test_step.test_posture",
    "step.write_regularity": "test_step.test_regularity_columns",
    "step.is_askew": "test_push.test_a_mounting_that_is_askew_does_not_move_contacts",
    "stepper.advance": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.smooth_until": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.find_steps": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.track_next": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.judge": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.n_undecided": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.settle": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.write_run": "test_verdicts.test_steps_are_those_of_the_rules_on_all_pulses",
    "stepper.note_period": "test_step.test_contacts_and_rhythm",
    "typical.moved": "test_typical.test_mean",
}
"""Kernels by the test that works out again what they give."""


def kernels():
    for file in sorted(Path(imurun.core.__file__).parent.glob("*.py")):
        for node in ast.parse(file.read_text()).body:
            marks = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
            if any(re.match(r"(kernel|entry)\b", mark) for mark in marks):
                yield f"{file.stem}.{node.name}"


@pytest.mark.parametrize("kernel", list(kernels()))
def test_every_kernel_has_a_twin(kernel):
    module, _, name = WITHIN.get(kernel, "").partition(".")
    if module:
        assert f"def {name}(" in (TESTS / f"{module}.py").read_text()
    else:
        module, _, name = kernel.partition(".")
        assert re.search(rf"\b{name}\(", (TESTS / f"test_{module}.py").read_text())


def test_nothing_is_listed_that_is_gone():
    assert set(WITHIN) <= set(kernels())
