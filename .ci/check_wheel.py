"""Run by `.ci/run` where the built wheel is installed: everything comes from there and the definitions load."""

import importlib
import logging
import sys
import time
from pathlib import Path

logger = logging.getLogger("check_wheel")

PACKAGES = ("darkstar_pipeline", "assets", "jobs", "env", "planner")


def main() -> None:
    """Exits non-zero with the reason where a package is missing or comes from the checkout."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    home = Path(sys.argv[1]).resolve()
    for name in PACKAGES:
        place = importlib.import_module(name).__file__
        if place is None or not Path(place).resolve().is_relative_to(home):
            sys.exit(f"{name} is imported from {place}, not from the installed wheel")
    started = time.perf_counter()
    definitions = importlib.import_module("darkstar_pipeline.definitions").defs
    seconds = time.perf_counter() - started
    count = len(definitions.resolve_all_asset_keys())
    logger.info("definitions loaded from the wheel in %.1f s: %d assets", seconds, count)
    if count == 0:
        sys.exit("the definitions hold no assets")


if __name__ == "__main__":
    main()
