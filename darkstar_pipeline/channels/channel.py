"""A message and the interface of the ways to a person: one that is handed over, or fails."""

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["broken", "mended", "trial"]
SECONDS = 10.0
"""Longest wait for an answer [s]: Dagster ends a look that takes a minute."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message.

    Attributes:
        site: name of the home.
        cause: name of what is broken or mended.
        state: whether it is so, or only tried.
        title: one line.
        text: sentences.
    """

    site: str
    cause: str
    state: State
    title: str
    text: str


class Channel(Protocol):
    """A way to a person."""

    @property
    def name(self) -> str:
        """Its name, in the ledger and for people."""
        ...

    def tell(self, message: Message) -> None:
        """Hand a message over.

        Raises:
            DarkstarError: it was not taken; the text holds no secret.
        """
        ...

    def examine(self) -> str:
        """Return in words what can be known of it without sending anything.

        Raises:
            DarkstarError: it would not take a message; the text holds no secret.
        """
        ...
