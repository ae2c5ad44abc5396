"""Contents of the wheel and the source distribution, compared with git and the package."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def build(source, out, *kinds):
    words = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(out), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def listed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {
            item.filename: item.CRC for item in archive.infolist() if not item.filename.endswith("RECORD")
        }


@pytest.fixture(scope="module")
def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs a checkout: what belongs to the source is asked of git")
    return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = build(ROOT, tmp_path_factory.mktemp("dist"))  # the source distribution, and the wheel from it
    build(ROOT, folder / "direct", "--wheel")
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


def test_the_wheel_is_the_same_from_the_source_distribution(built, wheel):
    assert listed(wheel) == listed(next((built / "direct").glob("*.whl")))


def test_the_wheel_holds_every_tracked_file_of_the_packages_and_no_other(wheel, tracked):
    shipped = {"imurun/": "imurun/", "firmware_protocol/": "imurun/_firmware/", "data/": "imurun/_data/"}
    expected = {
        shipped[folder] + name.removeprefix(folder)
        for name in tracked
        for folder in shipped
        if name.startswith(folder)
    }
    found = {name for name in listed(wheel) if ".dist-info/" not in name}
    assert found == expected


def test_licence_and_types_are_in_the_wheel(wheel):
    names = set(listed(wheel))
    assert "imurun/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_source_distribution_holds_the_whole_checkout(built, tracked):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        found = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert found - {"PKG-INFO"} == tracked
