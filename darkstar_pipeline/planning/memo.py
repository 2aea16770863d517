"""A cache of expensive results: one result a name, until the data that it depends on changes."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

Result = TypeVar("Result")


class Memo:
    """Results by name, each with the key that it is valid for; not thread-safe."""

    def __init__(self) -> None:
        self._results: dict[str, tuple[Hashable, object]] = {}

    def get(self, name: str, key: Hashable, make: Callable[[], Result]) -> Result:
        """Return the cached result, or a new one where the key is another.

        Args:
            name: name of the result; always of the same type.
            key: value that changes whenever the result may.
            make: computes the result; its exceptions are not cached.
        """
        cached = self._results.get(name)
        if cached is not None and cached[0] == key:
            return cast("Result", cached[1])
        result = make()
        self._results[name] = (key, result)
        return result
