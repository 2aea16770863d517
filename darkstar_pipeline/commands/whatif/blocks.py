"""Blocks by hand of a what-if: `charge 17:00 19:00 2`, as `darkstar byhand add` would be given it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.failures import UsageError

if TYPE_CHECKING:
    from planner.byhand.commands import HandBlock

ByHandOption = Annotated[
    list[str] | None,
    typer.Option("--by-hand", metavar="BLOCK", help='A block, such as "charge 17:00 19:00 2"; may be repeated.'),
]


def blocks_of(texts: Sequence[str] | None, at: datetime, timezone: str) -> "list[HandBlock]":
    """Return the blocks that options name.

    Args:
        texts: each `MODE FROM TO [KW]`.
        at: the moment that is planned at.
        timezone: of times without an offset.

    Raises:
        UsageError: one is written otherwise.
    """
    return [_block(text, at, timezone) for text in texts or ()]


def _block(text: str, at: datetime, timezone: str) -> "HandBlock":
    from pydantic import ValidationError

    from darkstar_pipeline.commands.household.moments import parse_span
    from darkstar_pipeline.service.schemas.overrides import BlockRequest
    from planner.byhand.commands import HandBlock

    words = text.split()
    if len(words) not in (3, 4):
        raise _wrong(text)
    start, until = parse_span(words[1], words[2], at, timezone)
    try:
        power = float(words[3]) if words[3:] else None
        asked = {"mode": words[0], "start": start, "until": until, "power_kw": power}
        request = BlockRequest.model_validate(asked)
    except (ValidationError, ValueError) as error:
        raise _wrong(text) from error
    return HandBlock(mode=request.mode, start=start, end=until, power_kw=request.power_kw)


def _wrong(text: str) -> UsageError:
    message = f"--by-hand: {text!r} is no block (expected MODE FROM TO [KW])"
    return UsageError(message, 'for example: --by-hand "charge 17:00 19:00 2"')
