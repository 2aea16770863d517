"""Progress bars: on stderr, on a terminal, and only there."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from darkstar_pipeline.console.call import Call

Progress = Callable[[int, int], None]


@contextmanager
def progress_bar(call: Call, text: str) -> Generator[Progress | None]:
    """A bar for long work.

    Args:
        call: how the command was called.
        text: what is being done.

    Yields:
        A function of (done, total); None where nobody watches.
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
