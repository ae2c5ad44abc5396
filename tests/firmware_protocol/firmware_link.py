"""A client's end of the link to a board: asks, and reads what comes."""

from __future__ import annotations

import firmware_wire as wire
import numpy as np

from imurun.virtual.board import Board

PERIOD_US = 4808  # 208 Hz
RING_SAMPLES = 256
OPS = {name: op for op, (name, _, _) in wire.REQUESTS.items()}
GAP_FLAG, BACKFILLED = 8, 4


def raw_samples(first: int, count: int) -> np.ndarray:
    """Samples that tell their index, and differ in every axis."""
    index = np.arange(first, first + count)
    return np.stack([index * 7 + axis * 1000 for axis in range(6)], axis=1) % 60001 - 30000


class Link:
    def __init__(self, board: Board, mtu: int = 247) -> None:
        self.board = board
        self.taken = 0  # samples pushed since start
        self.frames: list[bytes] = []
        self._ref = 0
        self.reconnect(mtu)

    def reconnect(self, mtu: int = 247) -> None:
        self.mtu = mtu
        self.board.disconnect()
        self.board.set_mtu(mtu)
        self.board.subscribe()

    def ask(self, name: str, **params: int) -> tuple[int, bytes]:
        """Status and payload of the answer, put together from its parts."""
        self._ref = (self._ref + 1) % 256
        op = OPS[name]
        assert self.board.write(wire.build_request({"op": op, "ref": self._ref, **params}))
        parts = self.board.indications()
        assert all(len(part) <= self.mtu - 3 for part in parts)
        assert [part[0] for part in parts] == [wire.MORE_PARTS] * (len(parts) - 1) + [wire.LAST_PART]
        assert all(part[1:3] == bytes([op, self._ref]) for part in parts)
        (status,) = {part[3] for part in parts}
        return status, b"".join(part[4:] for part in parts)

    def get(self, name: str, **params: int) -> dict:
        """Fields of an answer that must be ok."""
        status, payload = self.ask(name, **params)
        assert status == 0
        return wire.parse_payload(OPS[name], payload)

    def start(self, log: bool = False) -> dict:
        self.get("configure", rate_hz=208, acc_range_g=16, gyr_range_deg_s=2000)
        self.taken = 0
        return self.get("start", options=int(log))

    def take(self, count: int) -> None:
        """The sensor takes samples, and the firmware has a turn."""
        times = np.arange(self.taken + 1, self.taken + count + 1) * PERIOD_US
        self.board.push(raw_samples(self.taken, count), times)
        self.board.set_clock(int(times[-1]))
        self.taken += count
        self.board.poll()

    def lose(self, count: int) -> None:
        self.board.lose(count)
        self.taken += count

    def receive(self) -> list[dict]:
        """Type 0 frames since the last call, each checked against what the sensor took."""
        self.board.poll()
        self.frames = self.board.notifications()
        parsed = [wire.parse_samples(frame) for frame in self.frames]
        for frame in parsed:
            count = len(frame["samples"])
            assert np.array_equal(frame["samples"], raw_samples(frame["first_index"], count))
            assert frame["time_us"] == (frame["first_index"] + count) * PERIOD_US % 2**32
        return parsed


def indices(frames: list[dict]) -> list[int]:
    return [frame["first_index"] + k for frame in frames for k in range(len(frame["samples"]))]
