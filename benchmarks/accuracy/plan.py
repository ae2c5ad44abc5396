"""Plans a run of the accuracy benchmark: datasets, methods and conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.accuracy.compare import SETTINGS
from benchmarks.accuracy.conditions import AS_RECORDED, CONDITIONS, Condition
from benchmarks.accuracy.fit_contact import DATASETS as FITTED_ON
from benchmarks.accuracy.methods import FITTED_WITHOUT, LEFT_OUT, METHODS, ScoredMethod
from benchmarks.accuracy.provenance import SOURCES, data_hash
from benchmarks.accuracy.results import stem
from benchmarks.datasets import LOADERS, Trial, dataset, load
from benchmarks.provenance import code_hash, environment
from imurun.errors import FormatError, ImurunError, SettingsError

DATASETS = ("running_speeds", "treadmill_run_grf", "rbds_speeds", "sacral_grf")
"""Scored by default: all with force plates whose files have a known hash."""
DISTURBED_METHODS = (LEFT_OUT,)
"""Scored under every condition."""


def _gyroless(trial: Trial) -> Trial:
    return replace(trial, recording=replace(trial.recording, gyr=None))


WITHOUT_GYROSCOPE = Condition("gyroscope", 0.0, "", "without gyroscope", _gyroless, needs_gyro=True)
"""Applies to trials with a gyroscope; the target for sides without gyroscope is measured under it."""
ALL_CONDITIONS = {condition.label: condition for condition in (*CONDITIONS, WITHOUT_GYROSCOPE)}


@dataclass(frozen=True)
class Unit:
    """One unit of work: a method on a dataset under a condition."""

    method: str
    dataset: str
    condition: str

    @property
    def name(self) -> str:
        """Of its files."""
        return stem(self.method, self.dataset, self.condition)

    def key(self) -> dict[str, object]:
        """Everything that determines its result."""
        used = {self.dataset, *(FITTED_ON if self.method in FITTED_WITHOUT else ())}
        return {
            "unit": [self.method, self.dataset, self.condition],
            "data_sha256": data_hash(used),
            "code_sha256": code_hash(SOURCES),
            "settings": SETTINGS,
            "environment": environment(),
        }


@dataclass(frozen=True)
class Plan:
    """Units of work of a run.

    Attributes:
        datasets, methods, conditions: names of those in use; conditions by label.
        units: of work.
        notes: one sentence for each omission, with the reason.
    """

    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    conditions: tuple[str, ...]
    units: tuple[Unit, ...]
    notes: tuple[str, ...]


def make_plan(
    methods: Sequence[str] | None = None, datasets: Sequence[str] | None = None, *, quick: bool = False
) -> Plan:
    """Plan the units of work.

    Args:
        methods, datasets: names; all methods and `DATASETS` by default.
        quick: only recordings as they are, and without gyroscope for imurun.

    Raises:
        SettingsError: a name is unknown, or there are no units.
        FormatError: no dataset can be used.
    """
    methods = tuple(dict.fromkeys(methods or METHODS))
    datasets = tuple(dict.fromkeys(datasets or DATASETS))
    _check_names("method", methods, METHODS)
    _check_names("dataset", datasets, LOADERS)
    usable, notes = usable_datasets(datasets)
    if set(FITTED_WITHOUT) & set(methods):
        reason = why_not_left_out()
        if reason:
            methods = tuple(name for name in methods if name not in FITTED_WITHOUT)
            notes.append(reason)
    units = []
    for name in methods:
        method = METHODS[name]
        for place, trials in usable.items():
            if not any(method.applies_to(trial) for trial in trials):
                notes.append(f"{method.label}: not scored on {place}, which has {method.lacking}.")
                continue
            units += [
                Unit(name, place, condition.label)
                for condition in _conditions_for(method, quick)
                if any(condition.applies_to(trial) for trial in trials)
            ]
    if not units:
        raise SettingsError(f"Nothing can be scored of what was asked for. {' '.join(notes)}".strip())
    labels = {unit.condition for unit in units}
    conditions = tuple(label for label in ALL_CONDITIONS if label in labels)
    return Plan(tuple(usable), methods, conditions, tuple(units), tuple(notes))


def usable_datasets(names: Sequence[str]) -> tuple[dict[str, list[Trial]], list[str]]:
    """The datasets on this machine with contacts, and a sentence for each other one.

    Raises:
        FormatError: there is none.
    """
    usable: dict[str, list[Trial]] = {}
    notes: list[str] = []
    for name in names:
        try:
            trials = load(name)
        except ImurunError as error:
            notes.append(f"{name} is not scored: {error}")
            continue
        if not trials:
            notes.append(f"{name} is not scored: it holds no truth of contacts.")
            continue
        usable[name] = trials
        notes += [
            f"{trial.name} of {name}: the truth holds no contact that counts; only inventions are counted."
            for trial in trials
            if not trial.inside().any()
        ]
    if not usable:
        raise FormatError(f"No dataset can be scored. {' '.join(notes)}")
    return usable, notes


def why_not_left_out() -> str:
    """Reason why runners cannot be left out, which needs the other runners for the fit; "" if they can."""
    for name in FITTED_ON:
        try:
            load(name)
        except ImurunError as error:
            return (
                f"{METHODS[LEFT_OUT].label}: not scored, since it is fitted on {', '.join(FITTED_ON)}, and "
                f"{name} cannot be used: {error}"
            )
    return ""


def shares_unnamed_people(name: str) -> bool:
    """Whether people of a dataset may be among the fitted ones, under other names."""
    return (
        name not in FITTED_ON
        and bool(set(dataset(name).overlaps) & set(FITTED_ON))
        and not (
            {trial.runner for trial in load(name)}
            & {
                trial.runner
                for fitted in dataset(name).overlaps
                if fitted in FITTED_ON
                for trial in load(fitted)
            }
        )
    )


def _conditions_for(method: ScoredMethod, quick: bool) -> tuple[Condition, ...]:
    conditions = [AS_RECORDED]
    if method.gives_side and not method.needs_gyro and method.name in ("imurun", LEFT_OUT):
        conditions.append(WITHOUT_GYROSCOPE)
    if method.name in DISTURBED_METHODS and not quick:
        conditions += [condition for condition in CONDITIONS if condition != AS_RECORDED]
    return tuple(conditions)


def _check_names(what: str, names: Sequence[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise SettingsError(f"There is no {what} {name!r}; choose from {', '.join(known)}.")
