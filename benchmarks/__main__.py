"""`python -m benchmarks NAME [--short] [--outside] [--data measured|shipped] [--cases FILE] [--homes N] [--json]`."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.harness import registry
from benchmarks.harness.results import Scope, document, table
from benchmarks.homes.choice import Data, chosen_homes
from darkstar_pipeline.console.failures import describe
from darkstar_pipeline.errors import ConfigurationError, DarkstarError, ExitCode


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark, or name them; the exit codes are those of `darkstar`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what the project promises.")
    parser.add_argument("name", nargs="?", help="the benchmark to run")
    parser.add_argument("--list", action="store_true", help="say what each measures, how long it takes, what it needs")
    parser.add_argument("--short", action="store_true", help="a small form, at most two minutes on two cores")
    parser.add_argument("--outside", action="store_true", help="faults alone: a controlled home, attacked from outside")
    parser.add_argument("--data", type=Data, choices=list(Data), help="by default the measured homes if they are there")
    parser.add_argument("--cases", type=Path, metavar="FILE", help="arena alone: solve the cases of this file instead")
    parser.add_argument("--homes", type=int, metavar="N", help="of a fleet's benchmarks alone: number of its homes")
    parser.add_argument(
        "--charged-share", type=float, default=0.0, metavar="S", help="of the same: share of homes that pay for power"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args(arguments)
    try:
        answer = _listing(as_json=options.json) if options.list else _answer(options)
    except DarkstarError as error:
        return _complain(error, as_json=options.json)
    sys.stdout.write(answer)
    return ExitCode.DONE


def _listing(*, as_json: bool) -> str:
    return json.dumps(registry.listing()) + "\n" if as_json else _shown(registry.listing_table())


def _answer(options: argparse.Namespace) -> str:
    """Run the benchmark of the options and return its document or its table."""
    if options.name is None:
        raise ConfigurationError("no benchmark named", f"one of: {', '.join(registry.BENCHMARKS)}")
    on_homes = registry.entry_of(options.name).on_homes
    homes = chosen_homes(options.data)
    scope = Scope(
        homes,
        short=options.short,
        outside=options.outside,
        cases=options.cases,
        fleet_homes=options.homes,
        charged_share=options.charged_share,
    )
    rows = registry.run(options.name, scope)
    name = f"{options.name} --outside" if options.outside else options.name
    if options.json:
        return json.dumps(document(name, rows, scope, on_homes=on_homes), allow_nan=False) + "\n"
    return _shown(table(name, rows, scope, on_homes=on_homes))


def _shown(shown: Table) -> str:
    console = Console()
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def _complain(error: DarkstarError, *, as_json: bool) -> int:
    if as_json:
        document = {"code": error.code, "message": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps({"error": document}) + "\n")
    else:
        sys.stderr.write(f"{error.message}; {error.hint}\n" if error.hint else f"{error.message}\n")
    return describe(error).exit_code


if __name__ == "__main__":
    sys.exit(main())
