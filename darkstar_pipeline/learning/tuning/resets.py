"""Resets of what was learned of a site, by a person: to the configured values, or to those of an earlier day."""

from datetime import date, datetime
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.learned_values import LearnedHistory
from planner.wording.messages import phrase

BY_HAND = phrase("asked for by hand")


def reset_learning(context: Context, now: datetime, day: date | None = None) -> list[dict[str, Any]]:
    """Return what was learned to the configured values, or to those at the end of an earlier local day.

    Readings and history stay: the reset is added to the history. It is done as a whole or not at all.

    Args:
        context: the site.
        now: the present instant.
        day: an earlier local day; None for the configured values.

    Returns:
        The rows of `learned_values` that were added; none where nothing had to change.
    """
    history = LearnedHistory(context.lake, context.site)
    if day is None:
        return history.reset(now, BY_HAND).to_dicts()
    return history.undo(day, now, phrase("asked for by hand: back to {day}", day=str(day))).to_dicts()
