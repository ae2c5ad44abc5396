"""All targets by name."""

from __future__ import annotations

from tests.fuzz.harness import Target
from tests.fuzz.targets_files import FILES
from tests.fuzz.targets_page import PAGE
from tests.fuzz.targets_sensors import SENSORS
from tests.fuzz.targets_stores import STORES
from tests.fuzz.targets_words import WORDS

TARGETS: dict[str, Target] = {target.name: target for target in (*FILES, *SENSORS, *WORDS, *STORES, *PAGE)}
