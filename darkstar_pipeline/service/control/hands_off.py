"""Says when others have the battery: by the time of day, or by an entity of Home Assistant."""

from collections.abc import Callable
from datetime import datetime, timedelta

from darkstar_pipeline.config.household.live_caps import HandsOffSettings, HandsOffWindow
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.home_assistant.entity_values import UNREADABLE, State
from env.time_grid import SLOT, slot_of, zone

DAY = timedelta(days=1)


class HandsOff:
    """Looks whether others have the battery.

    Args:
        settings: when they do.
        timezone: of the home.

    Attributes:
        problem: why the entity does not say it; empty where it does.
    """

    def __init__(self, settings: HandsOffSettings, timezone: str) -> None:
        self._settings, self._timezone = settings, timezone
        self._on = settings.entity is not None
        self.problem = ""

    def until(self, now: datetime) -> datetime | None:
        """Return until when others have the battery; the end of the slot where an entity says so; None: they do not."""
        ends = self._ends(now)
        ends += [slot_of(now) + SLOT] if self._on else []
        return max(ends, default=None)

    def is_planned(self, moment: datetime) -> bool:
        """Return whether a window contains a moment, ahead too."""
        return bool(self._ends(moment))

    def _ends(self, moment: datetime) -> list[datetime]:
        ends = (_end(each, moment, self._timezone) for each in self._settings.windows)
        return [end for end in ends if end is not None]

    def look(self, read: Callable[[str], State | None]) -> None:
        """Read the entity, where there is one; while it has no value, the last one holds; at first, that they do."""
        entity = self._settings.entity
        if entity is None:
            return
        try:
            state = read(entity)
        except HomeAssistantError:
            return
        text = "" if state is None else str(state.get("state", "")).lower()
        if text in UNREADABLE:
            held = "others have" if self._on else "Darkstar has"
            self.problem = f"{entity}, which says when others have the battery, has no value: {held} it until it does"
        else:
            self._on, self.problem = text == "on", ""


def _end(window: HandsOffWindow, now: datetime, timezone: str) -> datetime | None:
    """Return the end of a window that contains a moment; None where it does not."""
    local = now.astimezone(zone(timezone))
    for day in (local.date(), local.date() - DAY):
        if window.weekdays and day.isoweekday() not in window.weekdays:
            continue
        begin = datetime.combine(day, window.start, zone(timezone))
        last = day if window.end > window.start else day + DAY
        end = datetime.combine(last, window.end, zone(timezone))
        if begin.timestamp() <= now.timestamp() < end.timestamp():
            return end.astimezone(now.tzinfo)
    return None
