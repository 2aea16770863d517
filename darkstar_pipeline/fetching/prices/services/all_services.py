"""The sources of a home in their order: those that are configured, else those of its area that need no key."""

from collections.abc import Callable

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import PriceService, Publication, Question
from darkstar_pipeline.fetching.prices.services.awattar import awattar
from darkstar_pipeline.fetching.prices.services.elering import elering
from darkstar_pipeline.fetching.prices.services.elprisetjustnu import elprisetjustnu
from darkstar_pipeline.fetching.prices.services.energi_data_service import energi_data_service
from darkstar_pipeline.fetching.prices.services.energy_charts import energy_charts
from darkstar_pipeline.fetching.prices.services.entsoe import TOKEN_VARIABLE as ENTSOE_VARIABLE
from darkstar_pipeline.fetching.prices.services.entsoe import Entsoe
from darkstar_pipeline.fetching.prices.services.home_assistant import HomeAssistantPrices, PriceAssistant
from darkstar_pipeline.fetching.prices.services.nordpool import nordpool
from darkstar_pipeline.fetching.prices.services.octopus import octopus
from darkstar_pipeline.fetching.prices.services.tibber import TOKEN_VARIABLE as TIBBER_VARIABLE
from darkstar_pipeline.fetching.prices.services.tibber import tibber
from darkstar_pipeline.state.secrets import secret

_WITHOUT_KEY: tuple[Callable[[], PriceService], ...] = (
    elprisetjustnu, energi_data_service, elering, nordpool, energy_charts, awattar,
)  # fmt: skip
_ONLY_FOR = {"energi_data_service": ("DK",), "nordpool": ("SE", "NO", "DK", "FI", "EE", "LV", "LT")}
"""Countries whose first sources these are; elsewhere they come last, since they have no more than others there."""


def default_order(area: str) -> tuple[PriceSource, ...]:
    """Return the sources of an area that need no key, in the order in which they are asked.

    First those in the area's own currency, then the market, then the others.

    >>> default_order("SE2"), default_order("FI"), default_order("PT")
    (('elprisetjustnu', 'nordpool', 'energy_charts'), ('elering', 'nordpool', 'energy_charts'), ('energy_charts',))
    """
    names: list[PriceSource] = [service.name for make in _WITHOUT_KEY if (service := make()).serves(area)]
    country = area.strip().upper()[:2]
    last: list[PriceSource] = [name for name in names if country not in _ONLY_FOR.get(name, (country,))]
    first: list[PriceSource] = [name for name in names if name not in last]
    return (*first, *last)


def advice_on_sources(area: str) -> str:
    """Return which sources an area has, and what key is needed where it has none without.

    >>> advice_on_sources("IS")
    'no source has prices of IS: import files with `darkstar import prices`, or name a sensor of Home Assistant \
(home_assistant.sensors.price) and home_assistant in sources.prices.order'
    """
    if free := default_order(area):
        return f"name {', '.join(free)} in sources.prices.order: they have prices of {area} without a key"
    if Entsoe(None).serves(area):
        return (
            f"ENTSO-E has prices of {area}, with a free token: register at https://transparency.entsoe.eu, write to "
            "transparency@entsoe.eu for RESTful API access, make the token under My Account, put it into a file of "
            f"your own (sources.prices.entsoe_token_file) or {ENTSOE_VARIABLE}, and name entsoe in sources.prices.order"
        )
    return (
        f"no source has prices of {area}: import files with `darkstar import prices`, or name a sensor of "
        "Home Assistant (home_assistant.sensors.price) and home_assistant in sources.prices.order"
    )


class UnusableService:
    """A source whose settings cannot be used: it says so when it is asked, and the next source is.

    Args:
        name: its name.
        error: why it cannot be used.
    """

    longest_days = 366

    def __init__(self, name: PriceSource, error: ConfigurationError) -> None:
        self.name: PriceSource = name
        self._error = error

    def serves(self, area: str) -> bool:  # noqa: ARG002 - it serves none, and says so
        """Return that it is to be asked."""
        return True

    def ask(self, question: Question, client: SourceClient) -> Publication:  # noqa: ARG002 - nothing is asked
        """Refuse.

        Raises:
            FetchError: always.
        """
        raise FetchError(self.name, "refused", self._error.message, self._error.hint)


def services_of(
    site: SiteSettings, assistant: Callable[[], PriceAssistant | None] = lambda: None
) -> list[PriceService]:
    """Return the sources of a home that have its area, in their order.

    Args:
        site: its settings.
        assistant: returns what speaks with its Home Assistant; None where there is none.
    """
    settings = site.sources.prices
    names = settings.order or default_order(site.area)
    makers: dict[PriceSource, Callable[[], PriceService]] = {
        "nordpool": nordpool,
        "elprisetjustnu": elprisetjustnu,
        "energy_charts": energy_charts,
        "elering": elering,
        "energi_data_service": energi_data_service,
        "awattar": awattar,
        "octopus": lambda: octopus(settings.octopus_tariff),
        "entsoe": lambda: Entsoe(secret(ENTSOE_VARIABLE, settings.entsoe_token_file)),
        "tibber": lambda: tibber(secret(TIBBER_VARIABLE, settings.tibber_token_file)),
        "home_assistant": lambda: HomeAssistantPrices(assistant()),
    }
    return [service for name in names if (service := _made(name, makers[name])).serves(site.area)]


def _made(name: PriceSource, make: Callable[[], PriceService]) -> PriceService:
    """Return a source; one that says why where its token file cannot be read, or others can read it."""
    try:
        return make()
    except ConfigurationError as error:
        return UnusableService(name, error)
