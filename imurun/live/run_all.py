"""All pipelines and faces of a live run, from start to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal

from imurun.live.pipeline import Pipeline
from imurun.live.state import Controls

Face = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Shows or publishes the run until the event is set; then puts away what it has opened, and returns."""


def controls_of(pipelines: Sequence[Pipeline]) -> Controls:
    """What buttons do to these runs."""

    def mark(name: str | None, kind: Literal["lap", "pain"], value: float | None) -> None:
        for pipeline in pipelines:
            if name in (None, pipeline.state.name):
                pipeline.mark(kind, value)

    def stop() -> None:
        for pipeline in pipelines:
            pipeline.stop()

    return Controls(mark, stop)


async def run_together(pipelines: Sequence[Pipeline], faces: Sequence[Face]) -> None:
    """Run until every source has ended; the faces are told, and waited for.

    A face that fails ends alone, and its error is raised when the run is over: no face is worth a run.
    """
    ended = asyncio.Event()
    shown = [asyncio.create_task(face(ended)) for face in faces]
    try:
        await asyncio.gather(*(pipeline.run() for pipeline in pipelines))
    finally:
        ended.set()
        results = await asyncio.gather(*shown, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
