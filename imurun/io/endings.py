"""File name endings of recordings that can be read, and of tables that are written."""

from __future__ import annotations

PLAIN_ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
_OTHER = (".zip", ".journal", ".imulog")
TABLE_ENDINGS = (*PLAIN_ENDINGS, *(f"{ending}.gz" for ending in PLAIN_ENDINGS))
RECORDING_ENDINGS = (*TABLE_ENDINGS, *_OTHER)
"""Folders are searched for files with these endings. A single file is recognised by content instead."""
WRITTEN_ENDINGS = (".csv", ".csv.gz", ".parquet")


def without_recording_ending(name: str) -> str:
    """A file's name without the ending of any recording, journals and device logs included.

    `run.csv.gz`, `run.zip` and `run.journal` give `run`. A name that is nothing but an ending is kept.
    """
    for ending in (".gz", *PLAIN_ENDINGS, *_OTHER):
        name = name.removesuffix(ending) or name
    return name


def without_table_ending(name: str) -> str:
    """A file's name without the endings of tables and of compression.

    `run.csv.gz` and `run.csv.zip` give `run`. `run.journal` is kept, so that the names of a journal and
    of the recording made from it stay different.
    """
    for ending in (".gz", ".zip", *PLAIN_ENDINGS):
        name = name.removesuffix(ending)
    return name
