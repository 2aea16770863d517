"""Plans with a load that runs in spaced blocks: relaxation, blocks placed by marginal values, then local moves.

The relaxed program bounds the cost from below and gives the marginal value of a kWh in the house in each slot.
`block_search` places the blocks by those values; with them fixed the program is linear again, answers exactly, and
values the slots anew. The values are averaged over the rounds, since 10 kWh are not marginal (a subgradient method's
usual cure). Then blocks are moved by a slot as long as it pays. The answer is reported with its gap to the bound; the
search over all binaries (`exact`) takes seconds. Rounds are counted and not timed: the same input has the same answer.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from env.inverter import Energy
from env.types import Integers
from planner.errors import NoFeasibleScheduleError
from planner.optimizer.block_search import Blocks, cheapest_blocks
from planner.optimizer.deferrable_loads import FlexibleLoad
from planner.optimizer.exclusive_flows import Rules, solve_exclusive
from planner.optimizer.warm_solver import Answer, WarmStartedProgram
from planner.tolerances import BLOCK_ROUNDING_KWH

# Chosen on 41 plans as `benchmarks.single_plan` has them, all in training weeks, against 12 rounds and 40 moves: these
# cost 0.06 % more on average and 0.8 % at worst, in 60 ms instead of 103. Four rounds 1.2 % and 42 %, in 55 ms; six
# 0.05 % and 0.3 %, in 63 ms; 12 moves 0.04 % and 0.5 %, in 68 ms. A gap of 1e-3 is no faster (28 plans).
ROUNDS = 5  # of placing blocks by value
MOVES = 8  # programs solved at most for moves by a slot
GOOD_GAP = 1e-4  # nearer to the bound than this nothing more is tried
ROUNDING = 1e-9  # a gap below is none
_SAVING = 1e-7  # money; a move that saves less is none


@dataclass(frozen=True)
class _Plan:
    """A plan with its blocks, one entry a load."""

    blocks: tuple[Blocks, ...]
    answer: Answer
    objective: float


def solve_spaced(
    program: WarmStartedProgram, rules: Rules, loads: Sequence[FlexibleLoad], *, time_limit: float
) -> Answer | None:
    """A good plan with its gap; None where no blocks were found, which the search over all binaries has to say.

    Args:
        program: with the loads in it; as before afterwards.
        rules: what a linear answer may get wrong.
        loads: those with a spacing.
        time_limit: for each program that is solved [s].
    """
    started = time.perf_counter()
    search = _Search(program, rules, loads, time_limit)
    try:
        best = search.decided_with(search.moved(search.placed()))
    except NoFeasibleScheduleError:
        return None
    finally:
        search.release()
    if best is None:
        return None
    gap = max(best.objective - search.bound, 0.0) / max(abs(best.objective), BLOCK_ROUNDING_KWH)
    return replace(
        best.answer,
        gap=gap if gap > ROUNDING else 0.0,
        seconds=time.perf_counter() - started,
        status="optimal" if gap <= GOOD_GAP else "within its gap",
    )


class _Search:
    def __init__(
        self, program: WarmStartedProgram, rules: Rules, loads: Sequence[FlexibleLoad], time_limit: float
    ) -> None:
        self.program, self.rules, self.loads, self.time_limit = program, rules, loads, time_limit
        form = program.form
        self.balance = form.rows["power_balance"]
        self.sign = form.sign("power_balance", "import")
        self.columns = [form.columns[load.name] for load in loads]
        self.decided = np.concatenate(
            [form.columns[f"{load.name}_{what}"] for load in loads for what in ("on", "starts")]
        ).astype(np.int32)
        relaxed = program.run(time_limit=time_limit)
        self.cost = form.cost @ program.parameters
        self.tie = [self.cost[columns] for columns in self.columns]
        self.bound = self._objective(relaxed)
        self.values = self._values(relaxed)
        for load, value, columns in zip(loads, self.values, self.columns, strict=True):
            blocks = cheapest_blocks(load, value)
            if blocks is not None:  # what the balance, relaxed at these values, costs with blocks (Geoffrion 1974)
                self.bound += max(float(value @ (blocks.energy_kwh - relaxed.columns[columns])), 0.0)

    def _objective(self, answer: Answer) -> float:
        """Return the objective of the solver; itself it forgets that when the binaries of `exclusive_flows` leave."""
        return float(self.cost @ answer.columns[: len(self.cost)])

    def _values(self, answer: Answer) -> list[Energy]:
        """Return the cost of a kWh of each load in each slot, by an answer's marginal values [money/kWh]."""
        in_house = self.sign * answer.row_duals[self.balance]
        return [in_house + tie for tie in self.tie]

    def _good(self, plan: _Plan | None) -> bool:
        return plan is not None and plan.objective - self.bound <= GOOD_GAP * abs(plan.objective)

    def placed(self) -> _Plan | None:
        """The best of some rounds of placing blocks by value."""
        best: _Plan | None = None
        seen: set[bytes] = set()
        for this in range(ROUNDS):
            found = [cheapest_blocks(load, value) for load, value in zip(self.loads, self.values, strict=True)]
            blocks = tuple(each for each in found if each is not None)
            if len(blocks) < len(found):
                return None
            key = b"".join(each.energy_kwh.tobytes() for each in blocks)
            if key in seen and this > 0:
                break
            seen.add(key)
            plan = self._solved(blocks)
            if best is None or plan.objective < best.objective:
                best = plan
            if self._good(best):
                break
            anew = self._values(plan.answer)
            self.values = [old + (new - old) / (this + 2) for old, new in zip(self.values, anew, strict=True)]
        return best

    def moved(self, best: _Plan | None) -> _Plan | None:
        """The plan after moves of a block by a slot, or of a slot between blocks, as long as they pay."""
        tried: set[bytes] = set()
        promising = self._promising(best, tried)
        for _ in range(MOVES):
            if best is None or self._good(best) or not promising:
                break
            key, blocks = promising.pop()
            tried.add(key)
            plan = self._solved(blocks)
            if plan.objective < best.objective - _SAVING:
                best, promising = plan, self._promising(plan, tried)
        return best

    def _promising(self, plan: _Plan | None, tried: set[bytes]) -> list[tuple[bytes, tuple[Blocks, ...]]]:
        """Untried blocks a move away, the cheapest at the plan's own marginal values last; no more than are solved."""
        if plan is None:
            return []
        found: list[tuple[float, bytes, tuple[Blocks, ...]]] = []
        for place, value in enumerate(self._values(plan.answer)):
            for moved in moves(self.loads[place], plan.blocks[place]):
                cost = float(value @ (moved.energy_kwh - plan.blocks[place].energy_kwh))
                key = bytes([place]) + moved.energy_kwh.tobytes()
                if key not in tried:
                    found.append((cost, key, (*plan.blocks[:place], moved, *plan.blocks[place + 1 :])))
        best = sorted(found, key=lambda each: each[:2])[:MOVES]
        return [(key, blocks) for _, key, blocks in reversed(best)]

    def _solved(self, blocks: tuple[Blocks, ...]) -> _Plan:
        """The best plan with these blocks, other rules left out."""
        self._fix(blocks)
        answer = self.program.run(time_limit=self.time_limit)
        return _Plan(blocks, answer, self._objective(answer))

    def decided_with(self, best: _Plan | None) -> _Plan | None:
        """The plan that keeps the other rules too, with the best blocks: they were chosen without."""
        if best is None:
            return None
        self._fix(best.blocks)
        answer = solve_exclusive(self.program, self.rules, time_limit=self.time_limit)
        return replace(best, answer=answer, objective=self._objective(answer))

    def _fix(self, blocks: tuple[Blocks, ...]) -> None:
        decided = np.concatenate([each for block in blocks for each in (block.on, block.starts)])
        self.program.push()
        self.program.solver.changeColsBounds(len(self.decided), self.decided, decided, decided)

    def release(self) -> None:
        """Leave the blocks free again."""
        lower, upper = self.program.form.bounds(self.program.parameters)
        self.program.solver.changeColsBounds(len(self.decided), self.decided, lower[self.decided], upper[self.decided])


