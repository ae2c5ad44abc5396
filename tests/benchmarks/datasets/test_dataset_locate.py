"""Search for a dataset, and errors for missing and changed files."""

import hashlib
import shutil
import sys

import pytest

from benchmarks.datasets import folder_of, load
from benchmarks.datasets.locate import cache_folder, data_folder, sha256_of, verify
from benchmarks.datasets.registry import dataset
from imurun.errors import FormatError


@pytest.fixture
def places(tmp_path, monkeypatch):
    local, cache = tmp_path / "local", tmp_path / "cache"
    local.mkdir()
    cache.mkdir()
    monkeypatch.setenv("IMURUN_DATA", str(local))
    monkeypatch.setenv("IMURUN_CACHE", str(cache))
    return local, cache


def copied(shared_data, root, name="treadmill_run_grf"):
    shutil.copytree(shared_data / name, root / name, copy_function=shutil.copyfile)
    folder = root / name
    folder.chmod(0o755)
    return folder


def test_local_recordings_take_precedence_over_downloads(shared_data, places):
    local, cache = places
    here = copied(shared_data, cache)
    assert folder_of("treadmill_run_grf") == here
    (local / "treadmill_run_grf").mkdir()  # empty: passed over
    assert folder_of("treadmill_run_grf") == here
    shutil.rmtree(local / "treadmill_run_grf")
    here = copied(shared_data, local)
    assert folder_of("treadmill_run_grf") == here
    assert len(load("treadmill_run_grf")) == 1


def test_a_missing_dataset_is_one_sentence(places):
    with pytest.raises(FormatError, match=r"sacral_grf is not here; get it with: .* sacral_grf --download"):
        load("sacral_grf")
    with pytest.raises(
        FormatError, match=r"hamner_2013 is not here; get it from https://.* put its files into"
    ):
        load("hamner_2013")


def test_an_empty_folder_is_one_sentence(places):
    local, _ = places
    (local / "treadmill_run_grf").mkdir()
    (local / "hamner_2013").mkdir()
    with pytest.raises(FormatError, match=r"contacts\.csv is missing in"):
        load("treadmill_run_grf")
    with pytest.raises(FormatError, match="everything is missing in"):
        load("hamner_2013")


def test_a_missing_file_is_named(shared_data, places):
    folder = copied(shared_data, places[0])
    (folder / "vgrf.csv").unlink()
    with pytest.raises(FormatError, match=r"vgrf\.csv is missing in .*; get it from"):
        load("treadmill_run_grf")
    with pytest.raises(FormatError, match=r"vgrf\.csv is missing"):
        verify(dataset("treadmill_run_grf"), folder)


def test_a_changed_byte_is_detected(shared_data, places):
    folder = copied(shared_data, places[0])
    assert len(load("treadmill_run_grf")) == 1
    data = bytearray((folder / "imu.csv").read_bytes())
    expected = hashlib.sha256(data).hexdigest()
    data[1000] ^= 1
    (folder / "imu.csv").write_bytes(data)
    found = hashlib.sha256(data).hexdigest()
    with pytest.raises(
        FormatError, match=rf"imu\.csv was altered: its SHA-256 is {found} where {expected} is"
    ):
        load("treadmill_run_grf")


def test_hashes_are_cached(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    first = sha256_of(file)
    monkeypatch.setattr(sys.modules[sha256_of.__module__], "hashlib", None)
    assert sha256_of(file) == first == hashlib.sha256(b"abc").hexdigest()


def test_an_unreadable_file_is_one_sentence(tmp_path):
    with pytest.raises(FormatError, match="could not be read"):
        sha256_of(tmp_path / "nowhere")


def test_folders_follow_the_environment(monkeypatch):
    monkeypatch.delenv("IMURUN_DATA", raising=False)
    monkeypatch.delenv("IMURUN_CACHE", raising=False)
    assert data_folder().parts[-2:] == ("shared", "data")
    assert cache_folder().name == "imurun"
    assert cache_folder().is_absolute()
