"""Names of runners as folder names, also with unusual characters."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imurun.cohort.names import key_of, partition, runner_label, runner_of
from imurun.errors import SettingsError

ODD = [
    "../x",
    "a/b",
    "..",
    ".",
    "",
    "01",
    "1",
    "+7",
    "-3",
    "Zoë",
    "走る人",
    "a b",
    "100%",
    "a\\b",
    "con:*?",
    "x.",
]
ODD += ["__HIVE_DEFAULT_PARTITION__", "true", "1.5", "None", "nan"]


@given(st.text())
@example("../x")
@example("\ud800")
def test_no_name_leaves_its_folder(name):
    folder = partition(name)
    assert Path(folder).name == folder
    assert not set(folder) & set('/\\.:*?"<>| \0')
    assert folder.isascii()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_folder_gives_the_name_back(name):
    assert runner_of(partition(name)) == name


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_two_runners_have_two_folders(one, other):
    assert (partition(one) == partition(other)) == (one == other)


def test_readers_see_each_name_as_it_is_written(tmp_path):
    names = [runner_label(name) for name in ODD]
    for name in set(names):
        (tmp_path / partition(name)).mkdir()
        pq.write_table(pa.table({"name": [name]}), tmp_path / partition(name) / "x.parquet")
    table = pd.read_parquet(tmp_path)
    assert sorted(table["runner"].astype("str")) == sorted(set(names))
    assert (table["runner"].astype("str") == table["name"]).all()


def test_runners_named_01_and_1_stay_apart(tmp_path):
    for name in ("01", "1"):
        (tmp_path / partition(runner_label(name))).mkdir()
        pq.write_table(pa.table({"x": [0.0]}), tmp_path / partition(runner_label(name)) / "x.parquet")
    assert sorted(pd.read_parquet(tmp_path)["runner"].astype("str")) == ["runner-01", "runner-1"]


def test_a_name_too_long_for_a_folder_is_refused():
    with pytest.raises(SettingsError, match="too long"):
        runner_label("ü" * 100)


def test_an_empty_name_becomes_unknown():
    assert runner_label(" \n") == "unknown"


def test_a_key_depends_on_the_address_alone():
    assert key_of("/a/b.csv") == key_of("/a/b.csv") != key_of("/a/c.csv")
    assert len(key_of("\udcff")) == 16
