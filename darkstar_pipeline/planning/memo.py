"""Remembers what is dear to work out and seldom changes, one answer a name, until what it rests on changes."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

Answer = TypeVar("Answer")


class Memo:
    """Answers by name, each with the key that it holds for; for one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Hashable, object]] = {}

    def get(self, name: str, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The remembered answer, or a new one where the key is another.

        Args:
            name: of the question; always answered by the same type.
            key: changes whenever the answer might.
            make: works the answer out; what it raises is not remembered.
        """
        found = self._known.get(name)
        if found is not None and found[0] == key:
            return cast("Answer", found[1])
        made = make()
        self._known[name] = (key, made)
        return made
