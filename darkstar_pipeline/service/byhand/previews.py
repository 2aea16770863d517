"""Blocks by hand in two steps: previewed with their price beside the plan, then accepted; the same for HTTP and CLI."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.plan_blocks import block_values
from darkstar_pipeline.service.devices.stored_document import StoredDocument
from darkstar_pipeline.service.engine.overrides import (
    OVERRIDES_FILE,
    OverrideError,
    OverrideStore,
    asked_blocks,
    check_end,
    check_not_ended,
    overlap_error,
    overlapping,
)
from darkstar_pipeline.service.schemas.overrides import BlockFigures, BlockPreview, BlockRequest, Override
from darkstar_pipeline.service.schemas.plans import PlanBlock
from darkstar_pipeline.service.schemas.whatif import FiguresDocument
from darkstar_pipeline.whatif.blocks import PlannedBlock
from env.site import Site
from env.time_grid import SLOT, slot_of
from planner.byhand.commands import HandBlock
from planner.summaries.blocks import summarize
from planner.wording.messages import phrase

PREVIEWS_FILE = "block_previews.json"
VALID = timedelta(minutes=15)
MOST_PREVIEWS = 20

PlanBlockWith = Callable[[HandBlock, Sequence[HandBlock], Sequence[HandBlock]], PlannedBlock | str]
"""(block, blocks that hold already, those that hold beside it) -> the plan with and without, or why there is none."""


class PreviewGoneError(DarkstarError):
    """A preview that there is not, or not any more."""

    code = "wrong_moment"


class _Previews(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    previews: tuple[BlockPreview, ...] = Field(default=())

    def with_new(self, made: BlockPreview) -> "_Previews":
        """Return the previews with a new one, without those that are too old or too many."""
        recent = [each for each in self.previews if each.expires_at > made.at]
        return _Previews(previews=(made, *recent[: MOST_PREVIEWS - 1]))

    def without(self, preview_id: str) -> "_Previews":
        """Return the previews without one."""
        return _Previews(previews=tuple(each for each in self.previews if each.id != preview_id))


class ByHand:
    """Previews and accepts blocks by hand.

    Args:
        folder: of the service.
        overrides: where accepted blocks are kept; None for those in the folder.
    """

    def __init__(self, folder: Path, overrides: OverrideStore | None = None) -> None:
        self.overrides = OverrideStore(folder / OVERRIDES_FILE) if overrides is None else overrides
        self._previews = StoredDocument(folder / PREVIEWS_FILE, _Previews())

    def blocks(self, now: datetime) -> list[HandBlock]:
        """Return the blocks that are accepted and have not ended."""
        return asked_blocks(self.overrides.active(now))

    @property
    def problem(self) -> str:
        """The problem of the files in which blocks and previews are kept; empty for none."""
        return self.overrides.storage_problem or self._previews.problem

    def preview(self, request: BlockRequest, now: datetime, site: Site, plan: PlanBlockWith) -> BlockPreview:
        """Work out what a block would cost and do, and keep the answer for its acceptance.

        Args:
            request: the block.
            now: the moment.
            site: the home.
            plan: plans with and without it.

        Raises:
            OverrideError: its times cannot be, or the home has no such load.
            OverlapError: it overlaps others, and is not to replace them.
        """
        asked, notes = _in_slots(request, now)
        _check_device(asked, site)
        against = self.overrides.set_by_hand(now)  # before what is priced: what changes meanwhile makes it stale
        active = self.overrides.active(now)
        found = overlapping(active, asked.mode, asked.start, asked.until)
        if found and not asked.replace:
            raise overlap_error(found)
        kept = [each for each in active if each not in found]
        block = HandBlock(
            mode=asked.mode,
            start=asked.start,
            end=asked.until,
            power_kw=asked.power_kw,
            target_percent=asked.target_percent,
        )
        planned = plan(block, asked_blocks(active), asked_blocks(kept))
        if isinstance(planned, PlannedBlock):
            clamped = planned.notes
        else:
            clamped = [phrase("{problem}: the block is kept and priced later", problem=planned)]
        made = BlockPreview(
            id=secrets.token_hex(4),
            at=now,
            expires_at=now + VALID,
            block=asked,
            replaces=[each.id for each in found],
            against=against,
            currency=site.currency,
            **_priced(planned, block, site),
            notes=[*notes, *clamped],
        )
        self._previews.update(lambda kept: kept.with_new(made))
        return made

    def accept(self, preview_id: str, now: datetime) -> Override:
        """Accept a previewed block.

        Raises:
            PreviewGoneError: there is no such preview, or it is too old.
            OverrideError: the block has ended since.
            StaleError: what is set by hand has changed since.
        """
        made = next(
            (each for each in self._previews.value.previews if each.id == preview_id and each.expires_at > now), None
        )
        if made is None:
            minutes = VALID // timedelta(minutes=1)
            message = phrase(
                "there is no preview {id}, or it is older than {minutes} minutes", id=preview_id, minutes=minutes
            )
            raise PreviewGoneError(message, phrase("preview the block again"))
        asked = made.block
        check_not_ended(asked.until, now)  # in whole quarter-hours it may end a little later than asked for
        block = Override(
            id=secrets.token_hex(4),
            since=now,
            mode=asked.mode,
            start=asked.start,
            until=asked.until,
            power_kw=asked.power_kw,
            target_percent=asked.target_percent,
        )
        self.overrides.add_block(block, now, made.against, made.replaces)
        self._previews.update(lambda kept: kept.without(preview_id))
        return block


def _in_slots(request: BlockRequest, now: datetime) -> tuple[BlockRequest, list[str]]:
    """Return a block in whole quarter-hours from now on, and what was changed for that.

    Raises:
        OverrideError: it ends before it begins, has passed, or ends too far ahead.
    """
    start, until = request.start.astimezone(UTC), request.until.astimezone(UTC)
    if until <= start:
        message = phrase("until {until} is not after start {start}", until=until.isoformat(), start=start.isoformat())
        raise OverrideError(message, phrase("swap the two, or give the end's date"))
    check_end(until, now)
    notes: list[str] = []
    first, last = slot_of(start), slot_of(until)
    last = last if last == until else last + SLOT
    if (first, last) != (start, until):
        notes.append(phrase("plans are made in quarter-hours: it takes those that it touches"))
    if first < slot_of(now):
        first = slot_of(now)
        notes.append(phrase("its start has passed: it begins now"))
    return request.model_copy(update={"start": first, "until": last}), notes


def _check_device(request: BlockRequest, site: Site) -> None:
    """Refuse a block of a load that the home does not have.

    Raises:
        OverrideError: it does not have it.
    """
    devices = site.devices
    if request.mode == "heat_water" and devices.water_heater is None:
        raise OverrideError(phrase("the home has no water heater"), phrase("add devices.water_heater to darkstar.yaml"))
    if request.mode == "charge_car" and devices.vehicle is None:
        raise OverrideError(phrase("the home has no car"), phrase("add devices.vehicle to darkstar.yaml"))


def _priced(planned: PlannedBlock | str, block: HandBlock, site: Site) -> dict[str, Any]:
    """Return the figures of a preview and the plan's blocks."""
    if isinstance(planned, str):
        return {"priced": False, "cost": None, "figures": None, "plan": []}
    task, schedule = planned.changed.inputs.task, planned.changed.result.plan.schedule
    figures = BlockFigures(
        site=FiguresDocument(**asdict(planned.site.figures)),
        changed=FiguresDocument(**asdict(planned.changed.figures)),
        difference=FiguresDocument(**asdict(planned.difference)),
    )
    blocks = summarize(task, schedule).blocks
    return {
        "priced": bool(block.start < schedule["slot_start"][-1] + SLOT),
        "cost": planned.difference.cost,
        "figures": figures,
        "plan": [PlanBlock(**block_values(each, site.battery.capacity_kwh)) for each in blocks],
    }
