"""Downloads files and checks their hash; a file appears only if it is complete and correct."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import shutil
import stat
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Protocol
from urllib.parse import urlsplit

from imurun.errors import FormatError, SettingsError
from imurun.files.atomic import atomic_path
from imurun.files.text import sanitize

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16
MAX_BYTES = 4 << 30
"""Limit of the size of a file, packed or unpacked."""

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
    schemes: tuple[str, ...] = ("https",),
) -> None:
    """Download one file to a temporary name, check it, and rename it.

    Args:
        url: address; redirections must have one of the `schemes` too.
        target: path in an existing folder; an existing file is replaced.
        sha256: expected hash.
        max_bytes: limit of the size.
        progress: called with the share that is done, if the server sends the size.
        schemes: allowed schemes of addresses.

    Raises:
        SettingsError: the hash is unknown, or the address has another scheme.
        FormatError: the file cannot be reached, is too large, or is not the expected one.
    """
    if not sha256:
        raise SettingsError(f"{target.name}: no hash is known, so it is not downloaded; get it from {url}.")
    _check_scheme(url, schemes)
    digest = hashlib.sha256()
    try:
        with _opener(schemes).open(url, timeout=TIMEOUT_S) as source, atomic_path(target) as aside:
            _copy(source, aside, digest.update, max_bytes, _length(source), progress, target.name)
            if digest.hexdigest() != sha256:
                raise FormatError(
                    f"{target.name}: what was downloaded hashes to {digest.hexdigest()} where {sha256} is "
                    f"expected, so it was thrown away; see whether {url} still has the same file."
                )
    except urllib.error.HTTPError as error:
        error.close()
        raise FormatError(f"{url} answered {error.code}; see whether the address is still right.") from error
    except (OSError, http.client.HTTPException) as error:
        reason = sanitize(str(getattr(error, "reason", "") or error))
        raise FormatError(f"{target.name} could not be downloaded ({reason}); try again.") from error


def unzip(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a ZIP file into a new folder, which appears when it is complete.

    Raises:
        FormatError: an incomplete ZIP file, a path outside the folder, a link, or more than `max_bytes`.
    """
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            for member in members:
                _check_member(archive.name, member)
            if sum(member.file_size for member in members) > max_bytes:
                raise FormatError(f"{archive.name}: more than {max_bytes} bytes unpacked; get it by hand.")
            left = max_bytes
            for member in members:
                target = aside / PurePosixPath(member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source:
                    left -= _copy(source, target, _ignore, left, 0, None, archive.name)
        aside.chmod(0o755)
        aside.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FormatError(f"{archive.name}: this is no whole ZIP file; download it again.") from error
    except OSError as error:
        raise FormatError(f"{archive.name} could not be unpacked ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def gunzip(archive: Path, target: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a gzip file; the target appears when it is complete.

    Raises:
        FormatError: an incomplete gzip file, or more than `max_bytes`.
    """
    try:
        with gzip.open(archive) as source, atomic_path(target) as aside:
            _copy(source, aside, _ignore, max_bytes, 0, None, archive.name)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{archive.name}: this is no whole gzip file; download it again.") from error
    except OSError as error:
        raise FormatError(f"{archive.name} could not be unpacked ({error.strerror or error}).") from error


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an address of an allowed scheme."""

    def __init__(self, schemes: tuple[str, ...]) -> None:
        self._schemes = schemes

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_scheme(newurl, self._schemes)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(schemes: tuple[str, ...]) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SameScheme(schemes))


def _check_scheme(url: str, schemes: tuple[str, ...]) -> None:
    if urlsplit(url).scheme not in schemes:
        raise SettingsError(f"{sanitize(url)} does not begin with {schemes[0]}://, so nothing is downloaded.")


def _check_member(archive: str, member: zipfile.ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name
    if outside or stat.S_ISLNK(member.external_attr >> 16):
        raise FormatError(f"{archive}: {sanitize(name)} leaves the folder; nothing was unpacked.")


def _length(source: http.client.HTTPResponse) -> int:
    text = source.headers.get("Content-Length") or ""
    return int(text) if text.isdigit() else 0


def _copy(
    source: _Source,
    target: Path,
    see: Callable[[bytes], object],
    max_bytes: int,
    length: int,
    progress: Progress | None,
    name: str,
) -> int:
    """Copy to the end; returns the number of bytes."""
    done = 0
    with target.open("wb") as sink:
        while chunk := source.read(CHUNK_BYTES):
            done += len(chunk)
            if done > max_bytes:
                raise FormatError(f"{name}: more than {max_bytes} bytes, so it was given up; get it by hand.")
            see(chunk)
            sink.write(chunk)
            if progress is not None and length:
                progress(min(done / length, 1.0))
    if length and done < length:
        raise FormatError(f"{name}: only {done} of {length} bytes came; try again.")
    return done


def _ignore(_chunk: bytes) -> None:
    """Ignore the progress."""
