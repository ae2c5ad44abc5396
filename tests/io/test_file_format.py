from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imurun.errors import SettingsError
from imurun.io.formats.file_format import count_groups, first_group, matches, occurs

PLAIN = st.text("abxyz_ ()[]|.*+?\\d0 ", max_size=12)


@given(PLAIN, st.text("abXYz_ 0", max_size=12))
@example("acc_(x|y)", " ACC_x ")
def test_expressions_match_as_in_python(regex, name):
    try:
        groups = count_groups(regex)
        reference = re.compile(regex, re.IGNORECASE | re.ASCII)
    except (SettingsError, re.error):
        return
    assert groups == reference.groups
    assert matches(regex, name) == (reference.fullmatch(name.strip()) is not None)
    assert occurs(regex, name) == (reference.search(name) is not None)


def test_a_group_is_found_above_the_table():
    assert first_group(r"at (\d+(?:\.\d+)?) ?hz", "Data at 12.5 Hz") == "12.5"
    assert first_group(r"at(x)?", "at") == ""
    assert first_group(r"at (\d+)", "nothing") == first_group("", "text") == ""


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|aa)+b", "(((a*)*)*)*b", "(.*)*b"])
def test_catastrophic_backtracking_does_not_happen(regex):
    text = "a" * 65_536 + "c"
    assert not matches(regex, text)
    assert not occurs(regex, text)


@pytest.mark.parametrize("regex", ["(.{0,200}){3}b", "(a{1000}){1000}", "(?=x)", "(", "\ud800"])
def test_expensive_or_invalid_expressions_are_refused(regex):
    with pytest.raises(SettingsError, match=r"regular expression|half of a surrogate pair") as caught:
        count_groups(regex)
    assert str(caught.value).isprintable()
