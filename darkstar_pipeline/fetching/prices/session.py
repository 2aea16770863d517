"""The sources of a site, opened: its services in their order, the client that asks them, the rates of exchange."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.client import open_client
from darkstar_pipeline.fetching.prices.fetch import Sources
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.fetching.prices.services.all_services import advice_on_sources, services_of
from darkstar_pipeline.fetching.prices.services.assistant import SocketAssistant
from darkstar_pipeline.fetching.readings.home_assistant import open_socket


@contextmanager
def price_sources(context: Context) -> Generator[Sources]:
    """Open the sources of a site's prices.

    Raises:
        ConfigurationError: none has its area, or the certificate authority cannot be read.
    """
    site = context.site_settings
    with ExitStack() as stack:
        client = stack.enter_context(open_client(context))

        def assistant() -> SocketAssistant | None:
            if site.home_assistant.url is None:
                return None
            return SocketAssistant(stack.enter_context(open_socket(context)), site.home_assistant.sensors.price)

        services = services_of(site, assistant)
        if not services:
            named = ", ".join(site.sources.prices.order) or "the sources without a key"
            raise ConfigurationError(f"none of {named} has prices of {site.area}", advice_on_sources(site.area))
        yield Sources(services=services, client=client, rates=Rates(context.home, site.currency, client))
