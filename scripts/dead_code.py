"""Fails where a function, method or class is used by nothing but tests, and names it (`make lint`).

Vulture also guesses at variables and attributes; fields of settings and answers are used by their readers outside, so
only definitions count here. Ruff finds unused imports.
"""

import sys
from pathlib import Path

from vulture.core import Vulture

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("env", "planner", "darkstar_pipeline", "assets", "jobs", "benchmarks", "scripts")
KINDS = ("function", "class", "method", "property", "unreachable_code")
DECORATORS = [
    "@*.get",
    "@*.post",
    "@*.put",
    "@*.delete",
    "@model_validator*",
    "@field_validator*",
    "@command*",
    "@dg.*",
]
CALLED_FROM_OUTSIDE = {
    "AntaresMPCEnv": "a public environment, registered by its name",
    "mpc_planners": "makes that environment's planners",
    "row_scenarios": "the same",
    "sample_weeks": "used by the notebooks",
    "load_errors": "a feature, looked up by name",
    "from_config_value": "Dagster's interface",
    "rolling_bills": "docs/power_tariffs.md gives it to people",
    "handle_output": "Dagster's interface",
    "load_input": "Dagster's interface",
    "store_event_batch": "Dagster's interface",
    "QuotedRayRunLauncher": "named in the dagster.yaml of a fleet on Ray",
    "handle_exit": "uvicorn's interface",
    "data_received": "asyncio's interface",
    "handle_starttag": "html.parser's interface",
    "handle_endtag": "html.parser's interface",
    "handle_data": "html.parser's interface",
    "process_redirect": "websockets' interface",
    "step_async": "Stable-Baselines3's interface",
    "step_wait": "Stable-Baselines3's interface",
    "get_attr": "Stable-Baselines3's interface",
    "set_attr": "Stable-Baselines3's interface",
    "env_method": "Stable-Baselines3's interface",
    "env_is_wrapped": "Stable-Baselines3's interface",
    "__getattr__": "Python's own protocol",
    "__call__": "Python's own protocol",
}
"""Names that no source calls, with who does."""


def dead_definitions(root: Path, sources: tuple[str, ...] = SOURCES) -> list[str]:
    """Return a line `path:line: kind name` for every definition that no source uses."""
    vulture = Vulture(ignore_names=list(CALLED_FROM_OUTSIDE), ignore_decorators=DECORATORS)
    vulture.scavenge([str(root / name) for name in sources])
    return [
        f"{Path(item.filename).relative_to(root)}:{item.first_lineno}: {item.typ} {item.name}"
        for item in vulture.get_unused_code(min_confidence=60)
        if item.typ in KINDS
    ]


def main() -> int:
    """Print what is dead; the exit code is 1 where anything is."""
    lines = dead_definitions(ROOT)
    sys.stdout.write("".join(f"{line} is used by nothing but tests: delete it\n" for line in lines))
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
