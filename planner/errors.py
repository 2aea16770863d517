"""The errors of `planner`: what can go wrong while deciding, with the code and the hint of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from env.errors import CodedError

if TYPE_CHECKING:
    from env.battery import Energy

_HOMES_SHOWN, _REASONS_SHOWN = 5, 5  # of those that are left out, in a message


class PlannerError(CodedError):
    """Root of the errors of `planner`."""


class NoFeasibleScheduleError(PlannerError):
    """The limits contradict each other."""

    code = "no_feasible_schedule"
    hint = "loosen the limits in darkstar.yaml"


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """One demand that cannot be met, or one limit that stands in the way.

    Attributes:
        limit: `return_soc`, `end_floor`, the name of a movable load, one of the limits of the home (`charge_kw`,
            `discharge_kw`, `import_kw`, `export_kw`, `inverter_kw`), or `soc_range`.
        slot: index of the slot in which it has to be met; None for a limit of every slot.
        slot_start: start of that slot (UTC).
        size: energy that is missing, or power by which the limit would have to be raised.
        unit: `kWh` or `kW`.
        sentence: the same in words.
    """

    limit: str
    slot: int | None
    slot_start: datetime | None
    size: float
    unit: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """The least change of the demands that makes a schedule possible.

    Attributes:
        return_soc_kwh: stored energy at the end instead of the demanded one; None leaves it [kWh].
        floor_kwh: floor of the terminal value curve instead; None leaves it [kWh].
        load_energy_kwh: energy of each window of movable loads instead, by the load's name [kWh].
        dropped: names of the runs that do not take place.
    """

    return_soc_kwh: float | None = None
    floor_kwh: float | None = None
    load_energy_kwh: Mapping[str, "Energy"] = field(default_factory=dict[str, "Energy"])
    dropped: tuple[str, ...] = ()


class ContradictionError(NoFeasibleScheduleError):
    """The demands of a plan contradict the home's limits.

    Args:
        conflicts: demands first, then the limits in their way.
        relaxation: the least that makes a schedule possible.
        hint: the same in words, limits that could be raised instead included.
    """

    def __init__(self, message: str, *, conflicts: tuple[Conflict, ...], relaxation: Relaxation, hint: str) -> None:
        super().__init__(message)
        self.hint = hint
        self.conflicts = conflicts
        self.relaxation = relaxation


class SolverError(PlannerError):
    """The solver gave no usable answer."""

    code = "no_feasible_schedule"
    hint = "check prices and limits of that day"


class SolverTimeoutError(SolverError):
    """The time limit passed before the solver found a feasible schedule."""


class GridTooFineError(PlannerError):
    """A battery whose power moves its whole usable range so often within a slot that no grid of it fits in memory."""

    code = "configuration"
    hint = "widen battery.min_soc_percent and max_soc_percent, or lower its power"


class UnknownPolicyError(PlannerError):
    """A policy that does not exist."""

    code = "usage"
    hint = "name a policy that exists"


class IncompleteDayError(PlannerError):
    """A day with missing slots or null values."""

    code = "data_missing"
    hint = "run `darkstar quality` for that day"


class ScheduleColumnsError(PlannerError):
    """A table that is not a schedule of the site: columns are missing, or belong to no battery or device."""

    code = "data_refused"
    hint = "give a table as `darkstar schedule --out` writes it"


class LoadRequestError(PlannerError):
    """A load request that cannot be met: a window outside the horizon, or shorter than the run."""

    code = "usage"
    hint = "see `darkstar plan --help`, and `devices` in darkstar.yaml"


class UnverifiedScheduleError(PlannerError):
    """A schedule that the verifier found wrong, and that must not be stored or served."""

    code = "unverified_schedule"
    hint = "`darkstar verify` lists all that is wrong"


class PolicyMismatchError(PlannerError):
    """A trained policy that is damaged, or was trained for another state, tariff or form of bundle."""

    code = "model_refused"
    hint = "train anew, or go back with `darkstar models rollback`"


class NonFiniteStateError(PlannerError, ValueError):
    """A state with nan or an infinity, for which a trained policy defines no action."""

    code = "model_refused"
    hint = "choose another policy, and report this: the state of a policy is always finite"


class CheckpointError(PlannerError):
    """A checkpoint that is damaged, or of another training."""


class DatasetVersionError(PlannerError):
    """A version of the training data that does not exist."""


class TooFewDaysError(PlannerError, ValueError):
    """Fewer days than a forecast model needs to be fitted."""


class SearchSpaceError(PlannerError, ValueError):
    """A hyperparameter search without trials, or over fields that the configuration does not have."""


class UnpairedCostsError(PlannerError, ValueError):
    """Daily costs of two policies that cannot be compared pair by pair."""


class HomeDaysError(PlannerError):
    """Days of a home that cannot be read: the home is left out of what many homes are worked on for."""

    code = "data_missing"


class TooFewHomesError(PlannerError):
    """Too few homes to learn from.

    Args:
        left: homes that can be learned from.
        needed: homes that are needed.
        left_out: why others cannot, by name.
    """

    code = "data_missing"
    hint = "mend the data of those homes, or backfill more days"

    def __init__(self, left: int, needed: int, left_out: Mapping[str, str]) -> None:
        by_reason: dict[str, list[str]] = {}
        for home, why in sorted(left_out.items()):
            by_reason.setdefault(why, []).append(home)
        told = [f"{_named(homes)}: {why}" for why, homes in list(by_reason.items())[:_REASONS_SHOWN]]
        listed = f"; left out: {'; '.join(told)}" if told else ""
        super().__init__(f"{left} homes can be learned from, {needed} are needed{listed}")


def _named(homes: list[str]) -> str:
    more = f" and {len(homes) - _HOMES_SHOWN} more" if len(homes) > _HOMES_SHOWN else ""
    return ", ".join(homes[:_HOMES_SHOWN]) + more


class NoReadingsError(PlannerError, ValueError):
    """A history without a single reading to forecast from."""


class ShardLostError(PlannerError):
    """A piece of work whose worker ended again and again before it had answered.

    Args:
        shard: how it is called.
        attempts: how often it was begun.
    """

    code = "worker_lost"
    hint = "the system may be short of memory: use fewer workers (`engine.workers`), or give it more memory"

    def __init__(self, shard: str, attempts: int) -> None:
        super().__init__(f"the worker of {shard} ended {attempts} times before it had answered")


class ShardFailedError(PlannerError):
    """An error of a piece of work, in words, where the error itself cannot travel between processes."""
