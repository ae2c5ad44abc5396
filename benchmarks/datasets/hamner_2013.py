"""Ten runners at 2 to 5 m/s of Hamner and Delp 2013 (J Biomech 46:780): markers and force as OpenSim files.

Layout, that of the copy beside the AddBiomechanics paper: `subject01/_subject.json` with `massKg`, and
`subject01/trials/run200/` (200 is 2.00 m/s) with `markers.trc` and `grf.mot` on one clock; x forward, y up,
z right. Written from the headers of those files; not run on the whole set. The sensor is virtual
(`virtual_imu`).

Runners A to D of `running_speeds` are among these ten, but it is not known which: never use both as different
people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.datasets.force import at_samples, contacts_of
from benchmarks.datasets.opensim_files import read_mot, read_trc
from benchmarks.datasets.trial import Trial
from benchmarks.datasets.virtual_imu import RATE_HZ, Pelvis, virtual_imu
from imurun import Recording
from imurun.errors import FormatError
from imurun.model.frames import FloatArray, G

MARKERS = ("RASI", "LASI", "RPSI", "LPSI")
FORCES = {"right": "R_ground_force_vy", "left": "L_ground_force_vy"}


def trials(folder: Path) -> Iterator[Trial]:
    """All trials with both files: contacts with sides at 5 % of body weight, force, pelvis angles.

    Raises:
        FormatError: the folder holds no subject, or a file is invalid.
    """
    subjects = sorted(path for path in folder.glob("subject*") if path.is_dir())
    if not subjects:
        raise FormatError(f"{folder} holds no folder subject01 and so on; give the folder of the data set.")
    for subject in subjects:
        weight_n = G * _mass_kg(subject / "_subject.json")
        for run in sorted((subject / "trials").glob("run*")):
            if (run / "markers.trc").is_file() and (run / "grf.mot").is_file():
                yield _trial(run, subject.name, weight_n)


def _trial(run: Path, subject: str, weight_n: float) -> Trial:
    imu = virtual_imu(_pelvis(run / "markers.trc"))
    recording = Recording(imu.acc, imu.gyr, rate_hz=RATE_HZ, source=f"{subject}/{run.name}")
    start_s = float(imu.time_s[0])
    force_time_s, by_side = _forces(run / "grf.mot", weight_n)
    rate_hz = (len(force_time_s) - 1) / (force_time_s[-1] - force_time_s[0])
    contacts: list[tuple[float, float, str, float]] = []
    for side, force in by_side.items():
        for first, last, peak in zip(*contacts_of(force, rate_hz), strict=True):
            contacts.append((first + force_time_s[0] - start_s, last + force_time_s[0] - start_s, side, peak))
    numbers = np.array([(first, last, peak) for first, last, _, peak in sorted(contacts)]).reshape(-1, 3)
    runner = f"hamner-{subject.removeprefix('subject')}"
    return Trial(
        dataset="hamner_2013",
        name=f"{runner}-{run.name}",
        runner=runner,
        recording=recording,
        initial_contact_s=numbers[:, 0],
        final_contact_s=numbers[:, 1],
        side=tuple(side for _, _, side, _ in sorted(contacts)),
        peak_bw=numbers[:, 2],
        vgrf_bw=at_samples(recording, start_s, force_time_s, by_side["right"] + by_side["left"]),
        angles_deg=imu.angles_deg,
        speed_m_s=_speed_m_s(run.name),
    )


def _pelvis(file: Path) -> Pelvis:
    time_s, markers = read_trc(file)
    missing = [name for name in MARKERS if name not in markers]
    if missing:
        raise FormatError(f"{file.name}: the marker {missing[0]} is missing; get the data set again.")
    # from x forward, y up, z right to x forward, y left, z up
    return Pelvis(time_s, *(markers[name][:, [0, 2, 1]] * [1.0, -1.0, 1.0] for name in MARKERS))


def _forces(file: Path, weight_n: float) -> tuple[FloatArray, dict[str, FloatArray]]:
    table = read_mot(file)
    try:
        return table["time"], {side: table[name] / weight_n for side, name in FORCES.items()}
    except KeyError as error:
        raise FormatError(f"{file.name}: the column {error} is missing; get the data set again.") from error


def _mass_kg(file: Path) -> float:
    try:
        mass_kg = float(json.loads(file.read_text(encoding="utf-8"))["massKg"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{file}: no massKg can be read; get the data set again.") from error
    if not 20.0 < mass_kg < 250.0:
        raise FormatError(f"{file}: massKg is {mass_kg:g}; a runner's mass is expected.")
    return mass_kg


def _speed_m_s(name: str) -> float:
    digits = re.fullmatch(r"run(\d{3})", name)
    return int(digits[1]) / 100.0 if digits else np.nan
