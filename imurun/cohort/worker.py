"""Reads and analyses one recording of a cohort, and builds its step table; runs in a worker process."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from imurun._version import __version__
from imurun.cohort.addresses import fetch, is_remote
from imurun.cohort.memory import resident_bytes
from imurun.cohort.task import Result, Settings, Task
from imurun.errors import FormatError, ImurunError
from imurun.export.step_table import KIND
from imurun.files.metadata import MARK, to_schema
from imurun.files.text import sanitize
from imurun.history import fingerprint
from imurun.io import open_recording
from imurun.model.columns import STEP_COLUMNS
from imurun.model.runner import Runner
from imurun.model.speed import SpeedTable
from imurun.session import analyze

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_CHUNK = 1 << 20
TOO_LARGE = (
    "it needs more memory than a worker may take; split it, or give workers more (--memory, fewer --workers)."
)
_OUT_OF_MEMORY = ("alloc", "Cannot allocate", "launch worker thread")
"""Parts of messages of Arrow and the system for a failed allocation without MemoryError."""
KEYS = ("key", "session")
"""Columns before those of the step table: key of the recording, session of the runner."""
TEXTS = ("side", "gait")
"""Columns of the step table that are not float64."""


def run_task(task: Task) -> Result:
    """Read and analyse one recording; every error becomes a sentence in the result."""
    content = ""
    try:
        with tempfile.TemporaryDirectory(prefix="imurun-") as folder:
            here = Path(folder)
            path = fetch(task.address, here) if is_remote(task.address) else Path(task.address)
            if not path.exists():
                raise FormatError("there is no such file where the worker runs; check the path.")
            content = content_hash(path)
            if content == task.known:
                return Result(task.key, __version__, "same", content, resident_bytes=resident_bytes())
            return _analyse(task, path, content, here)
    except ImurunError as error:
        sentence = TOO_LARGE if _is_out_of_memory(error) else str(error)
    except MemoryError:
        sentence = TOO_LARGE
    except OSError as error:
        sentence = f"{sanitize(str(error.filename or task.address))} could not be read: {error.strerror}."
    except Exception as error:  # one recording must not end the whole run
        sentence = (
            f"an internal error of imurun ({type(error).__name__}: {error}); please report it with the file."
        )
    return Result(
        task.key,
        __version__,
        "failed",
        content,
        sentence=sanitize(sentence),
        resident_bytes=resident_bytes(),
    )


def _analyse(task: Task, path: Path, content: str, folder: Path) -> Result:
    settings = task.settings
    recording = open_recording(path, profile=_profile(settings, folder), rate_hz=settings.rate_hz)
    runner = Runner(mass_kg=settings.mass_kg, height_m=settings.height_m)
    speed = None if settings.treadmill is None else SpeedTable.parse(settings.treadmill)
    session = analyze(recording, runner, mounting=settings.mounting, method=settings.method, speed=speed)
    return Result(
        task.key,
        __version__,
        "done",
        content,
        fingerprint(recording),
        steps_bytes(session.steps, task.key, task.session),
        session.summary,
        resident_bytes=resident_bytes(),
    )


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of the files in a folder.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(child for child in path.iterdir() if child.is_file()):
            name = file.name.encode("utf-8", "surrogateescape")
            digest.update(b"%d %d " % (len(name), file.stat().st_size) + name)
            _add_file(digest, file)
    else:
        _add_file(digest, path)
    return digest.hexdigest()


def steps_schema() -> pa.Schema:
    """Names, types and units of a step table.

    The metadata names no recording, so that all files have the same schema.
    """
    import pyarrow as pa

    fields = [pa.field(name, pa.string(), metadata={"unit": ""}) for name in KEYS]
    for column in STEP_COLUMNS:
        kind = pa.string() if column.name in TEXTS else pa.float64()
        fields.append(pa.field(column.name, kind, metadata={"unit": column.unit}))
    return pa.schema(fields, metadata=to_schema({MARK: KIND, "imurun_version": __version__}))


def steps_bytes(steps: pd.DataFrame, key: str, session: str) -> bytes:
    """A step table as the bytes of a Parquet file.

    Args:
        steps: as `Session.steps`.
        key, session: of the recording, written in each row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = steps_schema()
    n = len(steps)
    given = {"key": [key] * n, "session": [session] * n}
    arrays = [
        pa.array(
            given[name] if name in given else steps[name], type=schema.field(name).type, from_pandas=False
        )
        for name in schema.names
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), out, compression="zstd")
    return out.getvalue()


def _add_file(digest: hashlib._Hash, file: Path) -> None:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)


def _profile(settings: Settings, folder: Path) -> str | Path | None:
    if settings.profile_toml is None:
        return settings.profile
    file = folder / "profile.toml"
    file.write_text(settings.profile_toml, encoding="utf-8")
    return file


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether the root cause of an error is too little memory."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        if not isinstance(error, ImurunError) and any(word in str(error) for word in _OUT_OF_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False
