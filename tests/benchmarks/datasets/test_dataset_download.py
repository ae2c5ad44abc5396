"""Downloads from a local server: complete files with the correct hash, or none."""

import gzip
import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.datasets import obtain
from benchmarks.datasets.__main__ import main
from benchmarks.datasets.download import download, gunzip, unzip
from benchmarks.datasets.registry import Archive, DataFile, Dataset
from imurun.errors import FormatError, SettingsError

BODY = bytes(range(256)) * 1000
HTTP = ("http",)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def served():
    """Bodies by path, and the address of the server that serves them; a text is a redirection."""
    bodies = {"/a.bin": BODY, "/b/c.bin": b"second"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = bodies.get(self.path)
            if isinstance(body, str):
                self.send_response(302)
                self.send_header("Location", body)
                self.end_headers()
            elif body is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body) * (2 if self.path == "/short" else 1)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield bodies, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_file_is_downloaded_and_checked(served, tmp_path):
    shares = []
    target = tmp_path / "a.bin"
    download(served[1] + "/a.bin", target, sha256=sha(BODY), progress=shares.append, schemes=HTTP)
    assert target.read_bytes() == BODY
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    ("path", "options", "error", "says"),
    [
        ("/a.bin", {"sha256": sha(b"other")}, FormatError, "hashes to .* so it was thrown away"),
        ("/a.bin", {"max_bytes": 1000}, FormatError, "more than 1000 bytes"),
        ("/nowhere", {}, FormatError, "answered 404"),
        ("/short", {}, FormatError, "could not be downloaded|bytes came"),
        ("/a.bin", {"sha256": ""}, SettingsError, "no hash is known"),
        ("/a.bin", {"schemes": ("https",)}, SettingsError, "does not begin with https"),
        ("/away", {}, SettingsError, "does not begin with http"),
    ],
)
def test_a_failed_download_leaves_no_file(served, tmp_path, path, options, error, says):
    served[0]["/short"] = BODY
    served[0]["/away"] = "ftp://127.0.0.1/a.bin"
    target = tmp_path / "a.bin"
    target.write_bytes(b"before")
    given = {"sha256": sha(BODY), "schemes": HTTP} | options
    with pytest.raises(error, match=says):
        download(served[1] + path, target, **given)
    assert target.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_a_file_address_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(BODY)
    with pytest.raises(SettingsError, match="does not begin with https"):
        download((tmp_path / "a").as_uri(), tmp_path / "b", sha256=sha(BODY))


def test_a_missing_server_is_one_sentence(tmp_path):
    with pytest.raises(FormatError, match="could not be downloaded"):
        download("http://127.0.0.1:9/a", tmp_path / "a", sha256=sha(BODY), schemes=HTTP)
    assert not list(tmp_path.iterdir())


def test_a_zip_file_is_unpacked(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"x.csv": b"1", "deep/y.csv": b"2"}))
    unzip(archive, tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "y.csv").read_bytes() == b"2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "out"]


