"""Requests that are made again, beyond what obstore repeats: changes that met another's, listings that broke off."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import stamina

CHANGE_ATTEMPTS = 12
"""Attempts to change an object that other writers keep changing."""
CHANGE_SECONDS = 120.0
"""Time for all of them [s]."""
LISTING_ATTEMPTS = 4
_BROKEN = "error: request or response body error"
Result = TypeVar("Result")


class ObjectChangedError(Exception):
    """Another writer changed an object between its reading and its replacement."""


def whole_listing(listing: Callable[[], Result]) -> Result:
    """Return a listing, asked for again where its answer broke off, which obstore retries for objects alone."""
    import stamina
    from obstore.exceptions import GenericError

    stamina.instrumentation.set_on_retry_hooks([])
    broken = stamina.retry(
        on=lambda error: isinstance(error, GenericError) and _BROKEN in str(error), attempts=LISTING_ATTEMPTS
    )
    return broken(listing)()


def attempts_on(changed: type[Exception]) -> Iterable["stamina.Attempt"]:
    """Return the attempts of a change that other writers may make again, with pauses that grow and differ."""
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])  # its own write to stdout, where a command's JSON goes
    return stamina.retry_context(
        on=changed, attempts=CHANGE_ATTEMPTS, timeout=CHANGE_SECONDS, wait_initial=0.02, wait_jitter=0.1, wait_max=2.0
    )
