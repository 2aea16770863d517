"""What can go wrong while deciding: one small tree."""


class PlannerError(Exception):
    """Root of the errors of `planner`."""


class NoFeasibleScheduleError(PlannerError):
    """The limits contradict each other."""


class SolverError(PlannerError):
    """The solver gave no usable answer."""


class UnknownPolicyError(PlannerError):
    """A policy that does not exist."""


class IncompleteDayError(PlannerError):
    """A day whose slots are not all there, or hold nulls."""
