from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from ctypes import CDLL

import pytest

from imurun.virtual import board
from tests.firmware_protocol.firmware_link import RING_SAMPLES, Link

VECTORS = board.firmware_sources() / "vectors.json"


@pytest.fixture(scope="session")
def vectors() -> dict:
    return json.loads(VECTORS.read_text())


@pytest.fixture(scope="session")
def c_compiler() -> str:
    found = board.compiler()
    if found is None:
        pytest.skip("needs a C compiler: install gcc or clang, or name one in CC")
    return found


@pytest.fixture(scope="session")
def library(c_compiler: str, tmp_path_factory: pytest.TempPathFactory) -> CDLL:
    """As firmware would have it, with 4096 samples held."""
    return board.load(board.build_library(tmp_path_factory.mktemp("device")))


@pytest.fixture(scope="session")
def small_library(c_compiler: str, tmp_path_factory: pytest.TempPathFactory) -> CDLL:
    """With few samples held, so that tests reach the end of the ring."""
    return board.load(board.build_library(tmp_path_factory.mktemp("device"), RING_SAMPLES))


@pytest.fixture
def connect(small_library: CDLL) -> Iterator[Callable[..., Link]]:
    """Makes links to boards that hold RING_SAMPLES samples."""
    boards: list[board.Board] = []

    def make(mtu: int = 247, **options: int) -> Link:
        boards.append(board.Board(small_library, **options))
        return Link(boards[-1], mtu)

    yield make
    for made in boards:
        made.close()
