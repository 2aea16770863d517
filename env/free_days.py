"""Days of a country that count as no working days in a tariff."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import holidays

from env.errors import TariffError


def free_days(country: str, years: Sequence[int], *, eves: bool) -> list[date]:
    """Public holidays of a country, Sundays that are no holiday left out.

    Args:
        country: ISO 3166 code, such as `SE`.
        years: of the calendar.
        eves: with the days that are free by custom.

    Raises:
        TariffError: the country is unknown.
    """
    return list(_free_days(country, tuple(years), eves=eves))


@lru_cache(maxsize=64)
def _free_days(country: str, years: tuple[int, ...], *, eves: bool) -> tuple[date, ...]:
    try:
        found = holidays.country_holidays(country, years=years)
        if eves and "de_facto" in found.supported_categories:
            found = holidays.country_holidays(country, years=years, categories=("public", "de_facto"))
    except NotImplementedError as error:
        message = f"no public holidays are known for country {country!r}; use an ISO 3166 code such as SE"
        raise TariffError(message) from error
    return tuple(sorted(found))
