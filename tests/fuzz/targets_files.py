"""Targets: files with a recording, steps or a watch's activity."""

from __future__ import annotations

import gzip
import io
import random
import re
import shutil
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import imurun
from imurun.ble.block_journal import BLOCKS, block_header, write_block
from imurun.ble.codec import RunHeader, Samples, crc16, encode_frame
from imurun.ble.devices import DRIVERS
from imurun.ble.journal import CRC, HEAD, KINDS, MAGIC, SYNC, JournalWriter
from imurun.errors import ImurunError
from imurun.export import read_steps, write_steps
from imurun.export.bids_motion import write_motion
from imurun.export.fit_activity import write_fit
from imurun.export.fit_merge import merge_fit
from imurun.export.fit_read import read_fit
from imurun.io import write_recording
from imurun.model.frames import G
from imurun.model.recording import Marker, Recording
from imurun.model.sample_block import SampleBlock
from tests.export.fit_helpers import START, FitBytes, made_session, watch_content
from tests.export.fit_helpers import crc16 as fit_crc
from tests.fuzz.harness import Target
from tests.fuzz.mutate import MOST_BYTES, mutate
from tests.fuzz.targets_sensors import PACKETS, SETTINGS

N, RATE_HZ = 80, 100.0
SEPARATOR = b"\n--- another file ---\n"


def _made(*, gyr: bool = True, gap: bool = False) -> Recording:
    rng = np.random.default_rng(5)
    acc = rng.normal((0, 0, G), 2.0, (N, 3))
    if gap:
        acc[30:45] = np.nan
    return Recording(
        acc,
        rng.normal(0, 1.0, (N, 3)) if gyr else None,
        rate_hz=RATE_HZ,
        start=START,
        acc_range_g=16.0,
        markers=(Marker(0.2, "lap"), Marker(0.5, "pain", 3.0)),
        warnings=("A sentence.",),
    )


def _read(data: bytes, folder: Path, *, name: str = "run.csv") -> str:
    path = folder / name
    path.write_bytes(data)
    return _summary(imurun.read(path))


def _summary(recording: Recording) -> str:
    """Summary of a recording; checks that each of its texts is one printable line."""
    for text in (*recording.warnings, recording.source):
        assert text.isprintable(), text
    assert np.isfinite(recording.acc).any()
    notes = re.sub(r"[\d.,]+|'[^']*'", "0", " ".join(recording.warnings))[:80]
    return f"{len(recording).bit_length()} rows, {recording.gyr is None}, {recording.start is None}, {notes}"


# -- text ----------------------------------------------------------------------------------------------------


def texts(folder: Path) -> Sequence[bytes]:
    write_recording(_made(gap=True), folder / "own.csv")
    recording = _made()
    rows = np.column_stack([recording.time_s, recording.acc / G, recording.gyr])
    names = "time,accX,accY,accZ,gyroX,gyroY,gyroZ".split(",")
    plain = _table(names, rows, ",")
    dated = [
        f'2026-05-01 07:30:0{k // 100}.{k % 100:02d},"run, easy",{x:.4f},{y:.4f},{z:.4f}'
        for k, (x, y, z) in enumerate(recording.acc)
    ]
    return [
        (folder / "own.csv").read_bytes(),
        plain.encode(),
        ("# device: X\n# rate: 100\n\n" + _table(names, rows, "\t").replace(".", ",")).encode(),
        _table(["time (ms)", "ax [g]", "ay [g]", "az [g]"], rows[:, :4] * [1000, 1, 1, 1], ";").encode(),
        _table(names[:4], rows[:, :4], "  ").encode(),
        "\n".join(["timestamp,label,acc_x,acc_y,acc_z", *dated, ""]).encode(),
        plain.encode("utf-16"),
        ("time_s;größe;" + ";".join(names[1:4]) + "\n" + _table([], rows[:, [0, 0, 1, 2, 3]], ";")).encode(
            "cp1252"
        ),
        b"epoc (ms),timestamp (+0100),elapsed (s),x-axis (g),y-axis (g),z-axis (g)\n"
        + b"".join(
            b"%d,2026-05-01T07.30.00.%03d,%.2f,0.1,0.2,1.0\n" % (10 * k, k, k / 100) for k in range(N)
        ),
    ]


def _table(names: Sequence[str], rows: np.ndarray, sign: str) -> str:
    lines = [sign.join(f"{value:.9g}" for value in row) for row in rows]
    return "\n".join([*([sign.join(names)] if names else []), *lines, ""])


# -- packed --------------------------------------------------------------------------------------------------


