"""Runner and group tables compared with plain arithmetic on the same sessions; damaged and empty folders.

Variance components are compared with formulas in loops, scipy's analysis of variance, and known truth.
"""

from __future__ import annotations

import json
import math
import statistics
import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f_oneway

from imurun.cohort.results import read_sessions
from imurun.cohort.summary import (
    ALL,
    MEASURES,
    NO_GROUP,
    Components,
    components,
    group_table,
    measure,
    runner_table,
    unit_of,
)
from imurun.errors import CohortError
from tests.cohort.summary_folder import Made, analysed, sessions_file, write_cohort

ODD = "Zoë/ü.=%"
SESSIONS = (
    Made("Ann", "1", "easy", "trail", covariates={"age": 31}),
    Made("Ann", "2", "fast", "trail", covariates={"age": 31}),
    Made("Ann", "3", "eventful", "trail", covariates={"age": 31}),
    Made("Ann", "4", "walk", "trail", covariates={"age": 31}),
    Made("007", "1", "bare", "road", covariates={"age": 40}),
    Made("007", "2", "easy", "road", covariates={"age": 40}),
    Made(ODD, "1", "fast", "road", covariates={"age": None}),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort") / "out", SESSIONS, n_failed=2)


@pytest.fixture(scope="module")
def sessions(folder):
    return read_sessions(folder).sessions


def by_runner(table, name):
    return table.set_index("runner").loc[name]


def of_group(table, group, name):
    return table.set_index(["group", "measure"]).loc[(group, name)]


def test_every_session_is_read_for_any_name_of_a_runner(folder, sessions):
    results = read_sessions(folder)
    assert (results.left_out, results.notes) == (2, [])
    assert sorted(zip(sessions["runner"], sessions["session"], strict=True)) == sorted(
        (one.runner, one.session) for one in SESSIONS
    )
    assert list(sessions["runner"]) == sorted(sessions["runner"])


def test_the_row_of_a_runner_matches_the_sessions(sessions):
    ann = by_runner(runner_table(sessions), "Ann")
    summaries = [analysed(kind).summary for kind in ("easy", "fast", "eventful", "walk")]
    assert (ann["group"], ann["sessions"], ann["sessions_running"]) == ("trail", 4, 3)
    assert ann["running_steps"] == sum(summary["running_steps"] for summary in summaries)
    assert ann["running_h"] == pytest.approx(sum(summary["running_s"] for summary in summaries) / 3600.0)
    for name in ("contact_time_ms", "lumbar_dose_bw4", "peak_vgrf_asymmetry_percent", "roll_rom_deg"):
        values = [summary[name] for summary in summaries[:3]]
        assert ann[f"median_{name}"] == pytest.approx(statistics.median(values))
        assert ann[f"sd_{name}"] == pytest.approx(statistics.stdev(values))
    drifts = [summary["tired_lean_deg"] - summary["fresh_lean_deg"] for summary in summaries[:3]]
    assert ann["median_drift_lean_deg"] == pytest.approx(statistics.median(drifts))
    assert ann["median_running_s"] == pytest.approx(statistics.median(s["running_s"] for s in summaries))


def test_a_single_session_has_no_sd_and_without_gyroscope_no_obliquity(sessions):
    table = runner_table(sessions)
    lone, bare = by_runner(table, ODD), by_runner(table, "007")
    assert lone["median_cadence_spm"] == analysed("fast").summary["cadence_spm"]
    assert math.isnan(lone["sd_cadence_spm"])
    assert bare["median_roll_rom_deg"] == analysed("easy").summary["roll_rom_deg"]
    assert math.isnan(bare["sd_roll_rom_deg"])
    assert bare["sd_contact_time_ms"] > 0.0


def test_the_rows_of_a_group_match_the_sessions(sessions):
    table = group_table(sessions)
    assert list(dict.fromkeys(table["group"])) == ["road", "trail"]
    assert list(table.loc[table["group"] == "road", "measure"]) == list(MEASURES)
    contact = of_group(table, "road", "contact_time_ms")
    bare, easy, fast = (analysed(kind).summary["contact_time_ms"] for kind in ("bare", "easy", "fast"))
    means = [(bare + easy) / 2, fast]
    assert (contact["runners"], contact["sessions"], contact["unit"]) == (2, 3, "ms")
    assert contact["mean"] == pytest.approx(statistics.mean(means))
    assert contact["sd"] == pytest.approx(statistics.stdev(means))
    found = components(np.array([bare, easy, fast]), np.array([0, 0, 1]))
    assert contact["between_runner_sd"] == pytest.approx(found.between_sd)
    assert contact["within_runner_sd"] == pytest.approx(found.within_sd)
    assert contact["icc1"] == pytest.approx(found.icc)
    tilt = of_group(table, "road", "roll_rom_deg")
    assert (tilt["runners_measured"], tilt["sessions_measured"]) == (2, 2)
    alone = of_group(table, "trail", "contact_time_ms")
    assert (alone["runners"], alone["sessions"], alone["sessions_measured"]) == (1, 4, 3)
    assert math.isnan(alone["sd"])
    assert alone["within_runner_sd"] > 0.0


def test_without_groups_all_runners_are_one_group(tmp_path):
    made = [Made("a", "1"), Made("b", "1", "fast")]
    found = read_sessions(write_cohort(tmp_path / "out", made)).sessions
    assert set(group_table(found)["group"]) == {ALL}
    assert set(runner_table(found)["group"]) == {ALL}


def test_sessions_without_group_are_a_group_of_their_own(tmp_path):
    made = [Made("a", "1", group="x"), Made("a", "2", "fast", group="y"), Made("b", "1"), Made("c", "1")]
    found = read_sessions(write_cohort(tmp_path / "out", made)).sessions
    table = group_table(found)
    assert sorted(set(table["group"])) == [NO_GROUP, "x", "y"]
    assert of_group(table, NO_GROUP, "cadence_spm")["runners"] == 2
    assert of_group(table, "x", "cadence_spm")["runners"] == 1
    assert by_runner(runner_table(found), "a")["group"] == "x; y"


def test_covariates_are_those_of_the_manifest(folder):
    assert read_sessions(folder).covariates == ("mass_kg", "height_m", "age")


def test_every_measure_has_a_unit_and_values(sessions):
    for name in MEASURES:
        assert np.isfinite(measure(sessions, name)).any(), name
        assert isinstance(unit_of(name), str)
    assert unit_of("drift_lean_deg") == "deg"
    assert unit_of("peak_impact_asymmetry_percent") == "%"
    assert unit_of("lumbar_dose_bw4") == "BW^4"


@pytest.mark.parametrize("damage", ["cut", "column"])
def test_a_damaged_table_of_one_runner_does_not_affect_the_others(tmp_path, damage):
    folder = write_cohort(tmp_path / "out", [Made("a", "1"), Made("b", "1")])
    file = sessions_file(folder, "a")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:200])
    else:
        pq.write_table(pq.ParquetFile(file).read().drop_columns("key"), file)
    results = read_sessions(folder)
    assert list(results.sessions["runner"]) == ["b"]
    (note,) = results.notes
    assert "sessions/runner=a/sessions.parquet" in note
    assert "\n" not in note


