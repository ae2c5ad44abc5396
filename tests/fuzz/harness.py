"""Fuzzing harness: runs a reader on mutated inputs and checks the outcome of each.

An input with a new outcome joins the corpus that is mutated further. An outcome is the line of the package
that raised with the message without its numbers, or a summary of what was read.
"""

from __future__ import annotations

import logging
import random
import re
import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import imurun
from imurun.errors import ImurunError
from tests.fuzz.mutate import MOST_BYTES, mutate

PACKAGE = str(Path(imurun.__file__).parent)
MOST_SECONDS = 2.0
"""Processor time, which does not depend on the load of the machine."""
GIVE_UP_S = 20.0
FREE_BYTES, BYTES_PER_BYTE = 200 << 20, 10
MOST_EXAMPLES = 400
LONGEST_SENTENCE = 1000
_NUMBERS = re.compile(r"[\d.,+\-]+|'[^']*'|\"[^\"]*\"")
SAYS_WHAT_TO_DO = re.compile(
    r"\b(bring|cannot|check|choose|convert|copy|correct|delete|download|drop|erase|export|give|hand|import|install|keep|"
    r"leave|list|make|move|must|name|needs?|put|read|record|remove|rename|restore|run|save|say|set|shorten|sort|"
    r"split|start|swap|switch|try|unpack|update|use|write)\b",
    re.IGNORECASE,
)

Run = Callable[[bytes, Path], object]
Repair = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Target:
    """One reader of untrusted input.

    Attributes:
        name: one word.
        examples: returns valid inputs; may use the given folder.
        run: reads an input in a folder and returns a short summary of it. It may raise the errors of
            `imurun.errors`.
        repair: corrects checksums and wrappers after a mutation, so that the inner layers are reached; used
            on half of the inputs.
        attacks: returns hostile inputs, mutated like the examples.
    """

    name: str
    examples: Callable[[Path], Sequence[bytes]]
    run: Run
    repair: Repair | None = None
    attacks: Callable[[], Sequence[bytes]] = tuple


@dataclass
class Failure:
    """An input that violated a property."""

    what: str
    data: bytes
    detail: str = ""


@dataclass
class Tally:
    """Outcomes of the inputs of one target."""

    name: str
    inputs: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    most_mib: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failure] = field(default_factory=dict)


class HangError(BaseException):
    """An input exceeded `GIVE_UP_S`."""


def inputs(target: Target, folder: Path, seed: int) -> Iterator[tuple[bytes, Callable[[], None]]]:
    """Endless inputs, unchanged examples first; each with the function to call when its outcome is new."""
    rng = random.Random(f"{target.name} {seed}")
    examples = [*target.examples(folder), *target.attacks()]
    corpus = list(examples)
    for example in examples:
        yield example, lambda: None
    while True:
        data = mutate(rng.choice(corpus if rng.random() < 0.7 else examples), rng, examples)
        if target.repair is not None and rng.random() < 0.5:
            data = target.repair(data, rng)[: 2 * MOST_BYTES]

        def keep(data: bytes = data) -> None:
            if len(corpus) < MOST_EXAMPLES:
                corpus.append(data)
            else:
                corpus[rng.randrange(len(corpus))] = data

        yield data, keep


def fuzz(
    target: Target,
    folder: Path,
    n: int,
    *,
    seed: int = 0,
    before: Callable[[bytes], None] = lambda data: None,
    progress: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """Run a target on `n` inputs.

    Args:
        target: the reader.
        folder: an empty folder for the target's files.
        n: number of inputs.
        seed: of the generator.
        before: called with each input before it is run.
        progress: called after each input.
    """
    tally = Tally(target.name)
    made = folder / "examples"
    made.mkdir()
    work = folder / "work"
    work.mkdir()
    stream = inputs(target, made, seed)
    judge = Judge(target.run, work)
    begun = time.process_time()
    logging.disable()
    try:
        for _ in range(n):
            data, keep = next(stream)
            before(data)
            outcome, fault = judge.judge(data)
            tally.inputs += 1
            if outcome not in tally.outcomes:
                keep()
            tally.outcomes[outcome] += 1
            if fault:
                tally.failures.setdefault(fault, Failure(fault, data, judge.detail))
            tally.slowest_s = max(tally.slowest_s, judge.seconds)
            tally.most_mib = max(tally.most_mib, judge.mib)
            tally.seconds = time.process_time() - begun
            progress(tally)
    finally:
        logging.disable(logging.NOTSET)
    return tally


class Judge:
    """Runs a target on inputs and checks the properties of each outcome.

    Attributes:
        seconds, mib: processor time and memory of the last input.
        detail: message or traceback of a violated property.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._memory = Memory()
        self._is_first = True
        self.seconds = self.mib = 0.0
        self.detail = ""

    def judge(self, data: bytes) -> tuple[str, str]:
        """The outcome, and the violated property ("" for none)."""
        before = self._memory.start()
        begun = time.process_time()
        fault = self.detail = ""
        try:
            with _time_limit(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcome = f"read {self._run(data, self._folder)}"
        except ImurunError as error:
            outcome = f"{type(error).__name__} {place(error)} {_NUMBERS.sub('0', str(error))[:80]}"
            complaint = complaint_about(str(error))
            if complaint:
                fault = f"{type(error).__name__} at {place(error)}: {complaint}"
                self.detail = str(error)
        except HangError:
            outcome = fault = f"given up after {GIVE_UP_S:g} s"
        except Exception as error:  # any other exception is a fault
            outcome = fault = f"{type(error).__name__} at {place(error)}"
            self.detail = "".join(traceback.format_exception(error))
        self.seconds = time.process_time() - begun
        grown = 0 if self._is_first else self._memory.peak() - before
        self._is_first = False  # the first input also loads modules and fills caches
        self.mib = grown / 2**20
        if grown > FREE_BYTES + BYTES_PER_BYTE * len(data):
            fault = fault or f"too much memory, then {outcome[:100]}"
            self.detail = self.detail or f"{grown >> 20} MiB for {len(data)} bytes"
        if self.seconds > MOST_SECONDS:
            fault = fault or f"too long, then {outcome[:100]}"
            self.detail = self.detail or f"{self.seconds:.1f} s for {len(data)} bytes"
        return outcome, fault


def complaint_about(sentence: str) -> str:
    """What is wrong with an error message; "" for a printable line that says what to do."""
    if not sentence.isprintable():
        return "not printable in one line"
    if not sentence.endswith((".", ")")) and "pip install" not in sentence:
        return "no sentence"
    if len(sentence) > LONGEST_SENTENCE:
        return f"{len(sentence)} characters long"
    return "" if SAYS_WHAT_TO_DO.search(sentence) else "does not say what to do"


def place(error: BaseException) -> str:
    """File and line of the innermost frame within the package (or of any frame) of the original error."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [found for found in lines if found[0].startswith(PACKAGE)]
    file, line = (own or lines or [("nowhere", 0)])[-1]
    return f"{Path(file).name}:{line}"


@contextmanager
def _time_limit() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, GIVE_UP_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


class Memory:
    """Resident memory of this process, and its peak since `start`.

    On Linux the peak can be reset; elsewhere only growth beyond the previous peak is seen.
    """

    def __init__(self) -> None:
        self._page = resource.getpagesize()

    def start(self) -> int:
        """Reset the peak and return the current bytes."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            return int(Path("/proc/self/statm").read_text().split()[1]) * self._page
        return self.peak()

    def peak(self) -> int:
        """Peak bytes since `start`."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
