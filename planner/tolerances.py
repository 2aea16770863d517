"""Thresholds below which a difference is rounding, where several parts of the planner need one of a similar kind.

They differ on purpose; each says what it separates. What does not belong here: a threshold that only one module has any
use for (it stands beside its use), and those of the verifier, which shares nothing with what it verifies.
"""

ORACLE_ZERO_KWH = 1e-12
"""Flows of the oracle below this are 0. Only the solver's noise: the cost is a bound, so nothing that counts is cut."""

PLAN_ZERO_KWH = 1e-9
"""Flows of a plan below this are 0, so that no command is made of rounding."""

BLOCK_ROUNDING_KWH = 1e-9
"""Energy of a spaced load below this is no part of a slot; sums of full slots round by less."""

COMMAND_ROUNDING_KWH = 1e-6
"""Planned energy above surplus or deficit by less than this is the same energy: a command means to follow the house."""

VISIBLE_KWH = 1e-6
"""Energy that is named to people or counted as use of the battery is above this: rounding of solvers does not count."""

SHORTFALL_KWH = 1e-5
"""A shortfall below this is none, and demands are eased by as much: two solves of a task differ by their tolerances."""

TIE_BREAK = 1e-7
"""Cost of a kWh that orders equal schedules [money/kWh]; so small that no reported cost shows it."""

INDIFFERENCE = 1e-6
"""Values of energy nearer than this are equal [money/kWh]; the tie-break, at most twice `TIE_BREAK`, is below it."""

EQUAL_COST = 1e-6
"""Costs of schedules nearer than this are equal [money]: sums round, and the plan's tie-break costs 1e-7."""

SAME_COST_SHOWN = 1e-5
"""Doing nothing that costs less than this more "costs the same" [money]; the tie-break of equal plans costs less."""
