"""`python -m benchmarks NAME [--json]` and `python -m benchmarks --list`."""

import argparse
import json
import sys

from rich.console import Console

from benchmarks.harness import results as harness
from darkstar_pipeline.console.failures import describe
from darkstar_pipeline.errors import ConfigurationError, DarkstarError, ExitCode


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark, or name them; the exit codes are those of `darkstar`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what the project promises.")
    parser.add_argument("name", nargs="?", help="the benchmark to run")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--list", action="store_true", help="name the benchmarks")
    asked = parser.parse_args(arguments)
    try:
        answer = _answer(asked.name, as_list=asked.list, as_json=asked.json)
    except DarkstarError as error:
        return _complain(error, as_json=asked.json)
    sys.stdout.write(answer)
    return ExitCode.DONE


def _answer(name: str | None, *, as_list: bool, as_json: bool) -> str:
    if as_list:
        found = harness.names()
        return json.dumps(found) + "\n" if as_json else "".join(f"{each}\n" for each in found)
    if name is None:
        raise ConfigurationError("no benchmark named", f"one of: {', '.join(harness.names())}")
    rows = harness.run(name)
    if as_json:
        return json.dumps(harness.document(name, rows), allow_nan=False) + "\n"
    console = Console()
    with console.capture() as captured:
        console.print(harness.table(name, rows))
    return captured.get()


def _complain(error: DarkstarError, *, as_json: bool) -> int:
    if as_json:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps({"error": told}) + "\n")
    else:
        sys.stderr.write(f"{error.message}; {error.hint}\n" if error.hint else f"{error.message}\n")
    return describe(error).exit_code


if __name__ == "__main__":
    sys.exit(main())
