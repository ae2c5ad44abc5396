"""Every kernel has a slow reference implementation, by itself or as a part of another kernel."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import imurun.core

CORE = Path(imurun.core.__file__).parent
TESTS = Path(__file__).parent

THROUGH = {
    "unit_vector": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "loop_direction": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "write_components": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "write_component": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "component_agreement": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "peak_to_peak_before_low_pass": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "pitch_after_force": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "running_evidence": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "mean_component": ("gait", "test_gait.test_mechanics_of_four_cycles"),
    "half_about": (
        "stride_component",
        "test_stride_component.test_components_of_noise_match_sums_over_arrays",
    ),
    "begin_stretch": ("state", "test_state.test_a_long_gap_is_a_restart"),
    "write_walking": ("step", "test_step.test_walking_steps_have_times_and_oscillation_of_their_cycles"),
    "write_running": ("step", "test_step.test_contacts_and_rhythm_match_the_whole_signal"),
    "mapped": ("contact", "test_contact.test_maps_are_a_constant_plus_coefficients_times_features"),
    "write_errors": ("step", "test_contact.test_steps_carry_their_intervals_in_the_units_of_their_columns"),
    "write_common": ("step", "test_step.test_oscillation_and_impulse_match_the_whole_signal"),
    "advance": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "smooth_until": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "find_steps": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "break_off": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "track_next": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "classify": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "n_undecided": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "note_period": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "resolve_first": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
    "write_run": ("stepper", "test_stages.test_steps_of_drawn_cycles_match_the_reference"),
}
"""Kernels that no test calls by themselves: their module, and the test of a stage that compares what they do
with the whole recording at once."""


@cache
def functions(path):
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]


def kernels():
    """Module and name of every function that is compiled."""
    for path in sorted(CORE.glob("*.py")):
        for node in functions(path):
            words = {
                word.id
                for part in node.decorator_list
                for word in ast.walk(part)
                if isinstance(word, ast.Name)
            }
            if words & {"kernel", "entry"}:
                yield path.stem, node.name


KERNELS = list(kernels())


@cache
def called(path):
    """Names that a file uses, not only imports."""
    if not path.exists():
        return set()
    return {
        node.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def test_the_source_search_finds_kernels():
    assert len(KERNELS) > 90
    assert {("gait", "alike"), ("stepper", "advance"), ("state", "begin")} <= set(KERNELS)
    assert ("stepper", "most_steps") not in KERNELS
    assert "approx" not in called(Path(__file__))


@pytest.mark.parametrize(("module", "name"), KERNELS, ids=[".".join(names) for names in KERNELS])
def test_every_kernel_has_a_reference_implementation(module, name):
    if THROUGH.get(name, ("",))[0] != module:
        own = TESTS / f"test_{module}.py"
        assert name in called(own), (
            f"write a slow reference implementation of {module}.{name} in {own.name}, or name its stage"
        )


@pytest.mark.parametrize(("name", "where"), THROUGH.items(), ids=THROUGH)
def test_the_named_tests_of_stages_exist(name, where):
    module, test = where
    assert (module, name) in KERNELS
    file, function = test.split(".")
    assert function in [node.name for node in functions(TESTS / f"{file}.py")]
    assert name not in called(TESTS / f"test_{module}.py"), f"{name} has tests of its own: take it out"