def moves(load: FlexibleLoad, blocks: Blocks) -> Iterator[Blocks]:
    """Blocks that keep the load's rules and differ by a slot.

    One block begins and ends a slot earlier or later, or a full slot goes from one block's beginning to another's.
    """
    first = np.flatnonzero(blocks.starts)
    begins = first.tolist()
    for number, at in enumerate(begins):
        after = begins[number + 1] if number + 1 < len(begins) else len(blocks.on)
        inside = at + np.flatnonzero(blocks.on[at:after])
        for way in (-1, 1):
            if inside[0] + way >= 0 and inside[-1] + way < len(blocks.on):
                energy = blocks.energy_kwh.copy()
                energy[inside] = 0.0
                energy[inside + way] += blocks.energy_kwh[inside]
                yield from _if_allowed(load, energy, first + way * (first == at))
        if blocks.energy_kwh[at] < load.shape.full_kwh or at + 1 == len(blocks.on):
            continue
        for other in begins:
            if other not in {at, 0}:
                energy = blocks.energy_kwh.copy()
                energy[at], energy[other - 1] = 0.0, energy[other - 1] + load.shape.full_kwh
                moved = first - (first == other) + (first == at)
                yield from _if_allowed(load, energy, moved[energy[moved] > 0])


def _if_allowed(load: FlexibleLoad, energy: Energy, begins: Integers) -> Iterator[Blocks]:
    """The blocks, where they keep the load's rules."""
    if keeps_rules(load, energy, begins):
        starts = np.zeros(len(energy))
        starts[begins] = 1.0
        yield Blocks(starts, energy)


def keeps_rules(load: FlexibleLoad, energy: Energy, begins: Integers) -> bool:
    """Return whether blocks that start in those slots, ascending, keep windows, spacing and full power inside."""
    if (np.diff(begins) < load.spacing_slots).any() or (energy > load.most_kwh + BLOCK_ROUNDING_KWH).any():
        return False
    if (np.abs(load.windows @ energy - load.energy_kwh) > BLOCK_ROUNDING_KWH).any():
        return False
    if load.may_start is not None and (load.may_start[begins] == 0).any():
        return False
    on = energy > 0
    goes_on = np.empty(len(on), dtype=np.bool_)
    goes_on[0], goes_on[1:] = load.running, energy[:-1] >= load.shape.full_kwh - BLOCK_ROUNDING_KWH
    without_start = on & ~goes_on
    without_start[begins] = False
    return bool(on[begins].all() and not without_start.any())
