"""The command of a home now, from its plan; the inverter's own default where no plan may command."""

from datetime import datetime

from darkstar_pipeline.service.fleet.directory import NO_PLAN, PLANNED
from darkstar_pipeline.service.fleet.documents import FleetCommandDocument, State
from darkstar_pipeline.service.fleet.plan_shelf import BucketPlans
from env.time_grid import SLOT, slot_of
from planner.wording.messages import phrase
from planner.wording.values import command_words

NO_PLAN_WORDS = phrase("no verified plan reaches this moment: the inverter decides by itself")
STALE_WORDS = phrase("the plan is more than an hour old: the inverter decides by itself")


def command_now(
    site: str, most: float, found: tuple[BucketPlans, int] | None, state: State, now: datetime
) -> FleetCommandDocument:
    """Return the command of a home at a moment.

    Args:
        site: the home.
        most: what its battery can give [kW].
        found: where its plan stands; None where it never had one.
        state: of its plan at the moment.
        now: the moment.
    """
    start = slot_of(now)
    row = None if found is None else found[0].rows.row(found[1], named=True)
    command, why = (0.0, most, 0.0), "" if state == PLANNED else NO_PLAN_WORDS if state == NO_PLAN else STALE_WORDS
    if state == PLANNED and row is not None:
        slot = (start - row["valid_from"]) // SLOT
        command = row["charge_kw"][slot], row["discharge_kw"][slot], row["export_kw"][slot]
    return FleetCommandDocument(
        site=site,
        state=state,
        created_at=None if row is None else row["created_at"],
        slot_start=start,
        expires_at=start + SLOT,
        charge_kw=command[0],
        discharge_kw=command[1],
        export_kw=command[2],
        command=command_words(command, most),
        default=command[0] == 0 and command[2] == 0 and command[1] >= most,
        why=why,
    )