def link():
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zipped({"x": b"1", "../y": b"2"}), "leaves the folder"),
        (zipped({"/y": b"2"}), "leaves the folder"),
        (zipped({"C:/y": b"2"}), "leaves the folder"),
        (zipped({link(): b"/etc/passwd"}), "leaves the folder"),
        (zipped({"x": bytes(2000)}), "more than 1000 bytes"),
        (b"no zip", "no whole ZIP file"),
        (zipped({"x": BODY[:900]})[:-40], "no whole ZIP file"),
    ],
)
def test_an_invalid_zip_file_leaves_no_file(tmp_path, data, says):
    archive = tmp_path / "a.zip"
    archive.write_bytes(data)
    with pytest.raises(FormatError, match=says):
        unzip(archive, tmp_path / "out", max_bytes=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_gzip_file_is_unpacked(tmp_path):
    archive = tmp_path / "a.gz"
    archive.write_bytes(gzip.compress(BODY))
    gunzip(archive, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    for data, limit, says in (
        (b"none", 1000, "no whole gzip"),
        (gzip.compress(BODY)[:-20], 10**6, "no whole gzip"),
        (gzip.compress(BODY), 1000, "more than 1000"),
    ):
        archive.write_bytes(data)
        with pytest.raises(FormatError, match=says):
            gunzip(archive, tmp_path / "b", max_bytes=limit)
    assert not (tmp_path / "b").exists()


def made(base, **changes):
    files = (
        DataFile("a.bin", sha(BODY), len(BODY), f"{base}/a.bin"),
        DataFile("b/c.bin", sha(b"second"), 6, f"{base}/b/c.bin"),
    )
    values = {
        "name": "made",
        "title": "Made",
        "source": "nowhere",
        "licence": "MIT",
        "citation": "none",
        "open": True,
        "truth": "none",
        "runners": 1,
        "axes": "none",
        "rate_hz": 100.0,
        "files": files,
    }
    return {"made": Dataset(**(values | changes))}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMURUN_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("IMURUN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_dataset_is_downloaded_into_the_cache(served, cache):
    known = made(served[1])
    assert obtain.list_datasets(known)[0].state == "can be downloaded"
    shares = []
    folder = obtain.fetch("made", shares.append, known=known, schemes=HTTP)
    assert folder == cache / "made"
    assert (folder / "b" / "c.bin").read_bytes() == b"second"
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert obtain.list_datasets(known)[0].state == "here"
    served[0].clear()
    assert obtain.fetch("made", known=known, schemes=HTTP) == folder
    assert [path.name for path in cache.iterdir()] == ["made"]


def test_a_changed_download_is_replaced(served, cache):
    known = made(served[1])
    folder = obtain.fetch("made", known=known, schemes=HTTP)
    (folder / "a.bin").write_bytes(b"changed")
    (folder / "own.txt").write_text("stays")
    assert obtain.list_datasets(known)[0].state == "altered"
    obtain.fetch("made", known=known, schemes=HTTP)
    assert (folder / "a.bin").read_bytes() == BODY
    assert (folder / "own.txt").exists()


def test_a_changed_local_folder_is_not_replaced(served, cache, tmp_path, monkeypatch):
    """It comes before the downloads, so that a download would not help."""
    known = made(served[1])
    monkeypatch.setenv("IMURUN_DATA", str(tmp_path))
    (tmp_path / "made" / "b").mkdir(parents=True)
    (tmp_path / "made" / "a.bin").write_bytes(b"changed")
    (tmp_path / "made" / "b" / "c.bin").write_bytes(b"second")
    with pytest.raises(FormatError, match=r"a\.bin was altered: .*; put the true file into"):
        obtain.fetch("made", known=known, schemes=HTTP)
    assert not cache.exists()


def test_a_dataset_is_downloaded_as_an_archive(served, cache):
    for suffix, data in ((".zip", zipped({"a.bin": BODY})), (".gz", gzip.compress(BODY))):
        served[0]["/all" + suffix] = data
        archive = Archive(f"{served[1]}/all{suffix}", sha(data), len(data))
        known = made("", files=(DataFile("a.bin", sha(BODY), len(BODY)),), archive=archive)
        folder = obtain.fetch("made", known=known, schemes=HTTP)
        assert (folder / "a.bin").read_bytes() == BODY
        (folder / "a.bin").unlink()


def test_a_failed_dataset_download_leaves_no_file(served, cache):
    known = made(served[1])
    served[0]["/b/c.bin"] = b"sec0nd"
    with pytest.raises(FormatError, match="thrown away"):
        obtain.fetch("made", known=known, schemes=HTTP)
    assert not list(cache.iterdir())


def test_datasets_that_are_not_open_are_not_downloaded(served, cache):
    with pytest.raises(SettingsError, match=r"licence of made is unknown; get it from nowhere and put"):
        obtain.fetch("made", known=made(served[1], open=False, licence="unknown"), schemes=HTTP)
    with pytest.raises(SettingsError, match="no address with a known hash"):
        obtain.fetch("made", known=made("", files=(DataFile("a.bin"),)), schemes=HTTP)
    with pytest.raises(SettingsError, match="no dataset 'other'"):
        obtain.fetch("other", known=made(served[1]))
    assert not cache.exists()


def test_the_command_lists_and_downloads(cache, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main([]) == 0
    out = capsys.readouterr().out
    for name in ("sacral_grf", "kiernan_2023", "can be downloaded", "not verified"):
        assert name in out
    assert main(["hamner_2013"]) == 0
    assert "10.1016/j.jbiomech.2012.11.024" in capsys.readouterr().out
    assert main(["hamner_2013", "--download"]) == 1
    assert capsys.readouterr().err.startswith("Not downloaded: ")
    assert main(["other"]) == 1
    assert "choose from" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["--download"])
    assert caught.value.code == 2