def gzips(folder: Path) -> Sequence[bytes]:
    tables = texts(folder)
    return [gzip.compress(tables[0]), gzip.compress(tables[1]), gzip.compress(parquets(folder)[0])]


def _gzip_again(data: bytes, rng: random.Random) -> bytes:
    """Mutate the unpacked content and pack it; rarely, content that compresses extremely well."""
    unpacked = data
    try:
        unpacked = zlib.decompressobj(31).decompress(data, 1 << 20)
    except zlib.error:
        pass
    return gzip.compress(_inside(unpacked, rng), 1)


def _inside(data: bytes, rng: random.Random) -> bytes:
    data = mutate(data, rng)
    if rng.random() < 0.01:  # up to 128 MiB that compress well
        return data[:2000] + bytes((rng.choice(b"\n 0,"),)) * (1 << rng.randrange(20, 28))
    if rng.random() < 0.01:
        line = data[rng.randrange(len(data) + 1) :][:30] + b"\n"
        return data + line * (1 << rng.randrange(10, 20))
    return data


def parquets(folder: Path) -> Sequence[bytes]:
    write_recording(_made(gap=True), folder / "own.parquet")
    recording = _made()
    stamps = pd.date_range("2026-05-01 07:30", periods=N, freq="10ms", tz="UTC")
    tables = [
        pa.table([stamps, *recording.acc.T], names=["t", "acc_x", "acc_y", "acc_z"]),
        pa.table(
            [
                pa.array(stamps.astype(str)).dictionary_encode(),
                *map(pa.array, np.rint(recording.acc.T * 100)),
            ],
            names=["timestamp", "ax", "ay", "az"],
        ),
    ]
    found = [(folder / "own.parquet").read_bytes()]
    for table in tables:
        out = io.BytesIO()
        pq.write_table(table, out, compression="zstd")
        found.append(out.getvalue())
    return found


def _constant_columns() -> Sequence[bytes]:
    """Parquet that is tiny on disk and large in memory."""
    found = []
    for n in (2_000_000, 60_000_000):
        out = io.BytesIO()
        column = pa.array(np.zeros(n))
        pq.write_table(
            pa.table([column] * 4, names=["time_s", "acc_x", "acc_y", "acc_z"]), out, compression="zstd"
        )
        found.append(out.getvalue())
    return found


