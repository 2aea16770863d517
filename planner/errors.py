"""What can go wrong while deciding: one small tree."""


class PlannerError(Exception):
    """Root of the errors of `planner`."""


class NoFeasibleScheduleError(PlannerError):
    """The limits contradict each other.

    Attributes:
        remedy: the least that would have to give, in words; empty where nobody can tell.
    """

    remedy: str = ""


class SolverError(PlannerError):
    """The solver gave no usable answer."""


class SolverTimeoutError(SolverError):
    """The time was over before the solver found anything feasible."""


class UnknownPolicyError(PlannerError):
    """A policy that does not exist."""


class IncompleteDayError(PlannerError):
    """A day whose slots are not all there, or hold nulls."""


class ScheduleColumnsError(PlannerError):
    """A table that is no schedule: columns are missing, or belong to nothing of the site."""


class LoadRequestError(PlannerError):
    """A wish that no plan can mean: a window outside the horizon, or shorter than the run."""


class UnverifiedScheduleError(PlannerError):
    """A schedule that the verifier found wrong, and that must not be stored or served."""


class PolicyMismatchError(PlannerError):
    """A trained policy that is damaged, or was made for another state, tariff or form of bundle."""


class CheckpointError(PlannerError):
    """A checkpoint that is damaged, or of another training."""
