from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from darkstar_pipeline.config.settings import config_path
from darkstar_pipeline.context import Context
from darkstar_pipeline.fetching.prices import session
from darkstar_pipeline.fetching.prices.fetch import Sources
from darkstar_pipeline.fetching.prices.rates import Rates
from tests.builders.command_line import Darkstar
from tests.builders.price_home import quick_client
from tests.builders.price_sources import CET, PriceSources, services_at
from tests.builders.source_server import Reply, SourceServer, source_server


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Generator[SourceServer]:
    """Sources of prices on loopback that have everything up to tomorrow."""
    today = datetime.now(CET).date()
    with source_server() as server, quick_client() as client:
        server.answer = PriceSources(today=today, published=today + timedelta(days=1)).answer

        @contextmanager
        def opened(context: Context) -> Generator[Sources]:
            order = context.site_settings.sources.prices.order
            every = services_at(server.url)
            rates = Rates(context.home, "SEK", client, urls=(server.url, server.url))
            yield Sources(services=[every[name] for name in order], client=client, rates=rates)

        monkeypatch.setattr(session, "price_sources", opened)
        yield server


@pytest.mark.usefixtures("home")
def test_a_new_user_gets_prices_without_a_key(darkstar: Darkstar, sources: SourceServer):
    assert darkstar("init", "--area", "SE4", "--yes").code == 0
    fetched = darkstar("fetch", "prices", "--json")
    assert fetched.code == 0, fetched.err
    document = fetched.document
    assert (document["wanted"], document["days"], document["missing"]) == (2, 2, {})
    assert {given["source"] for given in document["given"]} == {"elprisetjustnu"}
    (count,) = darkstar("query", "SELECT count(*) AS n FROM raw_spot_prices", "--json").document["rows"]
    assert count["n"] in (188, 192, 196)
    states = {row["source"]: row["outcome"] for row in darkstar("fetch", "--json").document["sources"]}
    assert states == {"elprisetjustnu": "stored", "nordpool": "unchanged"}, "the second was compared"
    assert "every price of these days is known" in darkstar("fetch", "prices").out
    later = datetime.now(CET).date() + timedelta(days=10)
    ahead = darkstar("fetch", "prices", "--from", str(later))
    assert (ahead.code, ahead.out) == (0, "")
    assert "no market has published their prices" in ahead.err
    sources.serve(Reply(status=503))
    failed = darkstar("fetch", "prices", "--from", "2025-12-01", "--to", "2025-12-02")
    assert failed.code == 5
    assert "elprisetjustnu: it has a fault of its own (503)" in failed.out
    assert "missing: 2025-12-01, 2025-12-02" in failed.out


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("area", "order"),
    [
        ("SE3", "[elprisetjustnu, nordpool, energy_charts, energi_data_service]"),
        ("NO5", "[nordpool, energy_charts]"),
        ("DK2", "[energi_data_service, nordpool, energy_charts]"),
        ("FI", "[elering, nordpool, energy_charts]"),
        ("DE", "[energy_charts, awattar, energi_data_service, nordpool]"),
        ("IT-NORD", "[energy_charts]"),
        ("ES", "[energy_charts]"),
    ],
)
def test_init_writes_the_sources_of_the_area(darkstar: Darkstar, area: str, order: str):
    assert darkstar("init", "--area", area, "--yes").code == 0
    assert f"order: {order}" in config_path().read_text()


@pytest.mark.usefixtures("home")
def test_init_says_where_no_source_is_without_a_key(darkstar: Darkstar):
    done = darkstar("init", "--area", "IE", "--yes")
    assert "ENTSO-E has prices of IE, with a free token: register at https://transparency.entsoe.eu" in done.err
    failed = darkstar("fetch", "prices")
    assert failed.code == 2
    assert "none of the sources without a key has prices of IE" in failed.err
