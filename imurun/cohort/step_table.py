"""Builds the step tables of a cohort, which all have the same Parquet schema."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import imurun
from imurun.export.step_table import KIND
from imurun.files.metadata import MARK, to_schema
from imurun.model.columns import STEP_COLUMNS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KEYS = ("key", "session")
"""Columns before those of the step table: key of the recording, session of the runner."""
TEXTS = ("side", "gait")


def steps_schema() -> pa.Schema:
    """Names, types and units. The metadata names no recording, so that all files have the same schema."""
    import pyarrow as pa

    fields = [pa.field(name, pa.string(), metadata={"unit": ""}) for name in KEYS]
    for column in STEP_COLUMNS:
        kind = pa.string() if column.name in TEXTS else pa.float64()
        fields.append(pa.field(column.name, kind, metadata={"unit": column.unit}))
    return pa.schema(fields, metadata=to_schema({MARK: KIND, "imurun_version": imurun.__version__}))


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
