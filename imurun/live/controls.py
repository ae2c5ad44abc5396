"""What a face may ask of the run: a lap, how much it hurts, the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

MOST_PAIN = 10


class Controls:
    """What the buttons of a face do.

    Args:
        mark: keeps a marker of the given kind and value at the present time of a sensor's stream, or of all
            streams where the name is None.
        stop: ends the run in good order.
    """

    def __init__(
        self,
        mark: Callable[[str | None, Literal["lap", "pain"], float | None], None],
        stop: Callable[[], None],
    ) -> None:
        self._mark = mark
        self._stop = stop

    def lap(self, name: str | None = None) -> None:
        """A new lap begins."""
        self._mark(name, "lap", None)

    def pain(self, value: int, name: str | None = None) -> None:
        """How much it hurts now, 0 to 10.

        Raises:
            ValueError: another number.
        """
        if not 0 <= value <= MOST_PAIN:
            raise ValueError(f"Pain is {value}; it is told from 0 to {MOST_PAIN}.")
        self._mark(name, "pain", float(value))

    def stop(self) -> None:
        """End the run."""
        self._stop()
