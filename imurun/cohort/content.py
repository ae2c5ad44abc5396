"""What a file is recognised by, before anybody reads what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of the files in a folder.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(child for child in path.iterdir() if child.is_file()):
            name = file.name.encode("utf-8", "surrogateescape")
            digest.update(b"%d %d " % (len(name), file.stat().st_size) + name)
            _add(digest, file)
    else:
        _add(digest, path)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, file: Path) -> None:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
