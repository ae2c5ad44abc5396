"""Recordings found from command-line arguments and manifests."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from imurun.cohort.folder import OutputFolder
from imurun.cohort.inputs import gather
from imurun.cohort.manifest import read_manifest
from imurun.cohort.task import Settings
from imurun.errors import CohortError, MissingExtraError
from tests.cohort.cohort_helpers import copied


def names(inputs):
    return [(source.runner, source.session) for source in inputs.sources]


def gathered(*words, manifests=(), out="out", settings=None):
    from pathlib import Path

    return gather(
        [str(word) for word in words],
        [str(name) for name in manifests],
        settings or Settings(),
        out=Path(out),
    )


ALL = [("alice", "run1"), ("alice", "run2"), ("bob", "long/run2"), ("bob", "run1")]


def test_runner_and_session_come_from_the_folder(made_runs):
    found = gathered(made_runs)
    assert names(found) == ALL
    assert not found.failures
    assert all(os.path.isabs(source.address) for source in found.sources)


def test_a_file_and_a_pattern_belong_to_their_folder(made_runs):
    assert names(gathered(made_runs / "alice" / "run1.parquet")) == [("alice", "run1")]
    assert names(gathered(made_runs / "*" / "*.parquet")) == [ALL[0], ALL[1], ALL[3]]
    assert names(gathered(made_runs / "**" / "run2.parquet")) == [("alice", "run2"), ("long", "run2")]


def test_addresses_are_found_like_paths(made_runs):
    root = f"file://{made_runs}"
    assert names(gathered(root)) == ALL
    assert names(gathered(f"{root}/*/run1.parquet")) == [("alice", "run1"), ("bob", "run1")]
    (source,) = gathered(f"{root}/alice/run1.parquet").sources
    assert source.address.startswith("file://")
    assert source.stamp.is_known


def test_a_recording_named_twice_counts_once(made_runs, tmp_path):
    link = tmp_path / "link.parquet"
    link.symlink_to(made_runs / "alice" / "run1.parquet")
    found = gathered(made_runs, made_runs / "alice", made_runs / "alice" / "run1.parquet", link)
    assert names(found) == ALL
    assert not found.failures


def test_files_written_by_imurun_are_not_recordings(made_runs, tmp_path):
    data = copied(made_runs, tmp_path / "data")
    run1 = data / "alice" / "run1.parquet"
    for other in ("run1-steps.parquet", "run1-steps.csv", "run1.journal", "run1.parquet.journal", ".x.csv"):
        shutil.copy(run1, run1.with_name(other))
    for other in ("notes.md", "report.html", "runner.toml"):
        (data / other).write_text("text")
    OutputFolder(data / "out", Settings()).close()
    shutil.copy(run1, data / "out" / "x.parquet")
    (data / "elsewhere").mkdir()
    shutil.copy(run1, data / "elsewhere" / "x.parquet")
    found = gathered(data, out=data / "elsewhere")
    assert names(found) == ALL
    shutil.copy(run1, data / "alice" / "alone.journal")
    assert ("alice", "alone") in names(gathered(data, out=data / "elsewhere"))


def test_an_export_in_a_folder_is_one_recording(tmp_path):
    for runner in ("ann", "ben"):
        folder = tmp_path / runner / "2026-05-01"
        folder.mkdir(parents=True)
        for name in ("TotalAcceleration.csv", "Gyroscope.csv", "Location.csv"):
            (folder / name).write_text("x")
    assert names(gathered(tmp_path)) == [("ann", "2026-05-01"), ("ben", "2026-05-01")]
    assert names(gathered(tmp_path / "ann" / "2026-05-01")) == [("ann", "2026-05-01")]


def test_arguments_without_a_recording_are_failures(made_runs, tmp_path):
    (tmp_path / "empty").mkdir()
    found = gathered(made_runs, "no/such.csv", tmp_path / "empty", f"{tmp_path}/*.csv", "file:///no/such.csv")
    assert names(found) == ALL
    assert [failure.sentence.split(";")[0] for failure in found.failures] == [
        "there is no such file",
        "the folder holds no recording",
        "the pattern matches no recording",
        "there is no such file",
    ]


def test_no_recording_at_all_is_an_error():
    with pytest.raises(CohortError, match=r"nothing to do: .*such\.csv: there is no such file"):
        gathered("no/such.csv")


# -- manifests ----------------------------------------------------------------------------------------------


def write_manifest(made_runs, tmp_path, text, name="people.csv", encoding="utf-8"):
    data = tmp_path / "data"
    if not data.exists():
        copied(made_runs, data)
    file = data / name
    file.write_text(text, encoding=encoding)
    return file


def test_a_manifest_gives_runner_session_and_settings(made_runs, tmp_path):
    file = write_manifest(
        made_runs,
        tmp_path,
        "recording,runner,session,group,mass_kg,height_m,rate_hz,profile,surface,age\n"
        "alice/run1.parquet,Zoë,first,elite,61.5,1.7,,,track,31\n"
        "bob/long/run2.parquet,,,,,,100,shimmer,,\n",
        encoding="utf-8-sig",
    )
    found = gathered(manifests=[file], settings=Settings(mass_kg=80.0))
    first, second = found.sources
    assert (first.runner, first.session, first.group, first.row) == ("Zoë", "first", "elite", 2)
    assert (first.settings.mass_kg, first.settings.height_m) == (61.5, 1.7)
    assert first.covariates == {"surface": "track", "age": "31"}
    assert (second.runner, second.session) == ("bob", "long/run2")
    assert (second.settings.mass_kg, second.settings.rate_hz) == (80.0, 100.0)
    assert second.settings.profile == "shimmer"


def test_a_manifest_gives_the_speed_of_a_treadmill(made_runs, tmp_path):
    file = write_manifest(
        made_runs,
        tmp_path,
        "recording;treadmill\nalice/run1.parquet;10.5km/h\nbob/run1.parquet;0:3.0,5:3.5\n"
        "alice/run2.parquet;10.5\nbob/long/run2.parquet;\n",
    )
    found = gathered(manifests=[file])
    assert [source.settings.treadmill for source in found.sources] == ["10.5km/h", None, "0:3.0,5:3.5"]
    assert "treadmill" not in found.sources[1].settings.as_dict()
    (failure,) = found.failures
    assert failure.row == 4
    assert "10.5km/h" in failure.sentence


def test_a_manifest_can_be_given_among_the_recordings(made_runs, tmp_path):
    file = write_manifest(made_runs, tmp_path, "runner;recording\nKim;alice/run1.parquet\n")
    found = gathered(file, file.parent)
    assert names(found) == [("Kim", "run1"), *ALL[1:]]


def test_addresses_in_a_manifest_and_of_it(made_runs, tmp_path):
    file = write_manifest(
        made_runs,
        tmp_path,
        f"recording,runner\nalice/run1.parquet,Kim\nfile://{made_runs}/bob/run1.parquet,\n",
    )
    for place in (f"file://{file}", file):
        assert sorted(names(gathered(manifests=[place]))) == [("Kim", "run1"), ("bob", "run1")]


def test_each_bad_row_is_a_failure_with_its_number(made_runs, tmp_path):
    file = write_manifest(
        made_runs,
        tmp_path,
        "recording,mass_kg,height_m,rate_hz,profile,runner\n"
        "alice/run1.parquet,,,,,\n"
        "nowhere.parquet,,,,,\n"
        "alice/run2.parquet,heavy,,,,\n"
        "\n"
        "alice/run2.parquet,7000,,,,\n"
        "alice/run2.parquet,,0.1,,,\n"
        "alice/run2.parquet,,,nan,,\n"
        "alice/run2.parquet,,,,nosuch,\n"
        ",70,,,,\n"
        "alice/run2.parquet,,,,,,too,many\n"
        f"alice/run2.parquet,,,,,{'x' * 300}\n"
        "alice/run1.parquet,70,,,,\n"
        "bad\0name,,,,,\n",
    )
    found = gathered(manifests=[file])
    assert names(found) == [("alice", "run1")]
    assert sorted(failure.row for failure in found.failures) == [3, 4, *range(6, 15)]
    for failure in found.failures:
        assert failure.sentence.startswith(f"Row {failure.row} of ")
        assert failure.sentence.endswith(".")
    sentences = {failure.row: failure.sentence for failure in found.failures}
    assert "no such file" in sentences[3]
    assert "'heavy'; give a number" in sentences[4]
    assert "mass_kg" in sentences[6]
    assert "profile" in sentences[9]
    assert "that of row 2" in sentences[13]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"runner,file\nx,y\n", "no column `recording`"),
        (b"", "no column `recording`"),
        (b"recording,age,age\n", "`age` more than once"),
        (b"recording,runner\nx,\xff\xfe\n", "not UTF-8"),
        (b'recording,runner\n"x,y\n', "not valid CSV"),
        (b'recording\trunner\nx\t"y"z\n', "not valid CSV"),
    ],
)
def test_an_invalid_manifest_is_refused_as_a_whole(content, reason, tmp_path):
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    with pytest.raises(CohortError, match=reason) as refused:
        gathered(manifests=[file])
    assert str(refused.value).isprintable()


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(CohortError, match="could not be read"):
        gathered(manifests=[tmp_path / "no.csv"])
    with pytest.raises(CohortError, match="could not be read"):
        gathered(manifests=[f"file://{tmp_path}/no.csv"])


@pytest.mark.parametrize(
    ("words", "manifests"), [(["s3://bucket/run.csv"], []), ([], ["s3://bucket/people.csv"])]
)
def test_without_fsspec_addresses_name_the_extra(monkeypatch, words, manifests):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(
        MissingExtraError, match=r"^The address s3://\S+ needs the extra 'cohort': .*\[cohort\]'\.$"
    ):
        gathered(*words, manifests=manifests)


def test_a_very_long_header_is_refused(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("recording," + "x" * 200_000 + "\na.csv,1\n")
    with pytest.raises(CohortError, match="has no column `recording`; name the columns"):
        list(read_manifest(str(path), Settings()))


@pytest.mark.parametrize("word", ["x" * 400, "x" * 400 + ".toml", "\0.toml", "\0"])
def test_invalid_names_of_profiles_are_failures(tmp_path, word):
    path = tmp_path / "m.csv"
    path.write_text(f"recording,profile\na.csv,{word}\n")
    (failure,) = read_manifest(str(path), Settings())
    assert "give" in failure.sentence
    assert failure.sentence.isprintable()
