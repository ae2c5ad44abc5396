"""Writes a Recording to CSV or Parquet with exact numbers and all metadata, and reads it back."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from imurun._version import __version__
from imurun.errors import FormatError, ImurunError, SettingsError
from imurun.files.atomic import atomic_path, write_error
from imurun.files.byte_streams import Progress
from imurun.files.metadata import MARK, to_comments, to_schema
from imurun.files.text import sanitize
from imurun.io.endings import WRITTEN_ENDINGS
from imurun.io.table import Table, refuse_duplicates
from imurun.model.frames import FloatArray
from imurun.model.recording import Marker, Recording

if TYPE_CHECKING:
    import pyarrow as pa

KIND = "recording"
_UNITS = {"time_s": "s", "acc": "m/s2", "gyr": "rad/s"}
_ACC = ("acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2")
_GYR = ("gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s")


def write_recording(recording: Recording, path: str | os.PathLike[str]) -> None:
    """Write a recording so that `imurun.io.read` returns an equal one.

    Columns: time_s, acc_x_m_s2 .. acc_z_m_s2 and, with a gyroscope, gyr_x_rad_s .. gyr_z_rad_s. Gaps are
    rows with empty cells. Rate, frame, start, ranges and markers go into the file's metadata.

    Args:
        recording: the samples.
        path: ends in .csv, .csv.gz or .parquet.

    Raises:
        SettingsError: another ending, or the file cannot be written.
    """
    target = Path(path)
    name = target.name.lower()
    if not name.endswith(WRITTEN_ENDINGS):
        raise SettingsError(
            f"{sanitize(target.name)}: a recording can be written as .csv, .csv.gz or .parquet; "
            "change the ending."
        )
    table = _arrow_table(recording)
    metadata = _metadata(recording)
    try:
        with atomic_path(target) as aside:
            if name.endswith(".parquet"):
                import pyarrow.parquet as pq

                with_metadata = table.replace_schema_metadata(to_schema(metadata))
                with aside.open("wb") as stream:
                    pq.write_table(with_metadata, stream, compression="zstd")
            else:
                _write_csv(table, metadata, aside, packed=name.endswith(".gz"))
    except OSError as error:
        raise write_error(target, error) from error


def _metadata(recording: Recording) -> dict[str, str]:
    # every new Recording adds these warnings itself, so they are not stored
    own = Recording(np.zeros((1, 3)), rate_hz=recording.rate_hz).warnings
    metadata = {
        MARK: KIND,
        "imurun_version": __version__,
        "rate_hz": repr(recording.rate_hz),
        "frame": recording.frame,
        "start": recording.start.isoformat() if recording.start else "",
        "acc_range_g": _number_text(recording.acc_range_g),
        "gyr_range_deg_s": _number_text(recording.gyr_range_deg_s),
        "warnings": json.dumps([text for text in recording.warnings if text not in own]),
        "markers": json.dumps([asdict(marker) for marker in recording.markers]) if recording.markers else "",
    }
    return {key: value for key, value in metadata.items() if value}


def _number_text(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _arrow_table(recording: Recording) -> pa.Table:
    import pyarrow as pa

    columns = {"time_s": recording.time_s}
    columns |= {name: recording.acc[:, axis] for axis, name in enumerate(_ACC)}
    if recording.gyr is not None:
        columns |= {name: recording.gyr[:, axis] for axis, name in enumerate(_GYR)}
    fields = [
        pa.field(name, pa.float64(), metadata={"unit": _UNITS[name if name == "time_s" else name[:3]]})
        for name in columns
    ]
    arrays = [pa.array(values, from_pandas=True) for values in columns.values()]  # NaN become empty cells
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _write_csv(table: pa.Table, metadata: dict[str, str], path: Path, *, packed: bool) -> None:
    import pyarrow.csv as pacsv

    with _binary_writer(path, packed) as stream:
        stream.write(to_comments(metadata).encode())
        stream.write((",".join(table.column_names) + "\n").encode())
        pacsv.write_csv(
            table, stream, pacsv.WriteOptions(include_header=False, quoting_style="none", batch_size=65_536)
        )


@contextlib.contextmanager
def _binary_writer(path: Path, packed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if packed:
            # no time and no name in the gzip header: equal recordings give equal bytes
            with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as stream:
                yield stream  # type: ignore[misc]
        else:
            yield file


def read_own_recording(table: Table, progress: Progress | None = None) -> Recording:
    """Read a recording that `write_recording` wrote.

    Raises:
        FormatError: the metadata or the columns were changed.
    """
    columns = sample_columns(table)
    loaded = table.load(columns, None, progress=progress)
    return recording_from_table(loaded.values, table.metadata, table.source)


def sample_columns(table: Table) -> list[int]:
    """Indices of acceleration and, if present, angular rate in `table.names`: three or six.

    Raises:
        FormatError: the columns were changed.
    """
    names = list(table.names)
    wanted = [*_ACC, *(_GYR if _GYR[0] in names else ())]
    if any(name not in names for name in wanted):
        raise FormatError("the columns of this imurun recording were changed; write it again.")
    refuse_duplicates(names, wanted)
    return [names.index(name) for name in wanted]


def recording_from_table(values: FloatArray, metadata: Mapping[str, str], source: str) -> Recording:
    """A Recording from samples and the metadata of their file.

    Args:
        values: shape (n, 3) or (n, 6), m/s2 and rad/s.
        metadata: as `write_recording` wrote them.
        source: name of the file, for messages.

    Raises:
        FormatError: the metadata were changed.
        RecordingError: as `Recording`.
    """
    try:
        start = metadata.get("start")
        return Recording(
            values[:, :3],
            values[:, 3:] if values.shape[1] == 6 else None,
            rate_hz=float(metadata["rate_hz"]),
            frame="anatomical" if metadata.get("frame") == "anatomical" else "sensor",
            start=datetime.fromisoformat(start) if start else None,
            acc_range_g=_range_of(metadata, "acc_range_g"),
            gyr_range_deg_s=_range_of(metadata, "gyr_range_deg_s"),
            source=source,
            warnings=_warnings_of(metadata),
            markers=_markers_of(metadata),
        )
    except ImurunError:
        raise
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FormatError("the metadata of this imurun recording were changed; write it again.") from error


def _range_of(metadata: Mapping[str, str], key: str) -> float | None:
    text = metadata.get(key)
    value = float(text) if text else None
    if value is not None and not 0 < value < math.inf:
        raise FormatError(f"{key} is {value:g} in the metadata and must be positive; write the file again.")
    return value


def _warnings_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    texts = json.loads(metadata.get("warnings", "[]"))
    if not isinstance(texts, list):
        raise TypeError("warnings are a list")
    return tuple(sanitize(str(text)) for text in texts)


def _markers_of(metadata: Mapping[str, str]) -> tuple[Marker, ...]:
    return tuple(Marker(**marker) for marker in json.loads(metadata.get("markers", "[]")))