def test_other_folders_are_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    for path in (file, tmp_path / "nothing"):
        with pytest.raises(CohortError, match="not a folder"):
            read_sessions(path)
    with pytest.raises(CohortError, match="not written by"):
        read_sessions(tmp_path)
    mark = tmp_path / "cohort.json"
    for text, words in (("{", "damaged"), ("[]", "damaged"), ('{"schema": 99}', "version of imurun")):
        mark.write_text(text)
        with pytest.raises(CohortError, match=words):
            read_sessions(tmp_path)
    mark.write_text(json.dumps({"schema": 1}))
    with pytest.raises(CohortError, match="holds no session"):
        read_sessions(tmp_path)


def test_a_cohort_of_failures_only_is_an_error(tmp_path):
    folder = write_cohort(tmp_path / "out", [], n_failed=3)
    with pytest.raises(CohortError, match=r"no session.*3 recordings"):
        read_sessions(folder)


def test_a_cohort_of_damaged_tables_only_is_an_error(tmp_path):
    folder = write_cohort(tmp_path / "out", [Made("a", "1")])
    sessions_file(folder, "a").write_bytes(b"")
    with pytest.raises(CohortError, match=r"runner=a.*damaged"):
        read_sessions(folder)


# -- variance between and within runners --------------------------------------------------------------------


VALUES = st.lists(
    st.lists(st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 3)), min_size=1, max_size=5),
    min_size=1,
    max_size=6,
)


def flat(runners):
    """Values and codes of lists of sessions, interleaved so that runners are not in blocks."""
    pairs = [(value, code) for code, values in enumerate(runners) for value in values]
    pairs = pairs[::2] + pairs[1::2]
    return np.array([value for value, _ in pairs]), np.array([code for _, code in pairs])


