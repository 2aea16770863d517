"""The number of a lake's buckets, kept beside its tables by the first writer: with another one homes are elsewhere.

What does not belong here: in which bucket a home is (`object_names`).
"""

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.warehouse.buckets.object_store import ObjectStore

COUNT_KEY = "buckets.txt"
_known: dict[str, int] = {}  # numbers of lakes that this process has seen; one that stands once never changes


def is_counted(store: ObjectStore, buckets: int) -> bool:
    """Return whether the lake says how many buckets it has, which a lake without a row does not.

    A process asks a lake until it knows: a worker once, not once a shard.

    Args:
        store: where the lake is.
        buckets: the number that the settings say.

    Raises:
        ConfigurationError: the lake was written with another number.
        OutsideServiceError: the store failed.
    """
    if _known.get(store.place) == buckets:
        return True
    found = store.get(COUNT_KEY)
    if found is None:
        return False
    _refuse_other(store, buckets, found.data)
    _known[store.place] = buckets
    return True


def keep_count(store: ObjectStore, buckets: int) -> None:
    """Keep the number of buckets, of which the first of several writers decides.

    Raises:
        ConfigurationError: another writer was first, with another number.
        OutsideServiceError: the store failed.
    """

    def kept(data: bytes | None) -> bytes | None:
        if data is None:
            return f"{buckets}\n".encode()
        _refuse_other(store, buckets, data)
        return None

    store.update(COUNT_KEY, kept)
    _known[store.place] = buckets


def _refuse_other(store: ObjectStore, buckets: int, data: bytes) -> None:
    written = data.decode(errors="replace").strip()
    if not (written.isascii() and written.isdigit()):
        message = f"{store.place}/{COUNT_KEY} does not hold the number of buckets that the lake was written with"
        raise ConfigurationError(message, "write that number into it")
    if written != str(buckets):
        message = f"the lake {store.place} was written with fleet.buckets {written[:20]}, and it is {buckets} now"
        hint = f"set fleet.buckets to {written[:20]}, or name a new fleet.lake and import the readings into it again"
        raise ConfigurationError(message, hint)
