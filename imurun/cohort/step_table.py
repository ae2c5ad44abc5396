"""Step tables of the cohort: one schema for all of them, whatever a table holds."""

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
"""Columns before those of the step table: which recording, and which session of the runner."""
TEXTS = ("side", "gait")


def steps_schema() -> pa.Schema:
    """Names, types and units, with no word of a recording in it: all files of the data set have the same."""
    import pyarrow as pa

    fields = [pa.field(name, pa.string(), metadata={"unit": ""}) for name in KEYS]
    for column in STEP_COLUMNS:
        kind = pa.string() if column.name in TEXTS else pa.float64()
        fields.append(pa.field(column.name, kind, metadata={"unit": column.unit}))
    return pa.schema(fields, metadata=to_schema({MARK: KIND, "imurun_version": imurun.__version__}))


def steps_bytes(steps: pd.DataFrame, key: str, session: str) -> bytes:
    """A step table as a Parquet file.

    Args:
        steps: of `Session.steps`.
        key, session: of the recording, written beside each step.
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
