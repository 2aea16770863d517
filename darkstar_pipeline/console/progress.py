"""Progress bars, on stderr and only where that is a terminal."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from darkstar_pipeline.console.call import Call

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
    if not call.on_terminal:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