def _compresses_well() -> Sequence[bytes]:
    head = b"time_s,acc_x,acc_y,acc_z\n0,0,0,1\n"
    return [
        gzip.compress(head + piece * (n // len(piece)), 6)
        for piece in (b"0,0,0,1\n", b"\n")
        for n in (1 << 24, 1 << 26)
    ]


def _time_jumps() -> Sequence[bytes]:
    lines = [b"%.2f,0.1,0.2,1.0" % (k / 100) for k in range(12_000)]
    return [
        b"\n".join([b"time_s,acc_x,acc_y,acc_z", *lines, b"%d,0,0,1" % at, b""]) for at in (50_000, 110_000)
    ]


# -- several files -------------------------------------------------------------------------------------------


def folders(folder: Path) -> Sequence[bytes]:
    """Files of a folder as one input: name, line feed, content, with a separator between files."""
    recording = _made()
    nanoseconds = 1_777_620_600_000_000_000 + 10_000_000 * np.arange(N)

    def phone(values: np.ndarray) -> str:
        lines = [
            f"{ns},{k / RATE_HZ:.2f},{z:.5f},{y:.5f},{x:.5f}"
            for k, (ns, (x, y, z)) in enumerate(zip(nanoseconds, values, strict=True))
        ]
        return "\n".join(["time,seconds_elapsed,z,y,x", *lines, ""])

    acc, gyr, gravity = phone(recording.acc), phone(recording.gyr), phone(np.full((N, 3), 5.0))
    plain = _table(
        ["time_s", "acc_x", "acc_y", "acc_z"], np.column_stack([recording.time_s, recording.acc]), ","
    )
    return [
        SEPARATOR.join((f"{name}\n".encode() + content.encode()) for name, content in files.items())
        for files in (
            {
                "Accelerometer.csv": acc,
                "Gyroscope.csv": gyr,
                "Gravity.csv": gravity,
                "Metadata.csv": "a,b\n1,2\n",
            },
            {"TotalAcceleration.csv": acc, "Gyroscope.csv": gyr},
            {"acc.csv": plain, "gyr.csv": plain.replace("acc", "gyr")},
        )
    ]


def _files(data: bytes) -> list[tuple[str, bytes]]:
    parts = [part.partition(b"\n") for part in data.split(SEPARATOR)]
    return [(name.decode("utf-8", "replace")[:80], content) for name, _, content in parts]


def read_folder(data: bytes, folder: Path) -> str:
    place = folder / "export"
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    for name, content in _files(data):
        name = re.sub(r"[/\0]", "_", name)
        if name not in ("", ".", ".."):
            (place / name).write_bytes(content)
    return _summary(imurun.read(place))


def _zipped(files: Sequence[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice
        for name, content in files:
            archive.writestr(name.partition("\0")[0] or "x", content)
    return out.getvalue()


def zips(folder: Path) -> Sequence[bytes]:
    return [_zipped(_files(data)) for data in folders(folder)]


def _zip_again(data: bytes, rng: random.Random) -> bytes:
    """Mutate the files inside and pack them with one of the compression methods."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            small = [info for info in archive.infolist() if info.file_size < MOST_BYTES]
            files = [(info.filename, archive.read(info)) for info in small[:20]]
    except Exception:  # zipfile raises many types for a damaged archive
        return data
    changed = [(name, _inside(content, rng) if rng.random() < 0.5 else content) for name, content in files]
    return _zipped(
        changed, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    )


def _zip_bombs() -> Sequence[bytes]:
    line = b"0,0,0,1\n"
    return [
        _zipped([("acc.csv", b"time_s,acc_x,acc_y,acc_z\n" + line * (n // 8))]) for n in (1 << 24, 1 << 26)
    ]


# -- journals and logs ---------------------------------------------------------------------------------------


def journals(folder: Path) -> Sequence[bytes]:
    found = []
    for name, packets in PACKETS.items():
        profile = DRIVERS[name]
        header = {
            "profile": name,
            **dict(zip(("rate_hz", "acc_range_g", "gyr_range_deg_s"), SETTINGS[name], strict=True)),
            "start": "2026-05-01T07:30:00+00:00",
            "clock_s": 100.0,
        }
        path = folder / f"{name}.journal"
        uuids = [profile.data_characteristic]
        if profile.reply_characteristic not in (None, profile.data_characteristic):
            uuids.append(profile.reply_characteristic)
        with JournalWriter(path, header, uuids) as journal:
            for k, packet in enumerate(packets * 3):
                journal.notification(100.0 + 0.1 * k, uuids[0], packet)
            journal.event(102.0, {"kind": "marker", "marker": {"time_s": 1.0, "kind": "lap"}})
            journal.event(102.0, {"kind": "analysed", "rate_hz": 208.0})
            journal.event(103.0, {"kind": "give up", "stop": 40})
            journal.event(103.0, {"kind": "end", "next_index": 60})
        found.append(path.read_bytes())
    recording = _made()
    path = folder / "blocks.journal"
    with JournalWriter(path, block_header(recording, name="x"), [BLOCKS]) as journal:
        for first in range(0, N, 20):
            span = slice(first, first + 20)
            write_block(journal, SampleBlock(first, recording.acc[span], recording.gyr[span]), first / 100)
    return [*found, path.read_bytes()]


def _sealed_journal(data: bytes, rng: random.Random) -> bytes:
    """Correct the checksums of records as far as their lengths are right."""
    out = bytearray(data)
    at = len(MAGIC)
    while (at := out.find(SYNC, at)) >= 0 and at + HEAD.size <= len(out):
        length = HEAD.unpack_from(out, at)[2]
        end = at + HEAD.size + length
        if out[at + 2] not in KINDS or end + CRC.size > len(out):
            at += 1
            continue
        out[end : end + CRC.size] = CRC.pack(zlib.crc32(out[at + len(SYNC) : end]))
        at = end + CRC.size
    return bytes(out)


def device_logs(folder: Path) -> Sequence[bytes]:
    header = RunHeader(0, 0, 7, 1, 3, 208_000, 16, 2000, 488_000, 70_000_000, 10**6, 1_777_620_600_000_000)
    rng = np.random.default_rng(2)
    frames = [
        Samples(
            0,
            k,
            19 * k,
            (10**6 + round(19 * (k + 1) / 208 * 1e6)) % 2**32,
            3,
            rng.integers(-9000, 9000, (19, 6)),
        )
        for k in range(12)
    ]
    records = [encode_frame(frame) for frame in (header, *frames)]
    return [b"".join(bytes((len(record),)) + record for record in records)]


def _sealed_log(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    at = 0
    while at < len(out):
        stop = at + 1 + out[at]
        if stop - at > 3 and stop <= len(out):
            out[stop - 2 : stop] = struct.pack("<H", crc16(bytes(out[at + 1 : stop - 2])))
        at = stop
    return bytes(out)


# -- a watch's activities ------------------------------------------------------------------------------------


def activities(folder: Path) -> Sequence[bytes]:
    write_fit(made_session(20.0), folder / "own.fit")
    return [
        watch_content(20),
        watch_content(8, dynamics=False, squeezed=False, header_size=12),
        (folder / "own.fit").read_bytes(),
        watch_content(4) + watch_content(4),
    ]


def _sealed_fit(data: bytes, rng: random.Random) -> bytes:
    """Correct the header and the checksums."""
    size = 14 if data[:1] == b"\x0e" else 12
    if len(data) < size + 2:
        return data
    body = data[size:-2]
    header = bytes((size,)) + data[1:4] + struct.pack("<I", len(body)) + b".FIT"
    if size == 14:
        header += struct.pack("<H", fit_crc(header))
    whole = header + body
    return whole + struct.pack("<H", fit_crc(whole) if len(whole) < 20_000 else 0)


def _many_parts() -> Sequence[bytes]:
    return [watch_content(4) + FitBytes().content() * 8000]


def read_activity(data: bytes, folder: Path) -> str:
    path = folder / "watch.fit"
    path.write_bytes(data)
    track = read_fit(path)
    track.speed_at(track.time_s + 0.5)
    track.distance_between_m(float(track.time_s[0]), float(track.time_s[-1]))
    assert track.sport.isprintable()
    return f"{len(track.time_s)}, {len(track.laps)}, {track.start:%Y}, {track.end:%Y}, {len(track.warnings)}"


_SESSION = made_session(20.0)


def merge_activity(data: bytes, folder: Path) -> str:
    path = folder / "watch.fit"
    path.write_bytes(data)
    return str(len(merge_fit(_SESSION, path, folder / "merged.fit")))


# -- step tables, BIDS ---------------------------------------------------------------------------------------


def step_tables(folder: Path) -> Sequence[bytes]:
    steps = made_session(20.0).steps
    found = []
    for name in ("steps.csv", "steps.csv.gz", "steps.parquet"):
        write_steps(steps, folder / name, metadata={"source": "a.csv"})
        found.append((folder / name).read_bytes())
    return found


def read_step_table(data: bytes, folder: Path) -> str:
    path = folder / "steps.csv"
    path.write_bytes(data)
    steps, metadata = read_steps(path)
    assert all(text.isprintable() for text in metadata.values())
    return f"{len(steps).bit_length()}, {len(steps.columns)}, {sorted(metadata)}"


def _steps_again(data: bytes, rng: random.Random) -> bytes:
    return _gzip_again(data, rng) if data[:2] == b"\x1f\x8b" else data


def participants(folder: Path) -> Sequence[bytes]:
    return [b"participant_id\theight\tweight\nsub-a\t1.7\t60\n", b"participant_id\tage\r\nsub-b\t30\r\n"]


def add_participant(data: bytes, folder: Path) -> str:
    """Add a recording to a BIDS dataset with the input as its participants table."""
    dataset = folder / "dataset"
    shutil.rmtree(dataset, ignore_errors=True)
    dataset.mkdir()
    (dataset / "dataset_description.json").write_text("{}")
    (dataset / "participants.tsv").write_bytes(data)
    try:
        write_motion(_made(gyr=False), _SESSION, dataset, subject="kim")
    except ImurunError:
        assert (dataset / "participants.tsv").read_bytes() == data
        raise
    return str("sub-kim" in (dataset / "participants.tsv").read_text())


def _steps_that_compress_well() -> Sequence[bytes]:
    head = b"# imurun: steps\n# imurun_version: 1\ninitial_contact_s,side\n"
    out = io.BytesIO()
    table = pa.table({"initial_contact_s": np.zeros(60_000_000)})
    pq.write_table(table.replace_schema_metadata({"imurun:imurun": "steps"}), out, compression="zstd")
    return [gzip.compress(head + b"1,left\n" * (1 << 25), 6), out.getvalue()]


FILES = (
    Target("text", texts, _read, attacks=_time_jumps),
    Target("gzip", gzips, partial(_read, name="run.csv.gz"), _gzip_again, _compresses_well),
    Target("parquet", parquets, partial(_read, name="run.parquet"), attacks=_constant_columns),
    Target("folder", folders, read_folder),
    Target("zip", zips, partial(_read, name="run.zip"), _zip_again, _zip_bombs),
    Target("journal", journals, partial(_read, name="run.journal"), _sealed_journal),
    Target("device-log", device_logs, partial(_read, name="run.imulog"), _sealed_log),
    Target("fit", activities, read_activity, _sealed_fit, _many_parts),
    Target("fit-merge", activities, merge_activity, _sealed_fit, _many_parts),
    Target("participants", participants, add_participant),
    Target("steps", step_tables, read_step_table, _steps_again, _steps_that_compress_well),
)
