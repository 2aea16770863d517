"""An entry of the table of benchmarks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OutsideForm:
    """The form `--outside` of a benchmark.

    Attributes:
        measures: what its figures say, in a line.
        short_seconds: wall time of its short form on two cores without other work, rounded up [s].
        seconds: the same of its whole form [s].
        needs: what both need besides the project's own environment.
    """

    measures: str
    short_seconds: int
    seconds: int
    needs: str


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark that can be run by name.

    Attributes:
        module: module with `run(scope: Scope) -> list[Row]`.
        measures: what its figures say, in a line.
        short_seconds: wall time of the short form on two cores without other work, rounded up [s].
        seconds: the same of the whole form on the measured homes [s].
        needs: what the whole form needs besides the project's own environment; empty for nothing.
        short_needs: the same for the short form.
        on_homes: whether it runs on homes; the others draw what they run on from seeds.
        takes_cases: whether `--cases FILE` gives it other cases than its own.
        outside: its form `--outside`; None where it has none.
    """

    module: str
    measures: str
    short_seconds: int
    seconds: int
    needs: str = ""
    short_needs: str = ""
    on_homes: bool = True
    takes_cases: bool = False
    outside: OutsideForm | None = None