def slow(runners):
    """Searle, Casella and McCulloch 1992, chapter 3, sum by sum."""
    a, n = len(runners), sum(len(values) for values in runners)
    means = [sum(values) / len(values) for values in runners]
    grand = sum(sum(values) for values in runners) / n
    ssb = sum(len(values) * (mean - grand) ** 2 for values, mean in zip(runners, means, strict=True))
    ssw = sum((y - mean) ** 2 for values, mean in zip(runners, means, strict=True) for y in values)
    mean = sum(means) / a
    within = ssw / (n - a) if n > a else math.nan
    if a == 1:
        return Components(1, n, mean, math.nan, math.nan, math.sqrt(within), math.nan)
    sd = math.sqrt(sum((m - mean) ** 2 for m in means) / (a - 1))
    n0 = (n - sum(len(values) ** 2 for values in runners) / n) / (a - 1)
    between = (ssb / (a - 1) - within) / n0
    between_sd = math.nan if math.isnan(between) else math.sqrt(max(between, 0.0))
    icc = between / (between + within) if between + within > 0 else math.nan
    return Components(a, n, mean, sd, between_sd, math.sqrt(within), icc)


@given(VALUES)
def test_components_match_the_published_formulas(runners):
    found, expected = components(*flat(runners)), slow(runners)
    spread = np.ptp(flat(runners)[0])
    assert found[:2] == expected[:2]
    np.testing.assert_allclose(found[2:6], expected[2:6], rtol=1e-6, atol=1e-6)
    if spread > 1.0 and not math.isnan(expected.icc) and abs(expected.icc) < 100:
        assert found.icc == pytest.approx(expected.icc, rel=1e-5, abs=1e-6)


@given(st.integers(0, 10_000))
def test_icc_follows_from_the_f_of_an_analysis_of_variance(seed):
    rng = np.random.default_rng(seed)
    runners = [list(rng.normal(rng.normal(0.0, 2.0), 1.0, rng.integers(2, 6))) for _ in range(4)]
    sizes = np.array([len(values) for values in runners])
    n0 = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / 3
    f = float(f_oneway(*runners).statistic)
    assert components(*flat(runners)).icc == pytest.approx((f - 1.0) / (f + n0 - 1.0))


def test_known_components_are_found():
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 9, 2000)
    codes = np.repeat(np.arange(2000), counts)
    values = 240.0 + rng.normal(0.0, 12.0, 2000)[codes] + rng.normal(0.0, 5.0, counts.sum())
    found = components(values, codes)
    assert found.between_sd == pytest.approx(12.0, rel=0.05)
    assert found.within_sd == pytest.approx(5.0, rel=0.05)
    assert found.icc == pytest.approx(144 / 169, abs=0.02)
    assert found.mean == pytest.approx(240.0, abs=1.0)


def test_the_variances_are_unbiased_in_small_unbalanced_samples():
    rng = np.random.default_rng(8)
    codes = np.repeat(np.arange(4), (1, 2, 3, 6))
    between = []
    for _ in range(1500):
        found = components(rng.normal(0.0, 2.0, 4)[codes] + rng.normal(0.0, 1.0, 12), codes)
        between.append(found.icc / (1.0 - found.icc) * found.within_sd**2)  # not cut off at zero
    assert np.mean(between) == pytest.approx(4.0, abs=4.0 * np.std(between) / math.sqrt(1500))


def test_each_runner_counts_once():
    found = components(np.array([10.0, 10.0, 10.0, 20.0]), np.array([0, 0, 0, 1]))
    assert found.mean == 15.0
    assert found.sd == pytest.approx(math.sqrt(50.0))


def test_components_that_cannot_be_estimated_are_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nothing = components(np.array([math.nan, math.nan]), np.array([0, 1]))
        one = components(np.array([1.0, 3.0, math.nan]), np.array([7, 7, 2]))
        single = components(np.array([1.0, 3.0]), np.array([0, 1]))
        equal = components(np.array([2.0, 2.0, 2.0, 2.0]), np.array([0, 0, 1, 1]))
    assert nothing[:2] == (0, 0)
    assert all(math.isnan(value) for value in nothing[2:])
    assert one[:4] == (1, 2, 2.0, pytest.approx(math.nan, nan_ok=True))
    assert one.within_sd == pytest.approx(math.sqrt(2.0))
    assert math.isnan(one.between_sd)
    assert (single.mean, single.sd) == (2.0, pytest.approx(math.sqrt(2.0)))
    assert math.isnan(single.within_sd)
    assert math.isnan(single.between_sd)
    assert equal.within_sd == equal.between_sd == 0.0
    assert math.isnan(equal.icc)


def test_icc_is_negative_if_runners_vary_more_within_than_between():
    found = components(np.array([0.0, 10.0, 1.0, 9.0]), np.array([0, 0, 1, 1]))
    assert found.between_sd == 0.0
    assert found.icc < 0.0
