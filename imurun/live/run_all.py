"""Runs the pipelines and outputs of a live run together, and makes the controls that act on all pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal

from imurun.live.pipeline import Pipeline
from imurun.live.state import Controls

LiveOutput = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""An output: shows or publishes the run until the event is set, then closes what it opened and returns."""


def controls_of(pipelines: Sequence[Pipeline]) -> Controls:
    """Controls that mark and stop these pipelines."""

    def mark(name: str | None, kind: Literal["lap", "pain"], value: float | None) -> None:
        for pipeline in pipelines:
            if name in (None, pipeline.state.name):
                pipeline.mark(kind, value)

    def stop() -> None:
        for pipeline in pipelines:
            pipeline.stop()

    return Controls(mark, stop)


async def run_all(pipelines: Sequence[Pipeline], outputs: Sequence[LiveOutput]) -> None:
    """Run until every source has ended, then end the outputs and wait for them.

    Raises:
        BaseException: the first error of an output, after the run: a failing output must not stop the
            recording.
    """
    ended = asyncio.Event()
    tasks = [asyncio.create_task(output(ended)) for output in outputs]
    try:
        await asyncio.gather(*(pipeline.run() for pipeline in pipelines))
    finally:
        ended.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
