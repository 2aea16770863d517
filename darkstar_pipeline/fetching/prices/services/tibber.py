"""Tibber: the price before taxes of today and tomorrow, of the first home of a token's account.

https://developer.tibber.com/docs/reference
"""

from collections.abc import Mapping
from typing import Any, cast

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import PriceService, Question
from darkstar_pipeline.fetching.prices.services.json_service import JsonService, named

URL = "https://api.tibber.com"
TOKEN_VARIABLE = "DARKSTAR_TIBBER_TOKEN"  # noqa: S105 - the name of a variable, not its value
AREAS = ("SE1", "SE2", "SE3", "SE4", "NO1", "NO2", "NO3", "NO4", "NO5", "DE-LU", "NL")
_PRICES = "{ energy startsAt currency }"
_QUERY = (
    "{ viewer { homes { currentSubscription { priceInfo(resolution: QUARTER_HOURLY) "
    f"{{ today {_PRICES} tomorrow {_PRICES} }} }} }} }} }}"
)


def tibber(token: str | None, url: str = URL) -> PriceService:
    """Return the source.

    Args:
        token: of a person's account; None where none is set.
        url: its address.
    """

    def request(_question: Question, _area: str) -> Request:
        if token is None:
            remedy = f"put the token into {TOKEN_VARIABLE}, or a file into sources.prices.tibber_token_file"
            raise FetchError("tibber", "refused", "no token is set", remedy)
        headers = {"authorization": f"Bearer {token}"}
        return Request(source="tibber", url=f"{url}/v1-beta/gql", headers=headers, body={"query": _QUERY}, secret=True)

    return JsonService(name="tibber", longest_days=2, areas=AREAS, request=request, error=_error)


def _error(document: object) -> str:
    """Return why an answer of GraphQL has no prices."""
    errors = named(document, "errors")
    if not isinstance(errors, list) or not errors:
        return ""
    first: Any = cast("list[Any]", errors)[0]
    text = cast("Mapping[str, Any]", first).get("message") if isinstance(first, Mapping) else None
    return f"it says: {str(text)[:120]}" if text else "it refuses the request"
