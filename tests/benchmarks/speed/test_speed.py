"""The speed benchmark: its packets are valid, and its figures are computed correctly; no check of timings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("bleak")

from benchmarks.speed import command, history, live, memory, sensors, team, wire
from benchmarks.speed.__main__ import main
from benchmarks.speed.measure import Figure, compare
from benchmarks.speed.packets import counts, every_kind
from benchmarks.speed.runs import blocks_of
from benchmarks.speed.table import print_figures
from imurun.ble.block_journal import BLOCKS, block_header, write_block
from imurun.ble.decoding import StreamDecoder
from imurun.ble.devices import DRIVERS
from imurun.ble.journal import JournalWriter
from imurun.cli.main import app
from imurun.sim.presets import steady_run

FIGURE = Figure("wire", "[a]", "us", (3.0, 1.0, 2.0, 9.0), (1.0, 1.0, 1.0, 3.0), 2.0)


@pytest.mark.parametrize("traffic", every_kind(3.0), ids=lambda traffic: traffic.name)
def test_all_samples_of_the_traffic_are_decoded(traffic):
    stream_decoder = StreamDecoder(DRIVERS[traffic.profile], traffic.settings)
    blocks = []
    for data, arrival_s in traffic.packets:
        blocks += stream_decoder.take(DRIVERS[traffic.profile].data_characteristic, data, arrival_s)
    blocks += stream_decoder.reassembler.finish()
    assert not stream_decoder.decoder.rejects
    assert not stream_decoder.reassembler.counts
    acc = np.vstack([block.acc for block in blocks])
    assert len(acc) == traffic.n_sets
    scale = acc[:, 0] / counts(len(acc))[:, 0]
    np.testing.assert_allclose(scale, scale[0], rtol=1e-6)
    arrivals = [arrival_s for _, arrival_s in traffic.packets]
    assert arrivals == sorted(arrivals)


def test_a_figure_has_medians_and_ratios():
    assert FIGURE.median == 2.5
    assert FIGURE.quartiles == (1.75, 4.5)
    assert FIGURE.ratio == 2.5
    assert FIGURE.is_reached is False
    assert Figure("wire", "a", "us", (1.0,), (2.0,)).is_reached is None
    assert Figure("team", "a", "ms", (1.0,), ()).ratio is None


def test_a_target_can_be_a_lower_limit(capsys):
    few, many = (
        Figure("streams", name, "streams", (value,), (), 500.0, at_least=True)
        for name, value in (("few", 250.0), ("many", 500.0))
    )
    assert few.is_reached is False
    assert many.is_reached is True
    assert few.record()["at_least"] is True
    print_figures([few, many], Console(width=100))
    printed = capsys.readouterr().out
    assert ">= 500" in printed
    assert "0.5 times it" in printed
    assert "reached" in printed


def broken(*, quick):
    raise ValueError("no such thing")


def test_a_failing_entry_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ENTRIES", {"broken": broken, "wire": lambda *, quick: [FIGURE]})
    assert main(["--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "Not measured: broken (ValueError: no such thing)" in printed.err
    assert "[a]" in printed.out
    found = json.loads((tmp_path / "speed.json").read_text())
    assert found["figures"] == [FIGURE.record()]
    assert "ValueError: no such thing" in found["failures"]["broken"]


def test_single_entries_are_written_to_a_separate_file(tmp_path, monkeypatch):
    entries = {name: lambda *, quick: [FIGURE] for name in ("live", "team")}
    monkeypatch.setattr(command, "ENTRIES", {"broken": broken, **entries})
    words = ["bench", "speed", "--only", "team", "--only", "live", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["speed-live-team.json"]
    result = CliRunner().invoke(app, ["bench", "speed", "--only", "lives", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "broken, live, team" in str(result.exception)


def test_a_target_of_zero_is_missed_by_one(capsys):
    lost, kept = (
        Figure("team", "lost", "a repeat", (1.0,), (), 0.0),
        Figure("team", "kept", "ms", (0.0,), (), 0.0),
    )
    print_figures([lost, kept], Console(width=100))
    printed = capsys.readouterr().out
    assert "missed" in printed
    assert "reached" in printed
    assert printed.index("team: a repeat") < printed.index("team: ms")  # a table for each unit


def test_every_repeat_has_a_reference_and_the_warm_up_does_not_count():
    done = []

    def make():
        done.append("make")
        return lambda: done.append("thing")

    took, reference = compare(lambda: done.append("reference"), make, 2)
    assert done == ["reference", "make", "thing"] * 3
    assert len(took) == len(reference) == 2


def test_the_command_writes_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ENTRIES", {"wire": lambda *, quick: [FIGURE]})
    assert main(["--quick", "--out", str(tmp_path / "new")]) == 0
    printed = capsys.readouterr().out
    for part in ("[a]", "2.5", "1.75 - 4.5", "<= 2", "1.2 times it"):
        assert part in printed
    found = json.loads((tmp_path / "new" / "speed.json").read_text())
    assert found["quick"] is True
    assert found["figures"] == [FIGURE.record()]
    assert len(found["code"]["source_sha256"]) == 64
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["speed.json"]
    result = CliRunner().invoke(app, ["bench", "speed", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert (tmp_path / "speed.json").exists()


def test_an_invalid_folder_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ENTRIES", {})
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file")]) == 1
    printed = capsys.readouterr().err
    assert "--out" in printed
    assert printed.count("\n") == 1


def test_all_entries_run(monkeypatch):
    few = [traffic for traffic in every_kind(0.5) if traffic.profile in ("imurun", "witmotion")]
    monkeypatch.setattr(wire, "every_kind", lambda seconds: few)
    names = [figure.name for figure in wire.measure_wire(quick=True)]
    assert names[:3] == ["imurun, MTU 247: codec", "imurun, MTU 247: decoder", "imurun, MTU 247: client"]
    assert len(names) == 3 * 3 + 2
    monkeypatch.setattr(sensors, "N_SENSORS", 2)
    figures = sensors.measure_sensors(quick=True)
    assert [figure.name for figure in figures][1] == "2 at MTU 247, with journals"
    assert all(value > 0 for figure in figures for value in figure.values)


def short_run(monkeypatch, module, seconds):
    monkeypatch.setattr(module, "steady_run", lambda _, rate_hz: steady_run(seconds, rate_hz=rate_hz))


def test_all_stages_of_a_live_run_are_measured(monkeypatch):
    short_run(monkeypatch, live, 16.0)
    monkeypatch.setattr(live, "BLOCKS", (19,))
    figures = live.measure_live(quick=True)
    stages = ["analyzer", "pipeline", "with recorder", "with snapshots"]
    assert [figure.name for figure in figures] == [f"19 a block: {stage}" for stage in stages]
    assert all(value > 0 for figure in figures for value in figure.values)


def test_parallel_runs_lose_nothing_and_a_gap_in_a_journal_is_detected(monkeypatch, tmp_path):
    short_run(monkeypatch, team, 3.0)
    monkeypatch.setattr(team, "N_RUNS", 2)
    monkeypatch.setattr(team, "BARE_S", 0.3)
    figures = {figure.name: figure for figure in team.measure_team(quick=True)}
    assert json.loads(json.dumps([figure.record() for figure in figures.values()]))
    assert figures["2 runs: samples not in the journals"].values == (0,)
    assert figures["2 runs: blocks that a subscriber missed"].values == (0,)
    assert figures["2 runs: runs with other steps"].values == (0,)
    assert figures["2 runs: block late, worst"].values >= figures["2 runs: block late, median"].values

    recording = steady_run(3.0, rate_hz=team.RATE_HZ).recording
    with JournalWriter(tmp_path / "0.journal", block_header(recording, name="a"), [BLOCKS]) as journal:
        for block in blocks_of(recording, 10):
            if block.first_index != 100:
                write_block(journal, block, 0.0)
    assert team._n_lost(recording, tmp_path / "0") == 10


@pytest.mark.skipif(not memory.STATM.exists(), reason="reads the resident memory from /proc")
def test_the_memory_is_sampled_during_the_run(monkeypatch):
    monkeypatch.setattr(memory, "LOOK_S", 0.05)
    time_s, resident_mb, n_missed = memory._watch(steady_run(30.0, rate_hz=100.0).recording, 60.0)
    assert len(time_s) == len(resident_mb) > 3
    assert np.all(np.diff(time_s) >= 0)
    assert 20.0 < time_s[-1] <= 30.0
    assert np.all(resident_mb > 20.0)
    assert n_missed == 0
    rows = np.arange(5.0)
    assert memory._slope_mb_h(3600.0 * rows, 7.0 + 2.0 * rows) == pytest.approx(2.0)


def run_once(reference, make, repeats):
    reference()
    make()()
    return [1.0], [1.0]


def test_the_history_entry_measures_a_full_store(monkeypatch):
    monkeypatch.setattr(history, "compare", run_once)
    figures = history.measure_history(quick=True)
    assert [figure.name for figure in figures] == [
        "imurun history, 500 sessions",
        "flags of a session, 500 sessions",
    ]
    assert [figure.target for figure in figures] == [1.0, 0.2]
