"""A rich console that prints messages in the language that is spoken."""

from typing import Any

from rich.console import Console

from planner.wording.messages import translated


class TranslatingConsole(Console):
    """The console of answers."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - of the library
        """Print what `Console` prints, messages in the language that is spoken."""
        super().print(*(translated(each) if isinstance(each, str) else each for each in objects), **options)
