"""Has the site's prices fetched where the service runs alone; beside Dagster's sensor it finds nothing to do.

Both go by one log and one rule (`fetching.prices.due`). Nothing here holds up planning: a source that fails is asked
again later, and the old prices stay.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.fetching.prices.due import MOST_AGAIN, due_fetch
from darkstar_pipeline.fetching.prices.fetch import Sources, fetch_prices
from darkstar_pipeline.fetching.prices.polling import OVERDUE, publication
from darkstar_pipeline.fetching.prices.session import price_sources
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component

FIRST_SECONDS = 20.0
"""Wait after the start: Dagster's sensor, where there is one, goes first [s]."""
LOOK_SECONDS = 120.0


class PriceFeed:
    """Fetches prices once the market has published them.

    Args:
        context: the site.
        clock: the service's clock.
        opened: opens the sources of a site.
    """

    def __init__(
        self,
        context: Context,
        clock: Clock,
        *,
        opened: Callable[[Context], AbstractContextManager[Sources]] = price_sources,
    ) -> None:
        self._context, self._clock, self._opened = context, clock, opened
        self._periodic = PeriodicCheck(self.check, name="price feed", first_seconds=FIRST_SECONDS, seconds=LOOK_SECONDS)
        self._problem = ""

    def start(self) -> None:
        """Start looking, in a thread of its own."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop looking; a fetch that is under way is left behind: it can be killed at any moment."""
        self._periodic.stop(timeout=1)

    def check(self) -> None:
        """Fetch what is due."""
        now = self._clock.now()
        try:
            due = due_fetch(self._context, now)
            if due is None:
                return
            again = (due.last - due.first).days < MOST_AGAIN
            with self._opened(self._context) as sources:
                report = fetch_prices(self._context, due.first, due.last, sources=sources, now=now, again=again)
        except DarkstarError as error:
            self._problem = f"{error.message}; {error.hint}" if error.hint else error.message
            return
        order = self._context.site_settings.sources.prices.order
        overdue = any(now > publication(day, order) + OVERDUE for day in report.missing)
        self._problem = "; ".join(report.failures.values()) if overdue else ""

    def status(self) -> Component:
        """Return the state as a component of the service."""
        if self._problem:
            return Component(name="price_sources", ok=False, note=self._problem)
        return Component(name="price_sources", ok=True, note="prices are fetched once the market has published them")
