"""What the page's buttons ask for: checked, then done."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from imurun.live.state import MOST_PAIN, Controls, RunState

logger = logging.getLogger(__name__)

FIELDS = {"lap": {"name"}, "pain": {"name", "value"}, "stop": set[str]()}
"""What comes with each, besides `ask` itself."""


class Asks:
    """Takes messages as they come from the network.

    Attributes:
        ignored: how many were none of the page's.
    """

    def __init__(self, states: Sequence[RunState], controls: Controls) -> None:
        self.ignored = 0
        self._states = states
        self._controls = controls

    def take(self, body: bytes) -> bool:
        """Do what a message asks for, such as {"ask": "pain", "value": 3, "name": null}.

        Returns:
            Whether it was one of the page's; if not it is counted, and nothing else happens.
        """
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not self._is_known(message):
            self.ignore("a message that no button sends")
            return False
        if message["ask"] == "lap":
            self._controls.lap(message["name"])
        elif message["ask"] == "pain":
            self._controls.pain(message["value"], message["name"])
        else:
            self._controls.stop()
        return True

    def ignore(self, what: str) -> None:
        """Count something that the page did not send."""
        self.ignored += 1
        logger.warning("The page ignored %s.", what)

    def _is_known(self, message: dict[str, object]) -> bool:
        ask = message.get("ask")
        if not isinstance(ask, str) or ask not in FIELDS or set(message) != FIELDS[ask] | {"ask"}:
            return False
        names: list[str | None] = [None, *(state.name for state in self._states)]
        if "name" in message and message["name"] not in names:
            return False
        value = message.get("value", 0)
        return type(value) is int and 0 <= value <= MOST_PAIN
