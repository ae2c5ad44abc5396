"""Packages in the peers benchmark: environment, adaptor and omissions of each."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.provenance import ROOT

HERE = Path(__file__).parent
ADAPTORS = HERE / "adaptors"
REQUIREMENTS = HERE / "requirements"
REFERENCE = "vqf alone"
OURS = "imurun"


@dataclass(frozen=True)
class Contender:
    """One pipeline in the benchmark.

    Attributes:
        name: in the tables.
        environment: name of its environment, which several may share.
        adaptor: script in `adaptors/`.
        leaves_out: omissions compared with the others, or required inputs; one sentence.
        arguments: of the script, after the file.
        is_whole: whether it is a whole pipeline of another package, from samples to steps.
    """

    name: str
    environment: str
    adaptor: str
    leaves_out: str
    arguments: tuple[str, ...] = ()
    is_whole: bool = False

    @property
    def script(self) -> Path:
        return ADAPTORS / self.adaptor


CONTENDERS = (
    Contender(REFERENCE, "vqf", "run_vqf.py", "Orientation and nothing else: no gait, no step, no load."),
    Contender(
        OURS,
        "imurun",
        "run_imurun.py",
        "From arrays to steps with all their columns: no bouts, no summary.",
        arguments=("--steps",),
    ),
    Contender(
        "imurun, session",
        "imurun",
        "run_imurun.py",
        "No contact time, speed or step length of walking, no turns, no averages over days, no clinical "
        "validation.",
    ),
    Contender(
        "mobgap",
        "mobgap",
        "run_mobgap.py",
        "Walking only; no contact time, load or sway; no live use; requires aligned axes, body height, "
        "height of the sensor and the cohort.",
        is_whole=True,
    ),
    Contender(
        "scikit-digital-health",
        "scikit-digital-health",
        "run_skdh.py",
        "Walking only; no load or sway; no live use; requires body height, for lengths and speed.",
        is_whole=True,
    ),
    Contender(
        "skdh, bouts given",
        "scikit-digital-health",
        "run_skdh.py",
        "As scikit-digital-health, and does not look for gait: it is given the true bouts.",
        arguments=("--bouts-given",),
        is_whole=True,
    ),
)
"""In the order of measurement."""


def requirements_of(environment: str) -> str:
    """Pinned requirements for pip; for imurun its dependencies, because imurun itself is this checkout."""
    if environment != "imurun":
        return (REQUIREMENTS / f"{environment}.txt").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.split("==")[0]: line for line in lines if "==" in line}
    names = {asked: re.split(r"[^\w.-]", asked, maxsplit=1)[0] for asked in project["dependencies"]}
    return "".join(f"{pins.get(name, asked)}\n" for asked, name in names.items())


def variables_of(environment: str) -> dict[str, str]:
    """Environment variables of its processes; only those of imurun include this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept |= {"PYTHONNOUSERSITE": "1", "PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8"}
    return kept | ({"PYTHONPATH": str(ROOT)} if environment == "imurun" else {})
