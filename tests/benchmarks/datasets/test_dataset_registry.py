"""The shipped registry has all entries that the loaders need; an invalid one is refused in one sentence."""

import pytest

from benchmarks.datasets import LOADERS, load
from benchmarks.datasets.registry import REGISTRY, dataset, read_registry, registry
from imurun.errors import SettingsError

ENTRY = {
    "name": '"made"',
    "title": '"Made"',
    "source": '"nowhere"',
    "licence": '"MIT"',
    "citation": '"none"',
    "open": "true",
    "truth": '"contacts"',
    "runners": "1",
    "axes": '"x forward"',
    "rate_hz": "100.0",
}
FILE = '{ path = "a.csv", sha256 = "' + 64 * "0" + '", size_bytes = 1, url = "https://host/a.csv" }'


def text(**changes):
    values = {key: value for key, value in (ENTRY | changes).items() if value}
    return "[[dataset]]\n" + "\n".join(f"{key} = {value}" for key, value in values.items()) + "\n"


def parse(tmp_path, content):
    path = tmp_path / "registry.toml"
    path.write_text(content, encoding="utf-8")
    return read_registry(path)


def test_the_shipped_registry_matches_the_loaders():
    known = registry()
    assert set(LOADERS) <= set(known)
    local = (
        "treadmill_run_grf",
        "running_speeds",
        "rbds_speeds",
        "sacral_grf",
        "hip_shoe_run",
        "lumbar_walking",
    )
    for name in local:
        assert known[name].files, name
        assert all(file.sha256 and file.size_bytes for file in known[name].files), name
    assert [name for name, entry in known.items() if entry.downloadable] == ["sacral_grf", "lumbar_walking"]
    for name, entry in known.items():
        assert all(name in known[other].overlaps for other in entry.overlaps), name
        assert entry.open or not any(file.url for file in entry.files), name
    assert "http://" not in REGISTRY.read_text(encoding="utf-8")


def test_a_valid_entry_is_read(tmp_path):
    entry = parse(tmp_path, text(files=f"[{FILE}]"))["made"]
    assert entry.downloadable
    assert entry.files[0].path == "a.csv"
    assert not parse(tmp_path, text(files='[{ path = "a.csv", url = "https://host/a" }]'))[
        "made"
    ].downloadable
    assert not parse(tmp_path, text(open="false", files=f"[{FILE}]"))["made"].downloadable


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no .*dataset.* table"),
        ("[[dataset", "not valid TOML"),
        ("dataset = 3", "no .*dataset.* table"),
        ("dataset = [3]", "must be a table"),
        ("more = 1\n" + text(), "key more is unknown"),
        (text(licence=""), "licence is missing"),
        (text(licence='" "'), "licence is empty"),
        (text(speed="1"), "key speed is unknown"),
        (text(name='"Made it"'), "small letters"),
        (text(name="3"), "name has a value of the wrong kind"),
        (text(open='"yes"'), "open has a value of the wrong kind"),
        (text(runners="-1"), "runners has a value"),
        (text(runners="true"), "runners has a value"),
        (text(rate_hz='"fast"'), "rate_hz has a value"),
        (text(overlaps='["other"]'), "overlaps other, which is not there"),
        (text(files="{}"), "files has a value"),
        (text(files='[{ sha256 = "" }]'), "path is missing"),
        (text(files='[{ path = "../a" }]'), "inside the folder"),
        (text(files='[{ path = "/a" }]'), "inside the folder"),
        (text(files='[{ path = "C:/a" }]'), "inside the folder"),
        (text(files="[{ path = 'a\\b' }]"), "inside the folder"),
        (text(files='[{ path = "a", sha256 = "12" }]'), "64 digits"),
        (text(files='[{ path = "a", url = "http://host/a" }]'), "must begin with https"),
        (text(files='[{ path = "a" }, { path = "A" }]'), "listed twice"),
        (text(archive='{ url = "https://host/a.zip", sha256 = "", size_bytes = 1 }'), "an archive needs"),
        (text() + text(), "two datasets are called made"),
    ],
)
def test_an_invalid_registry_is_refused(tmp_path, content, says):
    with pytest.raises(SettingsError, match=says) as caught:
        parse(tmp_path, content)
    assert str(caught.value).startswith("registry.toml: ")
    assert "\n" not in str(caught.value)


def test_unknown_names_are_refused():
    with pytest.raises(SettingsError, match=r"no dataset 'sacral'; choose from .*sacral_grf"):
        dataset("sacral")
    with pytest.raises(SettingsError, match="no loader: No public address"):
        load("kiernan_2023")
