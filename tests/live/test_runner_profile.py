from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.errors import SettingsError
from imurun.files.toml import line_of
from imurun.io import read_runner
from imurun.live.alert_rules import DEFAULT_RULES, LONGEST_WHY, AlertRule
from imurun.live.runner_profile import MOST_RULES, Limits, read_limits

WHOLE = """name = "Kim"
height_m = 1.71

[limits]
session_load_bw4 = 40000

[alerts]
off = ["cadence", "load_80"]

[alerts.contact]
column = "contact_time_ms"
outside = [200, 280]
steps = 30
margin = 5
quiet_s = 120
why = "That is when my back begins to hurt."

[alerts.impact]
column = "peak_impact_g"
drift_percent = 40

[alerts.slump]
column = "lean_deg"
drift = -5.0
"""


@pytest.fixture
def read_text(tmp_path):
    def read(text):
        (tmp_path / "runner.toml").write_text(text)
        return read_limits(tmp_path / "runner.toml")

    return read


def test_rules_and_limits_are_read_from_all_tables(read_text):
    limits = read_text(WHOLE)
    assert limits.session_load_bw4 == 40_000.0
    assert [rule.key for rule in limits.rules] == [
        "side_tilt",
        "sideways",
        "load_100",
        "contact",
        "impact",
        "slump",
    ]
    rules = {rule.key: rule for rule in limits.rules}
    assert rules["contact"] == AlertRule(
        "contact",
        "contact_time_ms",
        below=200.0,
        above=280.0,
        steps=30,
        margin=5.0,
        quiet_s=120.0,
        why="That is when my back begins to hurt.",
    )
    assert rules["impact"].drift_percent == 40.0
    assert rules["slump"].drift == -5.0


def test_the_runner_is_read_from_the_file_of_rules(tmp_path):
    (tmp_path / "runner.toml").write_text(WHOLE)
    runner = read_runner(tmp_path / "runner.toml")
    assert (runner.name, runner.height_m, runner.mass_kg) == ("Kim", 1.71, None)


def test_a_file_without_rules_gives_the_defaults(read_text):
    assert read_text('name = "Kim"\n') == Limits() == Limits(DEFAULT_RULES, None)
    assert read_text("") == Limits()


