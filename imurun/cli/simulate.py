"""`imurun simulate`: a recording with exact truth."""

from __future__ import annotations

from pathlib import Path

from imurun.errors import SettingsError
from imurun.io import write_recording, write_steps
from imurun.sim import Simulation
from imurun.sim.presets import eventful_run, steady_run

FILE_RATE_HZ = 100.0


def write_simulation(
    out: Path,
    *,
    duration_s: float | None,
    speed_m_s: float | None,
    rate_hz: float | None,
    seed: int,
    eventful: bool,
    truth_out: Path | None,
) -> None:
    """Simulate a run and write its recording and, if asked, its true steps.

    Raises:
        SettingsError: numbers that no runner or sensor has, or a file ending that is not known.
    """
    if truth_out is not None and truth_out.resolve() == out.resolve():
        raise SettingsError(f"{out} cannot hold both the recording and its truth; choose another --truth.")
    simulation = simulated_run(
        duration_s=duration_s,
        speed_m_s=speed_m_s,
        rate_hz=FILE_RATE_HZ if rate_hz is None else rate_hz,
        seed=seed,
        eventful=eventful,
    )
    write_recording(simulation.recording, out)
    recording = simulation.recording
    print(f"Simulated recording: {out} ({recording.duration_s:.0f} s at {recording.rate_hz:g} Hz)")
    if truth_out is not None:
        write_steps(simulation.truth.to_frame(), truth_out, metadata={"truth": "simulated"})
        print(f"True steps: {truth_out}")


def simulated_run(
    *, duration_s: float | None, speed_m_s: float | None, rate_hz: float, seed: int, eventful: bool
) -> Simulation:
    """The run that the options ask for.

    Raises:
        SettingsError: numbers that no runner or sensor has.
    """
    if not eventful:
        duration_s = 60.0 if duration_s is None else duration_s
        speed_m_s = 3.0 if speed_m_s is None else speed_m_s
        return steady_run(duration_s, speed_m_s, rate_hz=rate_hz, seed=seed)
    if duration_s is not None or speed_m_s is not None:
        raise SettingsError("--eventful has its own duration and speed; leave --duration and --speed out.")
    return eventful_run(rate_hz=rate_hz, seed=seed)
