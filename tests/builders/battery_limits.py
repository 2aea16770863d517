"""Programs whose battery is idle in some slots, solved as any other: independent of how plans leave a slot out."""

from collections.abc import Iterator
from contextlib import contextmanager

from planner.optimizer.home_program import HomeProgram


@contextmanager
def idle_battery(program: HomeProgram, *slots: int) -> Iterator[None]:
    """Leave the battery idle in these slots; a new house or horizon inside (`set_house`, `start_at`) undoes it."""
    program.apply_house()
    limits = {name: program.hot.get(name).copy() for name in ("charge_most", "discharge_most")}
    for name, most in limits.items():
        idle = most.copy()
        idle[list(slots)] = 0.0
        program.hot.set(name, idle)
    try:
        yield
    finally:
        for name, most in limits.items():
            program.hot.set(name, most)
