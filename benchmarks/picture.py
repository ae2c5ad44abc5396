"""Draws the figure of the README: three seconds of a simulated run with the detected contacts.

python -m benchmarks.picture benchmarks/steps.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import imurun
from imurun.files.atomic import atomic_path
from imurun.model.frames import FloatArray, G
from imurun.sim import Segment, SensorModel, simulate

WIDTH, HEIGHT = 860, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 46, 40
FROM_S, TO_S = 20.0, 22.4
LOW_G, HIGH_G = -0.6, 3.2
COLOURS = {"left": "#2f6fb2", "right": "#c2573a"}


def x_of(time_s: float) -> float:
    """Horizontal position of a time."""
    return LEFT + (time_s - FROM_S) / (TO_S - FROM_S) * (WIDTH - LEFT - RIGHT)


def y_of(force_g: float) -> float:
    """Vertical position of a specific force."""
    return TOP + (HIGH_G - force_g) / (HIGH_G - LOW_G) * (HEIGHT - TOP - BOTTOM)


def line(time_s: FloatArray, force_g: FloatArray, style: str) -> str:
    """SVG path of a curve."""
    points = " ".join(f"{x_of(t):.1f},{y_of(v):.1f}" for t, v in zip(time_s, force_g, strict=True))
    return f'<polyline points="{points}" fill="none" {style}/>'


def draw() -> str:
    """The figure as SVG."""
    simulation = simulate(
        [Segment("running", 30.0, speed_m_s=3.2)], sensor=SensorModel(rate_hz=200.0), seed=6
    )
    steps = imurun.analyze(simulation.recording, mounting=simulation.mounting).steps
    time_s = simulation.recording.time_s
    shown = (time_s >= FROM_S) & (time_s <= TO_S)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="15">Specific force at the lower back, upwards (g): '
        "detected contacts and force</text>",
    ]
    for step in steps.to_dict("records"):
        first, last = step["initial_contact_s"], step["final_contact_s"]
        if first < FROM_S or last > TO_S:
            continue
        colour = COLOURS[step["side"]]
        parts.append(
            f'<rect x="{x_of(first):.1f}" y="{TOP}" width="{x_of(last) - x_of(first):.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM}" fill="{colour}" opacity="0.13"/>'
        )
        parts.append(
            f'<text x="{x_of(0.5 * (first + last)):.1f}" y="{TOP - 6}" text-anchor="middle" fill="{colour}">'
            f"{step['side']} {step['contact_time_ms']:.0f} ms</text>"
        )
    for level in (0, 1, 2, 3):
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(level):.1f}" y2="{y_of(level):.1f}" '
            'stroke="#ccc" stroke-width="0.7"/>'
            f'<text x="{LEFT - 8}" y="{y_of(level) + 4:.1f}" text-anchor="end">{level}</text>'
        )
    for second in np.arange(FROM_S, TO_S, 0.5):
        parts.append(
            f'<text x="{x_of(second):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
            f"{second:.1f} s</text>"
        )
    force_g = simulation.recording.acc @ simulation.mounting[2] / G
    parts.append(line(time_s[shown], force_g[shown], 'stroke="#555" stroke-width="1.2"'))
    truth = simulation.truth.motion.vgrf_bw(time_s[shown])
    parts.append(line(time_s[shown], truth, 'stroke="#2a8a4a" stroke-width="1.8" stroke-dasharray="5 3"'))
    parts.append(
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end" font-size="12">'
        'simulated run; grey: sensor; <tspan fill="#2a8a4a">green: true force on the ground, body weights'
        "</tspan>; shaded: contacts found</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    with atomic_path(Path(sys.argv[1])) as aside:
        aside.write_text(draw(), encoding="utf-8")
