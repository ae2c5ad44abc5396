from __future__ import annotations

import errno
import os

import pytest

from imurun.files.atomic import atomic_path, write_error


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "No space left on device; make room there"),
        (errno.EROFS, "Read-only file system; choose a place that you may write to"),
        (errno.EACCES, "Permission denied; choose a place that you may write to"),
        (errno.ENOENT, "No such file or directory; check the path"),
    ],
)
def test_each_cause_has_its_advice(number, says):
    error = write_error("a\tb.csv", OSError(number, os.strerror(number)))
    assert str(error).startswith(f"a b.csv could not be written: {says}")
    assert str(error).endswith(".")


@pytest.mark.parametrize("own", [True, False])
def test_a_failed_write_names_the_target_file(tmp_path, own):
    target = tmp_path / "steps.csv"
    target.write_text("before")
    with pytest.raises(OSError, match="No space") as caught, atomic_path(target) as aside:
        raise OSError(errno.ENOSPC, "No space left", *([str(aside)] if own else []))
    assert caught.value.filename == str(target)
    assert [file.name for file in tmp_path.iterdir()] == ["steps.csv"]
    assert target.read_text() == "before"


def test_an_error_without_number_keeps_its_message(tmp_path):
    with pytest.raises(OSError, match=r"^some reason$") as caught, atomic_path(tmp_path / "steps.csv"):
        raise OSError("some reason")
    assert "some reason; check the path" in str(write_error("steps.csv", caught.value))


def test_a_missing_folder_is_reported_with_the_target_file(tmp_path):
    target = tmp_path / "no" / "steps.csv"
    with pytest.raises(FileNotFoundError) as caught, atomic_path(target):
        raise AssertionError("never begun")
    assert caught.value.filename == str(target)


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(OSError, match="gone") as caught, atomic_path(tmp_path / "steps.csv"):
        raise OSError(errno.EIO, "gone", "source.csv")
    assert caught.value.filename == "source.csv"
