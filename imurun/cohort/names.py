"""Safe names for paths and columns: runner labels, partition folders, keys of recordings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from urllib.parse import quote, unquote

from imurun.errors import SettingsError
from imurun.files.text import encodable, sanitize

PARTITION = "runner="
LONGEST = 200
"""In bytes; file systems allow 255 for a name."""
UNKNOWN = "unknown"
_READ_OTHERWISE = re.compile(r"[+-]?\d+|__HIVE_DEFAULT_PARTITION__")
"""Values that readers of partitioned Parquet do not read as text: 01 and 1 would be the same runner."""


def key_of(address: str) -> str:
    """Key of a recording: the first sixteen hexadecimal digits of its address's SHA-256."""
    return hashlib.sha256(encodable(address).encode()).hexdigest()[:16]


def runner_label(text: str) -> str:
    """A runner's name in all output: 01 becomes runner-01, an empty name becomes unknown.

    Raises:
        SettingsError: too long for a folder's name.
    """
    label = sanitize(text).strip() or UNKNOWN
    if _READ_OTHERWISE.fullmatch(label):
        label = f"runner-{label}"
    if len(partition(label)) > LONGEST:
        raise SettingsError("the runner's name is too long for a folder's name; give a shorter one.")
    return label


def column_names(covariates: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """Column names for covariates: NAME, or covariate_NAME (prefix repeated if needed) if it is taken."""
    found: dict[str, str] = {}
    for name in covariates:
        free = name
        while free in taken or (free != name and free in covariates):
            free = f"covariate_{free}"
        found[name] = free
    return found


def partition(runner: str) -> str:
    """Folder name of a runner's files: ASCII letters, digits, `_`, `-`, `~` and %XX."""
    return PARTITION + quote(encodable(runner), safe="").replace(".", "%2E")


def runner_of(folder: str) -> str:
    """The runner of a folder named by `partition`."""
    return unquote(folder.removeprefix(PARTITION))
