"""Questions to a person at a terminal, on stderr, which Ctrl+C ends at once."""

import signal
from typing import Any

import typer


def prompt(text: str, **options: Any) -> Any:  # noqa: ANN401 - as `typer.prompt`
    """Ask for a value; see `typer.prompt` for the options."""
    _let_interrupts_through()
    return typer.prompt(text, err=True, **options)


def confirm(text: str, *, default: bool) -> bool:
    """Ask for yes or no."""
    _let_interrupts_through()
    return typer.confirm(text, default=default, err=True)


def _let_interrupts_through() -> None:
    """Have Ctrl+C end a read: Polars' own handler restarts it, and the interrupt waited for the Enter key."""
    signal.siginterrupt(signal.SIGINT, True)  # noqa: FBT003 - takes no keyword
