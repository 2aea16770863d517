"""Progress bars, on stderr and only where that is a terminal."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from darkstar_pipeline.console.call import Call

if TYPE_CHECKING:
    from rich.progress import TaskID

Progress = Callable[[int, int], None]


@contextmanager
def progress_bar(call: Call, text: str) -> Generator[Progress | None]:
    """Show a progress bar for long work.

    Args:
        call: the call of the command.
        text: name of the work.

    Yields:
        A function of (done, total); None where there is no terminal.
    """
    with progress_bars(call) as show:
        yield None if show is None else lambda done, total: show(text, done, total)


@contextmanager
def progress_bars(call: Call) -> Generator[Callable[[str, int, int], None] | None]:
    """Show a progress bar for each part of long work.

    Args:
        call: the call of the command.

    Yields:
        A function of (name of the part, done, total); None where there is no terminal.
    """
    if not call.on_terminal:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=None)
            bar.update(tasks[name], completed=done, total=total)

        yield show
