"""The device side under address and undefined-behaviour sanitizers: any bytes, any order of events."""

from __future__ import annotations

import subprocess
from pathlib import Path

import firmware_wire as wire
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.virtual import board


@pytest.fixture(scope="module")
def replay(c_compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return board.build_replay(tmp_path_factory.mktemp("replay"))


def run(replay: Path, lines: list[str]) -> list[tuple[str, bytes]]:
    """What the program prints; it must end well, and print nothing from a sanitizer."""
    script = "\n".join(lines) + "\n"
    done = subprocess.run(
        [replay, "20000"], input=script, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    words = [line.split() for line in done.stdout.splitlines()]
    return [(word, bytes.fromhex(hexes[0]) if hexes else b"") for word, *hexes in words]


def check_packet(name: str, packet: bytes) -> None:
    if name == "i":
        assert packet[0] in (0x80, 0x81)
        assert packet[3] <= 10
    elif name == "n":
        kind, length = packet[0] & 15, len(packet)
        assert packet[0] >> 4 == 1
        assert length == {0: 16 + 12 * packet[12 % length], 1: 20, 2: 11 + packet[8]}[kind]
        assert kind == 1 or packet == wire.sealed(packet[:-2])
    else:
        assert name == "refused"


U8, U16, U32 = st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**32 - 1)
MOSTLY_GOOD = st.one_of(
    st.just(b"\x02\x01\xd0\x00\x10\xd0\x07"),
    st.sampled_from([b"\x03\x02\x00", b"\x03\x02\x01", b"\x04\x03", b"\x07\x04", b"\x08\x05", b"\x01\x06"]),
    st.builds(
        lambda first, count: wire.build_request({"op": 6, "ref": 7, "first_index": first, "count": count}),
        st.one_of(st.integers(0, 600), U32),
        U16,
    ),
    st.builds(
        lambda log, offset, n: wire.build_request(
            {"op": 9, "ref": 8, "log_id": log, "offset": offset, "length": n}
        ),
        st.integers(0, 5),
        st.one_of(st.integers(0, 3000), U32),
        U16,
    ),
    st.builds(lambda log: wire.build_request({"op": 10, "ref": 9, "log_id": log}), st.integers(0, 5)),
)
ANY_BYTES = st.one_of(st.binary(max_size=20), st.builds(lambda op, rest: bytes([op]) + rest, U8, st.binary()))
WRITE = st.one_of(MOSTLY_GOOD, MOSTLY_GOOD, ANY_BYTES).map(lambda data: f"write {data.hex()}")
EVENT = st.one_of(
    st.integers(0, 400).map("push {}".format),
    st.one_of(st.integers(0, 20), U32).map("lose {}".format),
    st.one_of(st.sampled_from([0, 22, 23, 30, 31, 185, 247, 517]), U16).map("mtu {}".format),
    st.sampled_from(["subscribe 1", "subscribe 1", "subscribe 0", "disconnect", "reboot 5"]),
    st.tuples(st.integers(-1, 5), st.integers(-1, 3)).map(lambda room: f"radio {room[0]} {room[1]}"),
    U8.map("battery {}".format),
    st.tuples(st.integers(0, 1), st.integers(0, 1)).map(lambda bad: f"failing {bad[0]} {bad[1]}"),
    st.integers(0, 2**63 - 1).map("clock {}".format),
)


@settings(max_examples=150)
@given(lines=st.lists(st.one_of(WRITE, EVENT), max_size=80))
def test_any_order_of_events_is_safe_and_sends_whole_packets(replay, lines):
    for name, packet in run(replay, ["mtu 247", "subscribe 1", *lines]):
        check_packet(name, packet)


@settings(max_examples=20)
@given(writes=st.lists(ANY_BYTES, min_size=300, max_size=400))
def test_random_control_bytes_are_each_answered(replay, writes):
    packets = run(replay, ["mtu 247", *(f"write {data.hex()}" for data in writes)])
    answered = [packet[1:3] for _, packet in packets]
    assert answered == [(data + bytes(2))[:2] for data in writes]


def test_a_long_run_with_drops_at_every_mtu(replay):
    lines = ["write 0201d00010d007", "write 030101"]
    for turn in range(600):
        mtu = (23, 31, 185, 247)[turn % 4]
        fetch = wire.build_request({"op": 6, "ref": 2, "first_index": turn * 143, "count": 100})
        lines += ["disconnect", f"mtu {mtu}", "subscribe 1", "push 100", f"write {fetch.hex()}"]
        lines += ["lose 3", "push 40", "write 0703"]
    packets = run(replay, [*lines, "write 0404", "write 0805", "write 090601000000000000ff"])
    for name, packet in packets:
        check_packet(name, packet)
    assert sum(name == "n" for name, _ in packets) > 10000
