"""Finds the recordings of a cohort from command-line arguments and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from imurun.cohort.addresses import Stamp, is_remote, local_address, local_stamp, remote_stamp
from imurun.cohort.manifest import is_manifest, read_manifest
from imurun.cohort.scan import find, is_pattern
from imurun.cohort.source import Failure, Source, labels
from imurun.cohort.task import Settings
from imurun.errors import CohortError, FormatError, ImurunError, MissingExtraError
from imurun.files.text import sanitize


@dataclass
class Inputs:
    """Recordings of a cohort, and inputs that cannot be used.

    Attributes:
        sources: recordings, each once, sorted by address.
        failures: arguments and rows of manifests that are invalid or name no recording.
    """

    sources: list[Source] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def gather(words: Sequence[str], manifests: Sequence[str], settings: Settings, *, out: Path) -> Inputs:
    """Find all recordings of the arguments and manifests.

    A recording that is named more than once counts once; values of a manifest take precedence over those
    from its path.

    Args:
        words: files, folders, patterns, addresses; a CSV with a column `recording` is a manifest.
        manifests: paths or addresses of manifests.
        settings: of the cohort.
        out: output folder, which is not searched.

    Raises:
        CohortError: a manifest cannot be used, or no argument names a recording.
        MissingExtraError: an address needs fsspec, which is not installed.
    """
    tables = [*manifests]
    places: list[str] = []
    for word in words:
        (tables if not is_remote(word) and is_manifest(Path(word)) else places).append(word)
    found = _Collected()
    for table in tables:
        found.add(read_manifest(table, settings))
    skip = [Path(local_address(table)) for table in tables if not is_remote(table)]
    for place in places:
        found.add(_from_word(place, settings, [*skip, Path(local_address(out))]))
    if not found.by_address and not tables:
        raise CohortError(f"There is nothing to do: {'; '.join(map(_as_text, found.failures)).rstrip('.')}.")
    sources = sorted(found.by_address.values(), key=lambda source: source.address)
    return Inputs(sources, found.failures)


class _Collected:
    def __init__(self) -> None:
        self.by_address: dict[str, Source] = {}
        self.failures: list[Failure] = []
        self._files: dict[str, Source] = {}

    def add(self, items: Iterable[Source | Failure]) -> None:
        """Add failures, and sources that exist and were not named before."""
        for item in items:
            if isinstance(item, Failure):
                self.failures.append(item)
                continue
            try:
                source = item if item.stamp.is_known else replace(item, stamp=_stamp(item.address))
            except FormatError as error:
                self.failures.append(_failed(item, str(error)))
                continue
            self._add_source(source)

    def _add_source(self, source: Source) -> None:
        here = source.address if is_remote(source.address) else str(Path(source.address).resolve())
        before = self._files.setdefault(here, source)
        if before is source:
            self.by_address[source.address] = source
        elif source.row is not None and replace(source, row=before.row, address=before.address) != before:
            self.failures.append(
                _failed(
                    source, f"the recording is that of row {before.row}, with other values; keep one row."
                )
            )


def _failed(source: Source, sentence: str) -> Failure:
    reason = sentence if source.row is None else f"Row {source.row} of the manifest: {sentence}"
    return Failure(source.address, reason, source.row, source.runner, source.session)


def _as_text(failure: Failure) -> str:
    return f"{sanitize(failure.address)}: {failure.sentence}"


def _stamp(address: str) -> Stamp:
    if is_remote(address):
        return remote_stamp(address)
    try:
        return local_stamp(Path(address))
    except (OSError, ValueError) as error:  # ValueError: an invalid file name
        raise FormatError("there is no such file; check the path.") from error


def _from_word(word: str, settings: Settings, skip: Sequence[Path]) -> Iterable[Source | Failure]:
    n_found = 0
    try:
        for address, root, stamp in find(word, skip):
            n_found += 1
            try:
                runner, session = labels(address, root)
            except ImurunError as error:
                yield Failure(address, str(error))
                continue
            source = Source(address, runner, session, settings)
            yield source if stamp is None else replace(source, stamp=stamp)
    except (CohortError, MissingExtraError):
        raise
    except ImurunError as error:
        yield Failure(word, str(error))
        return
    except OSError as error:
        yield Failure(word, f"{sanitize(str(error.filename or word))} could not be listed: {error.strerror}.")
        return
    if not n_found:
        what = "the pattern matches" if is_pattern(word) else "the folder holds"
        yield Failure(word, f"{what} no recording; check it.")
