"""File name endings of recordings that can be read, and of tables that are written."""

from __future__ import annotations

PLAIN_ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
_OTHER = (".zip", ".journal", ".imulog")
TABLE_ENDINGS = (*PLAIN_ENDINGS, *(f"{ending}.gz" for ending in PLAIN_ENDINGS))
RECORDING_ENDINGS = (*TABLE_ENDINGS, *_OTHER)
"""Folders are searched for files with these endings. A single file is recognised by content instead."""
WRITTEN_ENDINGS = (".csv", ".csv.gz", ".parquet")


def without_ending(name: str) -> str:
    """A file's name without the ending of a recording: `run.csv.gz` gives `run`."""
    for ending in (".gz", *PLAIN_ENDINGS, *_OTHER):
        name = name.removesuffix(ending) or name
    return name
