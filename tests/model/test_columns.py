"""Labels, units and decimals have one source, `imurun.model.columns`; every table takes them from there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import imurun
from imurun.cli.history_tables import MEASURES
from imurun.engine import Step
from imurun.export.fit_fields import DEVELOPER
from imurun.live.alert_rules import NUMBERS, AlertRule
from imurun.live.alerts import AlertWatch
from imurun.live.state import METRICS
from imurun.model.columns import COLUMNS, DERIVED_COLUMNS, STEP_COLUMNS, UNITS, printed_unit
from imurun.report.words import CONTEXT, TERMS, explained, label_with_unit, shown
from tests.live.made_steps import make_run

PACKAGE = Path(imurun.__file__).parent
TABLES = ("live", "report", "export", "cli", "history")
"""Where a table of columns is shown or written."""
ORDINARY = {"Side", "Gait", "Running", "Pain", "Distance", "Known at"}
"""Labels that are also words of their own."""


def test_names_and_labels_are_distinct():
    names = [column.name for column in STEP_COLUMNS + DERIVED_COLUMNS]
    labels = [column.label for column in STEP_COLUMNS + DERIVED_COLUMNS]
    assert len(set(names)) == len(names)
    assert len(set(labels)) == len(labels)
    assert Step._fields == tuple(column.name for column in STEP_COLUMNS)


def test_a_label_is_a_runners_word_and_differs_from_the_standard_term():
    for column in COLUMNS.values():
        assert column.label[0].isupper()
        assert column.term.lower() != column.label.lower()
        assert column.decimals >= 0
    assert COLUMNS["roll_rom_deg"].term == "pelvic obliquity, range"
    assert COLUMNS["ml_sway_ratio"].term == "mediolateral RMS ratio"


def test_stored_units_are_ascii_and_printed_units_are_for_people():
    assert all(column.unit.isascii() for column in COLUMNS.values())
    assert {name: COLUMNS[name].unit for name in UNITS} == UNITS
    assert printed_unit("lumbar_dose_bw4") == "BW⁴"
    assert printed_unit("cadence_spm") == UNITS["cadence_spm"] == "steps/min"


def test_live_history_and_fit_show_the_same_label_unit_and_decimals():
    for name, metric in METRICS.items():
        assert tuple(metric) == (COLUMNS[name].label, printed_unit(name), COLUMNS[name].decimals)
    for label, name, unit, decimals in MEASURES:
        assert (label, unit, decimals) == (COLUMNS[name].label, printed_unit(name), COLUMNS[name].decimals)
    for field in DEVELOPER:
        assert (field.name, field.unit) == (COLUMNS[field.column].label, COLUMNS[field.column].unit)


def test_the_report_shows_the_same_label_unit_and_decimals_and_the_standard_term_once():
    for name in (*TERMS, *CONTEXT):
        column = COLUMNS[name]
        value = shown(name, 1.0)
        assert value.startswith(f"{1.0:.{column.decimals}f}")
        assert value.endswith(printed_unit(name))
        assert label_with_unit(name).startswith(column.label)
        ((label, meaning),) = explained(name)
        assert label == column.label
        assert meaning.count("Standard term") == bool(column.term)


@pytest.mark.parametrize("name", NUMBERS)
def test_alerts_name_columns_by_their_label_and_unit(name):
    watch = AlertWatch([AlertRule("mine", name, above=1.0, steps=4)])
    values = [2.0] * 8
    steps = make_run("cadence_spm", values)
    steps = [step._replace(**({name: 2.0} if name != "initial_contact_s" else {})) for step in steps]
    if name == "initial_contact_s":
        steps = [step._replace(initial_contact_s=100.0 + k) for k, step in enumerate(steps)]
    (alert,) = watch.steps(steps)
    assert alert.sentence.startswith(f"{COLUMNS[name].label} ")
    assert f", above 1 {printed_unit(name)}".rstrip() in alert.sentence


def test_no_table_spells_a_label():
    labels = {column.label for column in COLUMNS.values()} - ORDINARY
    spelled = [
        (str(file.relative_to(PACKAGE)), node.lineno, node.value)
        for place in TABLES
        for file in ([PACKAGE / place] if place.endswith(".py") else sorted((PACKAGE / place).rglob("*.py")))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in labels
    ]
    assert spelled == []
