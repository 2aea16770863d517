"""Units of prices, as people and services write them."""

import pytest

from darkstar_pipeline.sources.price_lists.units import price_unit, unit_of_name


@pytest.mark.parametrize(
    ("text", "currencies", "divisor"),
    [
        ("SEK/kWh", ("SEK",), 1),
        ("öre/kWh", ("SEK",), 100),
        ("øre/kWh", ("NOK", "DKK"), 100),
        ("kr/kWh", ("SEK", "NOK", "DKK", "ISK"), 1),
        ("€/MWh", ("EUR",), 1000),
        ("EUR/MWh", ("EUR",), 1000),
        ("Eur/MWh", ("EUR",), 1000),
        ("EUR / megawatthour", ("EUR",), 1000),
        ("c/kWh", (), 100),
        ("ct/kWh", (), 100),
        ("cents/kWh", (), 100),
        ("EUR cent/kWh", ("EUR",), 100),
        ("c€/kWh", ("EUR",), 100),
        ("snt/kWh", ("EUR",), 100),
        ("p/kWh", ("GBP",), 100),
        ("GBP/kWh", ("GBP",), 1),
        ("£/MWh", ("GBP",), 1000),
        ("Ft/kWh", ("HUF",), 1),
        ("zł/MWh", ("PLN",), 1000),
        ("ct per kWh", (), 100),
        ("SEK/Wh", ("SEK",), 0.001),
    ],
)
def test_unit_of_a_price_is_understood(text: str, currencies: tuple[str, ...], divisor: float):
    unit = price_unit(text)
    assert unit is not None
    assert (unit.currencies, unit.divisor, unit.energy) == (currencies, divisor, True)


@pytest.mark.parametrize("text", ["kWh", "W", "%", "g CO2/kWh", "SEK/km", "bananas/kWh", "SEK/kWh/h", ""])
def test_what_is_no_unit_of_a_price_is_none(text: str):
    assert price_unit(text) is None


def test_money_without_energy_leaves_the_energy_open():
    unit = price_unit("SEK")
    assert unit is not None
    assert (unit.currencies, unit.energy) == (("SEK",), False)


@pytest.mark.parametrize(
    ("name", "divisor"),
    [
        ("SEK_per_kWh", 1),
        ("EUR_per_kWh", 1),
        ("SpotPriceDKK", 1000),
        ("DayAheadPriceEUR", 1000),
        ("Day-ahead Price (EUR/MWh)", 1000),
        ("Day-ahead Price [EUR/MWh]", 1000),
        ("price_per_kwh", 1),
        ("price_ct_per_kwh", 100),
        ("price_eur_per_mwh", 1000),
        ("ore_per_kwh", 100),
        ("sek_mwh", 1000),
    ],
)
def test_name_of_a_column_states_its_unit(name: str, divisor: float):
    unit = unit_of_name(name)
    assert unit is not None
    assert unit.divisor == divisor


@pytest.mark.parametrize(
    "name", ["price", "load_kwh", "p_kwh", "import_kwh", "solar_wh_cum", "EXR", "SpotPriceXX", "per_kwh_load"]
)
def test_name_without_a_unit_of_price_states_none(name: str):
    assert unit_of_name(name) is None
