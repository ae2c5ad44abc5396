"""Those who do tasks: worker processes of this machine, or a cluster."""

from __future__ import annotations

from typing import Protocol

from imurun.cohort.task import Result, Task


class Crew(Protocol):
    """Takes tasks and gives a result for each, in the order in which they are done."""

    @property
    def room(self) -> int:
        """How many tasks are worth having under way at once."""
        ...

    def submit(self, task: Task) -> None:
        """Begin a task, or let it wait for a worker.

        Raises:
            CohortError: the workers are gone.
        """
        ...

    def wait(self, timeout_s: float) -> list[Result]:
        """What was done meanwhile; a task whose worker died again and again is a failure.

        Raises:
            CohortError: the workers are gone.
        """
        ...

    def close(self) -> None:
        """End all workers, whatever they do."""
        ...