BAD = [
    ("[alerts.a]\ncolumn = 'stride'\nabove = 1", 2, "alerts.a.column is 'stride', which is not a column"),
    ("[alerts.a]\ncolumn = 'side'\nabove = 1", 2, "alerts.a.column is side, which is not a number"),
    ("[alerts.a]\ncolumn = 7\nabove = 1", 2, "alerts.a.column is 7; give a text"),
    ("[alerts.a]\nabove = 1", 1, "alerts.a.column is missing"),
    ("[alerts.a]\ncolumn = 'quality'", 1, "alerts.a has no bound"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = nan", 3, "alerts.a.above is nan"),
    ("[alerts.a]\ncolumn = 'quality'\nbelow = -inf", 3, "alerts.a.below is -inf"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = true", 3, "alerts.a.above is True; give a number"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = '1'", 3, "alerts.a.above is '1'; give a number"),
    (f"[alerts.a]\ncolumn = 'quality'\nabove = 1{'0' * 400}", 3, "alerts.a.above is far too large"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nbelow = 2", 4, "always broken"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nbelow = 1", 4, "always broken"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\ndrift = 2", 4, "drift cannot be combined with above"),
    ("[alerts.a]\ncolumn = 'quality'\ndrift = 1\ndrift_percent = 2", 4, "cannot be combined with drift"),
    (
        "[alerts.a]\ncolumn = 'quality'\nabove = 1\noutside = [1, 2]",
        3,
        "above cannot be combined with outside",
    ),
    ("[alerts.a]\ncolumn = 'quality'\noutside = [1, 2]\ndrift = 2", 4, "drift cannot be combined with"),
    ("[alerts.a]\ncolumn = 'quality'\noutside = [2,\n1]", 3, "outside goes from 2 to 1"),
    ("[alerts.a]\ncolumn = 'quality'\noutside = [1]", 3, "outside must be two numbers"),
    ("[alerts.a]\ncolumn = 'quality'\noutside = [1, 'x']", 3, "outside is 'x'; give a number"),
    ("[alerts.a]\ncolumn = 'quality'\noutside = [1, nan]", 3, "outside"),
    ("[alerts.a]\ncolumn = 'quality'\ndrift = 0", 3, "drift is 0"),
    ("[alerts.a]\ncolumn = 'quality'\ndrift_percent = -100", 3, "drift_percent is -100"),
    ("[alerts.a]\ncolumn = 'quality'\ndrift_percent = 5000", 3, "drift_percent is 5000"),
    ("[alerts.a]\ncolumn = 'lean_deg'\ndrift_percent = 20", 3, "has no meaning for lean_deg"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nsteps = 0", 4, "alerts.a.steps is 0; give 4 to 1200"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nsteps = 10000", 4, "alerts.a.steps is 10000"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nsteps = 12.5", 4, "steps is 12.5; give a whole number"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nsteps = true", 4, "steps is True; give a whole number"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nmargin = -1", 4, "margin is -1; it cannot be negative"),
    ("[alerts.a]\ncolumn = 'quality'\noutside = [1, 2]\nmargin = 0.5", 4, "could never be over"),
    ("[alerts.a]\ncolumn = 'quality'\ndrift = -1\nmargin = 1", 4, "could never be over"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nquiet_s = 5", 4, "quiet_s is 5; give 60 to 86400"),
    (f"[alerts.a]\ncolumn = 'quality'\nabove = 1\nwhy = '{'x' * (LONGEST_WHY + 1)}'", 4, "why is too long"),
    ("[alerts.a]\ncolumn = 'quality'\nabove = 1\nwhat = 1", 4, "alerts.a.what is unknown; use above"),
    ("[alerts.a]\nload_percent = 0", 2, "load_percent is 0"),
    (
        "[alerts.a]\nload_percent = 50\ncolumn = 'quality'",
        3,
        "column has no effect in a rule with load_percent",
    ),
    ("[alerts]\na = 3", 2, "alerts.a is not a rule"),
    ("[alerts]\noff = 'impact'", 2, "alerts.off must be a list"),
    ("[alerts]\noff = ['impcat']", 2, "alerts.off names 'impcat'; choose from impact"),
    ("[alerts]\noff = ['" + "x" * 9000 + "']", 2, "x...; choose from impact"),
    ("[alerts]\noff = [3]", 2, "alerts.off names 3"),
    ("[alerts]\noff = ['impact']\n[alerts.impact]\nload_percent = 3", 2, "which is also a rule of this file"),
    ("[alerts.'so so']\nload_percent = 3", 1, "has a bad name"),
    ("x = 1\nalerts = 3", 2, "alerts must be a table"),
    ("limits = [1]", 1, "limits must be a table"),
    ("[limits]\nsession_load = 3", 2, "limits.session_load is unknown; use session_load_bw4"),
    ("[limits]\nsession_load_bw4 = -3", 2, "limits.session_load_bw4 is -3"),
    ("[limits]\nsession_load_bw4 = nan", 2, "limits.session_load_bw4 is nan"),
    ("[limits]\nsession_load_bw4 = '3'", 2, "limits.session_load_bw4 is '3'; give a number"),
]


@pytest.mark.parametrize(("text", "line", "says"), BAD)
def test_errors_name_file_line_and_key(read_text, text, line, says):
    with pytest.raises(SettingsError) as caught:
        read_text(text)
    assert str(caught.value).startswith(f"runner.toml, line {line}: ")
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_invalid_toml_and_too_many_rules_are_refused(read_text):
    with pytest.raises(SettingsError, match=r"^runner\.toml: not valid TOML"):
        read_text("[alerts\n")
    many = "".join(f"[alerts.r{k}]\ncolumn = 'quality'\nabove = {k}\n" for k in range(MOST_RULES + 1))
    with pytest.raises(SettingsError, match=f"line 1: alerts holds {MOST_RULES + 1} rules"):
        read_text(many)


# -- the search for a line ------------------------------------------------------------------------------

HARD = '''# alerts.a.steps = 1
note = """
[alerts.a]
steps = 1
"""
[limits]
steps = 2
[alerts]
off = [
  # steps
  "x",
]

[alerts."a"] # not [alerts.b]
"column" = 'steps = 3'
outside = [
  1,
  2
]
steps = 4
[alerts.b]
steps = 5
[other]
alerts.a.steps = 6
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("note",), 2),
        (("limits", "steps"), 7),
        (("alerts",), 8),
        (("alerts", "off"), 9),
        (("alerts", "a"), 14),
        (("alerts", "a", "column"), 15),
        (("alerts", "a", "outside"), 16),
        (("alerts", "a", "steps"), 20),
        (("alerts", "b", "steps"), 22),
        (("other", "alerts", "a", "steps"), 24),
        (("alerts", "c"), None),
        (("note", "x"), None),
    ],
)
def test_line_of_finds_the_line_of_a_key(keys, line):
    assert line_of(HARD, keys) == line
    assert line_of(HARD.replace("\n", "\r\n"), keys) == line


def test_line_of_finds_inline_and_dotted_keys():
    assert line_of("a = 1\nalerts = {x = {steps = 3}}", ("alerts", "x", "steps")) == 2
    assert line_of("a.b.c = 1", ("a", "b")) == 1


def test_the_search_for_a_line_gives_up_on_a_huge_file():
    monster = "[alerts]\noff = [\n" + "1,\n" * 15_000 + "]\n"
    assert line_of(monster, ("alerts", "off")) is None


@given(
    st.lists(st.sampled_from(["# x", "", "k = 1", 'm = """\n\n"""', "l = [\n1,\n\n2]"]), max_size=12),
    st.data(),
)
def test_line_of_finds_a_key_among_other_lines(parts, data):
    named = [part.replace(" =", f"{k} =", 1) if "=" in part else part for k, part in enumerate(parts)]
    place = data.draw(st.integers(0, len(named)))
    before, after = named[:place], named[place:]
    text = "\n".join([*before, "wanted = [\n 1 ]", *after])
    assert line_of(text, ("wanted",)) == sum(part.count("\n") + 1 for part in before) + 1
