"""Targets: hand-written files (TOML of runner, alerts, thresholds and file formats; cohort manifests)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imurun.io.formats
from imurun.cohort.inputs import gather
from imurun.cohort.manifest import is_manifest
from imurun.cohort.task import Settings
from imurun.history.thresholds import read_thresholds
from imurun.io import read_runner
from imurun.io.formats.file_format import load_format, shipped_formats
from imurun.io.runner_file import edit_runner, read_shoes
from imurun.live.runner_profile import read_limits
from tests.fuzz.harness import Target

RUNNER = b'''# Kim
name = "Kim"
mass_kg = 62.5
height_m = 1.71
shoes = "Blue"

[limits]
session_load_bw4 = 40000

[flags]
spike_percent = [15, 40, 120]
impact_z = 4
usual_days = 60

[alerts]
off = ["cadence", "load_80"]

[alerts.contact]
column = "contact_time_ms"
outside = [200, 280]
steps = 60
margin = 5
quiet_s = 300
why = """
It
hurts."""

[alerts.impact]
column = "peak_impact_g"
drift_percent = 20.0
'''


def toml(folder: Path) -> Sequence[bytes]:
    return [RUNNER, b"mass_kg = 61.0\n", b"[limits]\nsession_load_bw4 = 1e4\n"]


def deep() -> Sequence[bytes]:
    """TOML nested as deeply, and with as many alert rules, as a small file can hold."""
    ways = [b"a." * 40 + b"a", b"a." * 30_000 + b"a", b"mass_kg" + b".a" * 900, b"mass_kg" + b".a" * 30_000]
    nested = [b"[" * 900 + b"]" * 900, b"[" * 30_000, b"{a=" * 300 + b"1" + b"}" * 300]
    return [
        *(way + b" = 1\n" for way in ways),
        *(name + b" = " + value + b"\n" for name in (b"mass_kg", b"name", b"shoes") for value in nested),
        *(
            b"[alerts.contact]\n" + key + b" = " + nested[0] + b"\n"
            for key in (b"column", b"above", b"steps", b"outside")
        ),
        b"[flags]\nspike_percent = " + nested[0] + b"\n",
        b"".join(b"[alerts.a%d]\ncolumn='cadence_spm'\nabove=1\n" % k for k in range(1200)),
    ]


def _written(data: bytes, folder: Path) -> Path:
    path = folder / "runner.toml"
    path.write_bytes(data)
    return path


def runner(data: bytes, folder: Path) -> str:
    path = _written(data, folder)
    known = read_runner(path)
    return f"{known.name.isprintable()}, {known.mass_kg}, {known.height_m}, {read_shoes(path)}"[:100]


def edited(data: bytes, folder: Path) -> str:
    """Edit the file and check that it is valid and has the new value."""
    path = _written(data, folder)
    edit_runner(path, {"mass_kg": 61.0}, {"session_load_bw4": 5.0}, read_runner)
    assert read_runner(path).mass_kg == 61.0
    return str(path.stat().st_size.bit_length())


def limits(data: bytes, folder: Path) -> str:
    found = read_limits(_written(data, folder))
    assert all((rule.why or "").isprintable() for rule in found.rules)
    return f"{sorted(rule.key for rule in found.rules)}, {found.session_load_bw4}"[:200]


def thresholds(data: bytes, folder: Path) -> str:
    return str(read_thresholds(_written(data, folder)))[:300]


def profiles(folder: Path) -> Sequence[bytes]:
    formats = Path(imurun.io.formats.__file__).parent
    return [(formats / f"{name}.toml").read_bytes() for name in shipped_formats()]


def profile(data: bytes, folder: Path) -> str:
    path = folder / "p.toml"
    path.write_bytes(data)
    known = load_format(path)
    known.score(("time", "acc_x"), "# device")
    return f"{known.frame}, {known.rotation is None}, {len(known.acc)}, {known.files is None}"


def manifests(folder: Path) -> Sequence[bytes]:
    return [
        b"recording,runner,session,group,mass_kg,height_m,rate_hz,profile,shoe\n"
        b"a.csv,Kim,1,A,62.5,1.71,100,phyphox,blue\nb/c.csv,01,2,B,,,,,\n../x.csv,Zo\xc3\xab,,,,,,,\n",
        b"recording;runner\n/tmp/none.csv;a/b\n\n;Kim\n",
        b'\xef\xbb\xbfrecording\trunner\tmass_kg\na.csv\t"Kim, the\nsecond"\t70\n',
    ]


def odd_manifests() -> Sequence[bytes]:
    return [
        b"recording,runner," + b"x" * 200_000 + b"\na.csv,Kim,1\n",
        b"recording,runner\n" + b"a.csv,Kim\n" * 1000,
        b"recording,profile\na.csv,/etc/passwd\na.csv,../../x.toml\na.csv,\0\n\0.csv,phyphox\n",
        b"recording,mass_kg\nfile:///etc/passwd,1\nmemory://a,nan\nnone://x,1e999\n",
        b"recording," + b",".join(b"c%d" % k for k in range(4000)) + b"\na.csv\n",
    ]


def manifest(data: bytes, folder: Path) -> str:
    """Read the manifest; each row is a recording or a failure."""
    path = folder / "manifest.csv"
    path.write_bytes(data)
    (folder / "a.csv").touch()
    is_manifest(path)
    found = gather([], [str(path)], Settings(), out=folder / "out")
    for failure in found.failures:
        assert failure.sentence.isprintable(), failure.sentence
    for source in found.sources:
        assert source.runner.isprintable()
        assert source.session.isprintable()
        assert len(source.key) == 16
    reasons = sorted({failure.sentence[-40:] for failure in found.failures})[:5]
    return f"{len(found.sources).bit_length()}, {reasons}"


WORDS = (
    Target("runner", toml, attacks=deep, run=runner),
    Target("runner-edit", toml, attacks=deep, run=edited),
    Target("alert-rules", toml, attacks=deep, run=limits),
    Target("thresholds", toml, attacks=deep, run=thresholds),
    Target("profile", profiles, profile, attacks=deep),
    Target("manifest", manifests, manifest, attacks=odd_manifests),
)
