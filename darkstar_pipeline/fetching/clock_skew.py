"""Two clocks that are far apart: then nobody knows which day is tomorrow, and since when a forecast is known."""

from datetime import datetime, timedelta

from darkstar_pipeline.fetching.errors import FetchError

MOST_SKEW = timedelta(hours=2)
"""Largest difference of this machine's clock and a source's."""


def refuse_skew(source: str, server_time: datetime | None, asked_at: datetime) -> None:
    """Refuse an answer where this machine's clock and the source's are far apart.

    Args:
        source: name of the source.
        server_time: the source's clock; None where it did not show it.
        asked_at: instant of the question, by this machine's clock.

    Raises:
        FetchError: they are.
    """
    if server_time is None or abs(server_time - asked_at) <= MOST_SKEW:
        return
    hours = (asked_at - server_time).total_seconds() / 3600
    reason = f"this machine's clock is {abs(hours):.1f} h {'ahead of' if hours > 0 else 'behind'} the source's"
    raise FetchError(source, "wrong", reason, "set this machine's clock (`timedatectl`)")
