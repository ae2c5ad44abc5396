from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.errors import SettingsError
from imurun.virtual.faults import BOOT_S, Air, Faults, Spell, parse_faults


def test_every_fault_option_is_parsed():
    words = ["loss=0.05", "duplicate=0.01", "reorder=0.02", "flip=0.001", "delay=0.2", "drop=60:5"]
    words += ["drop=@100:7", "silence=120:3", "reboot=@300", "battery=80:-5"]
    assert parse_faults(words) == Faults(
        loss=0.05,
        duplicate=0.01,
        reorder=0.02,
        flip=0.001,
        delay_s=0.2,
        drops=(Spell(60, 5, 60), Spell(100, 7)),
        silences=(Spell(120, 3, 120),),
        reboots=(Spell(300, BOOT_S),),
        battery_percent=80,
        battery_percent_per_h=-5,
    )
    assert parse_faults([]) == Faults()
    assert parse_faults(["reboot=600"]).reboots == (Spell(600, BOOT_S, 600),)


@pytest.mark.parametrize(
    "word",
    (
        " loss loss= loss=x loss=2 loss=nan loss=-0.1 delay=-1 delay=1e9 drop=5 drop=5:6 drop=@5 drop=@-1:2 "
        "drop=5:0 drop=0:1 reboot=5:1 reboot=0 silence=1: battery=101 battery=x:1 battery=1:x luck=1 "
        "drop=inf:1 drop=@1:inf"
    ).split(" "),
)
def test_invalid_faults_are_refused_in_one_sentence(word):
    with pytest.raises(SettingsError, match=r"^--fault [^\n]*\.$"):
        parse_faults([word])


def test_a_fault_given_twice_is_refused():
    with pytest.raises(SettingsError, match="loss is given twice"):
        parse_faults(["loss=0.1", "loss=0.2"])


@given(st.text(max_size=20))
def test_any_text_gives_faults_or_a_settings_error(word):
    try:
        parse_faults([word])
    except SettingsError:
        pass


def test_a_spell_holds_once_or_repeatedly():
    once, often = Spell(10, 2), Spell(60, 5, 60)
    assert [once.holds(t) for t in (9.9, 10, 11.9, 12, 100)] == [False, True, True, False, False]
    assert [often.holds(t) for t in (5, 60, 64.9, 65, 121)] == [False, True, True, False, True]
    assert often.between(59, 185) == [60, 120, 180]
    assert often.between(60, 120) == [120]
    assert once.between(0, 10) == [10]


def test_the_battery_falls_at_its_rate_to_zero():
    faults = Faults(battery_percent=80, battery_percent_per_h=-60)
    assert [faults.battery_at(t) for t in (0, 60, 3600, 86400)] == [80, 79, 20, 0]


def sent(faults, n=4000, seed=1, every_s=0.1):
    """Packets that come out, and when, of n numbered ones sent one after the other."""
    air = Air(faults, Random(seed))
    out = []
    for k in range(n):
        air.send(k.to_bytes(4, "big"), k * every_s)
        out += [(data, k * every_s) for data in air.arrived(k * every_s)]
    out += [(data, n * every_s) for data in air.arrived(1e9)]
    return [int.from_bytes(data, "big") for data, _ in out], [at for _, at in out], air.counts


def test_without_faults_nothing_happens():
    assert sent(Faults())[0] == list(range(4000))


def test_loss_drops_its_share_of_packets():
    numbers, _, counts = sent(Faults(loss=0.05))
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 4000 - counts["lost"]
    assert 140 < counts["lost"] < 260


def test_duplicate_repeats_its_share_of_packets():
    numbers, _, counts = sent(Faults(duplicate=0.05))
    assert sorted(set(numbers)) == list(range(4000))
    assert len(numbers) == 4000 + counts["doubled"]
    assert 140 < counts["doubled"] < 260


def test_reorder_swaps_its_share_of_packets():
    numbers, _, counts = sent(Faults(reorder=0.05))
    behind = sum(b < a for a, b in pairwise(numbers))
    assert behind == counts["swapped"] - (len(numbers) < 4000)
    assert 140 < behind < 260
    assert sorted(numbers) == list(range(len(numbers)))


def test_flip_changes_one_bit_of_its_share_of_packets():
    numbers, _, counts = sent(Faults(flip=0.05))
    bits = [(a ^ b).bit_count() for a, b in zip(numbers, range(4000), strict=True)]
    assert set(bits) == {0, 1}
    assert sum(bits) == counts["damaged"]
    assert 140 < sum(bits) < 260


def test_delay_keeps_the_order():
    numbers, at_s, _ = sent(Faults(delay_s=0.35))
    late_s = [t - 0.1 * k for k, t in enumerate(at_s)]
    assert numbers == list(range(4000))
    assert min(late_s) < 0.1
    assert 0.3 < max(late_s) < 0.46


def test_the_same_seed_gives_the_same_faults():
    faults = Faults(loss=0.1, duplicate=0.1, reorder=0.1, flip=0.1, delay_s=0.3)
    assert sent(faults, seed=3)[:2] == sent(faults, seed=3)[:2]
    assert sent(faults, seed=3)[0] != sent(faults, seed=4)[0]
