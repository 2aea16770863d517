"""A question that only a person can answer: what to make of sensors, with the mapping that each answer amounts to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from darkstar_pipeline.errors import DataRefusedError


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One possible answer.

    Attributes:
        label: the answer in words, with its evidence.
        mapping: what it adds to the mapping, as with `--map`.
    """

    label: str
    mapping: Mapping[str, str]

    @property
    def as_options(self) -> str:
        """Return the options of the command line that give this answer."""
        return " ".join(f"--map {sensors}={target}" for sensors, target in self.mapping.items())


class ChoiceNeededError(DataRefusedError):
    """An export can be read in more than one way; nobody but its owner knows which.

    Args:
        message: what is not known, and of which sensors.
        hint: what to do about it without being asked.
        answers: the possible answers.
        best: position of the answer that is likelier than the others; None where none is.
    """

    def __init__(self, message: str, hint: str, *, answers: Sequence[Answer], best: int | None = None) -> None:
        super().__init__(message, hint)
        self.answers = tuple(answers)
        self.best = best
