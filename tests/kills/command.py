"""What a command is to the one who kills it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kills.findings import Finding
from tests.kills.warm import ERR, Order, Warm


class Command:
    """A command of imurun, with its inputs in a folder of its own.

    Args:
        folder: for inputs.
        warm: runs what has to be run.
    """

    name = ""
    probe = ""

    def __init__(self, folder: Path, warm: Warm) -> None:
        self.folder = folder
        self.warm = warm

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """What must be there while the command runs."""
        yield

    def prepare(self, place: Path) -> None:
        """Put into the place what the command changes."""

    def words(self, place: Path) -> list[str]:
        """The command that makes its files in the place."""
        raise NotImplementedError

    def remember(self, place: Path) -> None:
        """Keep what an undisturbed run left."""
        raise NotImplementedError

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """What a kill left, and what the command makes of it when it is run again."""
        raise NotImplementedError

    # -- for all of them ------------------------------------------------------------------------------------

    def environment(self, place: Path) -> dict[str, str]:
        """No runner's own files, and a history beside the command's."""
        return {"XDG_CONFIG_HOME": str(self.folder / "config"), "IMURUN_STORE": str(place / "history")}

    def order(self, place: Path, notes: Path, words: list[str] | None = None, **more: object) -> Order:
        """The command, or others for the same place."""
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
        """Run the command, or another, to its end; returns the exit code and what it said on stderr."""
        own = notes / f"again{len(list(notes.glob('again*')))}"
        with self.surroundings():
            code = self.warm.start(self.order(place, own, words)).end()
        return code, (own / ERR).read_text()
