"""Builds the C firmware of `firmware_protocol` as a shared library and drives it: samples in, packets out.

The C sources are data: `imurun/_firmware` in an installed package, `firmware_protocol` in a checkout.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FRAME_MAX = 244
RESPONSE_MAX = 128


class Sensor(ctypes.Structure):
    """How the sensor samples: `rate_mhz`, and `acc_scale` in 1e-9 g, `gyr_scale` in 1e-9 deg/s a step."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("rate_mhz", "acc_scale", "gyr_scale")]


class BuildError(Exception):
    """The firmware cannot be built; the message gives the reason."""


def compiler() -> str | None:
    """Path of the C compiler, `CC` or else cc; None where there is none."""
    return shutil.which(os.environ.get("CC", "cc"))


def firmware_sources() -> Path:
    """The folder with `device` and `host`, the C sources: of an installed package, or of the checkout.

    Raises:
        BuildError: they are missing.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_firmware", package.parent / "firmware_protocol"):
        if (folder / "host" / "host.c").is_file():
            return folder
    raise BuildError("The firmware's C sources are missing; install imurun again.")


def _compile(folder: Path, arguments: Iterable[str | Path]) -> None:
    cc = compiler()
    if cc is None:
        raise BuildError("No C compiler: install gcc or clang, or name one in CC.")
    command = [cc, *FLAGS, f"-I{folder / 'device'}", *sorted((folder / "device").glob("*.c")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{cc} does not compile the device side: {done.stderr.strip()}")


def build_library(folder: Path, ring_samples: int = 4096) -> Path:
    """Build the firmware and its host port as a shared library in `folder`; raises BuildError."""
    library = folder / f"libimurun_device_{ring_samples}.so"
    sources = firmware_sources()
    options = ["-O2", "-fPIC", "-shared", f"-DIMUP_RING_SAMPLES={ring_samples}u"]
    _compile(sources, [*options, sources / "host" / "host.c", "-o", library])
    return library


def build_replay(folder: Path, ring_samples: int = 256) -> Path:
    """Build the program of replay.c with sanitizers in `folder`; raises BuildError."""
    program = folder / f"replay_{ring_samples}"
    sources = firmware_sources()
    host = [sources / "host" / "host.c", sources / "host" / "replay.c"]
    _compile(sources, [*SANITIZERS, f"-DIMUP_RING_SAMPLES={ring_samples}u", *host, "-o", program])
    return program


def load(library: Path) -> ctypes.CDLL:
    """Load the library and declare the argument and result types of the functions that `Board` calls."""
    lib = ctypes.CDLL(str(library))
    board, size, data, flag = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_bool
    u8, u16, u32, i32, u64 = (
        ctypes.c_uint8,
        ctypes.c_uint16,
        ctypes.c_uint32,
        ctypes.c_int32,
        ctypes.c_uint64,
    )
    for name, result, arguments in (
        ("new", board, (u32, u32, u32)),
        ("free", None, (board,)),
        ("power_cycle", None, (board, u32)),
        ("set_clock", None, (board, u64)),
        ("set_battery", None, (board, u8)),
        ("set_radio_room", None, (board, i32, i32)),
        ("set_failing", None, (board, flag, flag)),
        ("sampling", flag, (board, ctypes.POINTER(Sensor))),
        ("push", flag, (board, ctypes.c_void_p, ctypes.c_void_p, size)),
        ("lose", None, (board, u32)),
        ("poll", None, (board,)),
        ("set_mtu", None, (board, u16)),
        ("set_subscribed", None, (board, flag)),
        ("disconnect", None, (board,)),
        ("write", flag, (board, data, size)),
        ("info", size, (board, data)),
        ("notification", size, (board, data)),
        ("indication", size, (board, data)),
    ):
        function = getattr(lib, f"imuh_{name}")
        function.restype, function.argtypes = result, list(arguments)
    return lib


class Board:
    """One simulated board. The caller sets the time; the firmware runs only inside calls."""

    def __init__(
        self, lib: ctypes.CDLL, boot_id: int = 1, log_bytes: int = 0, fifo_samples: int = 1 << 16
    ) -> None:
        """`log_bytes` 0: no storage. `fifo_samples`: capacity of the sensor's FIFO, which then loses the
        oldest.
        """
        self._lib = lib
        self._board = ctypes.c_void_p(lib.imuh_new(boot_id, log_bytes, fifo_samples))
        if not self._board:
            raise MemoryError("No memory for another board.")

    def close(self) -> None:
        """Free the memory; the board cannot be used afterwards."""
        self._lib.imuh_free(self._board)
        self._board = ctypes.c_void_p()

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def power_cycle(self, boot_id: int) -> None:
        """Switch off and on: logs stay, the clock restarts at 0, the connection is lost."""
        self._lib.imuh_power_cycle(self._board, boot_id)

    def set_clock(self, clock_us: int) -> None:
        """Set the device's clock, us."""
        self._lib.imuh_set_clock(self._board, clock_us)

    def set_battery(self, percent: int) -> None:
        """Set the battery level, 0 to 100; 255 is unknown."""
        self._lib.imuh_set_battery(self._board, percent)

    def set_radio_room(self, notifications: int = -1, indications: int = -1) -> None:
        """Set how many more packets the radio accepts; -1 is no limit."""
        self._lib.imuh_set_radio_room(self._board, notifications, indications)

    def set_failing(self, sensor: bool = False, storage: bool = False) -> None:
        """Make the sensor or the storage fail every operation."""
        self._lib.imuh_set_failing(self._board, sensor, storage)

    @property
    def sampling(self) -> bool:
        """Whether a run is in progress."""
        return self._lib.imuh_sampling(self._board, None)

    @property
    def sensor(self) -> Sensor:
        """The last configuration; zeros before the first."""
        sensor = Sensor()
        self._lib.imuh_sampling(self._board, ctypes.byref(sensor))
        return sensor

    def push(self, raw: ArrayLike, time_us: ArrayLike) -> bool:
        """Add samples: raw (n, 6) int16, device times (n,) in us. Returns False while the sensor is off."""
        axes = np.ascontiguousarray(raw, dtype=np.int16).reshape(-1, 6)
        times = np.ascontiguousarray(time_us, dtype=np.uint64).reshape(-1)
        if len(axes) != len(times):
            raise ValueError(f"{len(axes)} samples, but {len(times)} times")
        return self._lib.imuh_push(self._board, axes.ctypes.data, times.ctypes.data, len(axes))

    def lose(self, count: int) -> None:
        """Drop the next `count` samples, as a sensor does whose FIFO overflows."""
        self._lib.imuh_lose(self._board, count)

    def poll(self) -> None:
        """Run the firmware's main loop once."""
        self._lib.imuh_poll(self._board)

    def set_mtu(self, mtu: int) -> None:
        """Set the negotiated MTU."""
        self._lib.imuh_set_mtu(self._board, mtu)

    def subscribe(self, subscribed: bool = True) -> None:
        """Turn notifications of the data characteristic on or off, as the client does."""
        self._lib.imuh_set_subscribed(self._board, subscribed)

    def disconnect(self) -> None:
        """End the connection."""
        self._lib.imuh_disconnect(self._board)

    def write(self, request: bytes) -> bool:
        """Write to the control characteristic; False stands for ATT error 0xFE."""
        return self._lib.imuh_write(self._board, request, len(request))

    def info(self) -> bytes:
        """Read the info characteristic."""
        out = ctypes.create_string_buffer(RESPONSE_MAX)
        size = self._lib.imuh_info(self._board, out)
        return out.raw[:size]

    def notifications(self) -> list[bytes]:
        """Notifications of the data characteristic since the last call."""
        return self._take(self._lib.imuh_notification)

    def indications(self) -> list[bytes]:
        """Indications of the control characteristic since the last call."""
        return self._take(self._lib.imuh_indication)

    def _take(self, take: Callable[[ctypes.c_void_p, ctypes.Array[ctypes.c_char]], int]) -> list[bytes]:
        out = ctypes.create_string_buffer(FRAME_MAX)
        packets = []
        while size := take(self._board, out):
            packets.append(out.raw[:size])
        return packets
