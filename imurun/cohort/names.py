"""Names of runners and recordings as parts of paths that no name can leave."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from urllib.parse import quote, unquote

from imurun.errors import SettingsError
from imurun.files.text import encodable, printable

PARTITION = "runner="
LONGEST = 200
"""Bytes; file systems allow 255 for a name."""
UNKNOWN = "unknown"
_READ_OTHERWISE = re.compile(r"[+-]?\d+|__HIVE_DEFAULT_PARTITION__")
"""Values that readers of partitioned Parquet do not take for text: 01 and 1 would be one runner."""


def key_of(address: str) -> str:
    """Sixteen hexadecimal digits by which a recording is named: of its address."""
    return hashlib.sha256(encodable(address).encode()).hexdigest()[:16]


def runner_label(text: str) -> str:
    """A runner's name as the cohort writes it everywhere: 01 becomes runner-01, nothing becomes unknown.

    Raises:
        SettingsError: too long for a folder's name.
    """
    label = printable(text).strip() or UNKNOWN
    if _READ_OTHERWISE.fullmatch(label):
        label = f"runner-{label}"
    if len(partition(label)) > LONGEST:
        raise SettingsError("the runner's name is too long for a folder's name; give a shorter one.")
    return label


def column_names(covariates: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """Names of columns for covariates: the same, or covariate_NAME as often as it takes to be no other's."""
    found: dict[str, str] = {}
    for name in covariates:
        free = name
        while free in taken or (free != name and free in covariates):
            free = f"covariate_{free}"
        found[name] = free
    return found


def partition(runner: str) -> str:
    """Name of the folder of a runner's files: ASCII letters, digits, `_`, `-`, `~` and %XX."""
    return PARTITION + quote(encodable(runner), safe="").replace(".", "%2E")


def runner_of(folder: str) -> str:
    """The runner whose folder is called so."""
    return unquote(folder.removeprefix(PARTITION))
