"""Base class of a command under kill tests: its inputs, its arguments, the checks after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kills.findings import Finding
from tests.kills.warm import ERR, Order, Warm


class Command:
    """A command of imurun, with its inputs in a folder of its own.

    Args:
        folder: where its inputs go.
        warm: process that runs commands.

    Attributes:
        name: name of the command.
        probe: function of `tests.kills.probes` to run inside it; "" for none.
    """

    name = ""
    probe = ""

    def __init__(self, folder: Path, warm: Warm) -> None:
        self.folder = folder
        self.warm = warm

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """Context in which the command runs, such as a sensor in range."""
        yield

    def prepare(self, place: Path) -> None:
        """Put the files that the command changes into the folder `place`."""

    def words(self, place: Path) -> list[str]:
        """Arguments of the command that writes its files into `place`."""
        raise NotImplementedError

    def remember(self, place: Path) -> None:
        """Keep the results of an undisturbed run, to compare with."""
        raise NotImplementedError

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """Check the files after a kill, run the command again, check its results; adds to `finding`."""
        raise NotImplementedError

    # -- shared by all --------------------------------------------------------------------------------------

    def environment(self, place: Path) -> dict[str, str]:
        """Environment with an empty configuration, and a history in `place`."""
        return {"XDG_CONFIG_HOME": str(self.folder / "config"), "IMURUN_STORE": str(place / "history")}

    def order(self, place: Path, notes: Path, words: list[str] | None = None, **more: object) -> Order:
        """Order of the command, or of other arguments for the same folder."""
        notes.mkdir(parents=True, exist_ok=True)
        given = {"probe": self.probe} if words is None else {}
        return Order(
            self.words(place) if words is None else words,
            str(notes),
            str(place),
            self.environment(place),
            **(given | more),  # type: ignore[arg-type]
        )

    def again(self, place: Path, notes: Path, words: list[str] | None = None) -> tuple[int, str]:
        """Run the command, or other arguments, to the end; returns exit code and stderr."""
        own = notes / f"again{len(list(notes.glob('again*')))}"
        with self.surroundings():
            code = self.warm.start(self.order(place, own, words)).end()
        return code, (own / ERR).read_text()
