"""Commands from the buttons of the live page: validated, then run."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from imurun.live.state import MOST_PAIN, Controls, RunState

logger = logging.getLogger(__name__)

FIELDS = {"lap": {"name"}, "pain": {"name", "value"}, "stop": set[str]()}
"""Fields of each command, besides `command` itself."""


class Commands:
    """Validates messages from browsers and runs the commands in them.

    Args:
        states: of the sensors; their names are the ones a command may contain.
        controls: that run the commands.

    Attributes:
        n_ignored: number of messages that the page does not send.
    """

    def __init__(self, states: Sequence[RunState], controls: Controls) -> None:
        self.n_ignored = 0
        self._states = states
        self._controls = controls

    def run(self, body: bytes) -> bool:
        """Run the command in a message such as {"command": "pain", "value": 3, "name": null}.

        Returns:
            Whether the message is valid. If not, it is counted and has no other effect.
        """
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not self._is_valid(message):
            self.ignore("a message that no button sends")
            return False
        if message["command"] == "lap":
            self._controls.lap(message["name"])
        elif message["command"] == "pain":
            self._controls.pain(message["value"], message["name"])
        else:
            self._controls.stop()
        return True

    def ignore(self, what: str) -> None:
        """Count and log a message that the page does not send."""
        self.n_ignored += 1
        logger.warning("The page ignored %s.", what)

    def _is_valid(self, message: dict[str, object]) -> bool:
        command = message.get("command")
        if not isinstance(command, str) or command not in FIELDS:
            return False
        if set(message) != FIELDS[command] | {"command"}:
            return False
        names: list[str | None] = [None, *(state.name for state in self._states)]
        if "name" in message and message["name"] not in names:
            return False
        value = message.get("value", 0)
        return type(value) is int and 0 <= value <= MOST_PAIN
