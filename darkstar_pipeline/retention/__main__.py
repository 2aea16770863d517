"""Retention in a process of its own, at the lowest priority: `python -m darkstar_pipeline.retention`.

The service and the weekly retrain start it: it imports Dagster and MLflow, and must not be in the way of a plan. It
ends with 0 also where a kind could not be cleaned, which its report says.
"""

import logging
import os
import sys
from datetime import UTC, datetime

from darkstar_pipeline.config.settings import home_dir, load_settings
from darkstar_pipeline.errors import ConfigurationError, ExitCode
from darkstar_pipeline.retention.cleaning import LOCK, clean
from darkstar_pipeline.state.file_lock import is_locked
from darkstar_pipeline.state.privacy import keep_files_private

MOST_SECONDS = 300.0
"""Time after which no further batch begins [s]; what is left goes the next day."""


def main() -> int:
    """Clean the state folder that `DARKSTAR_HOME` names, unless another process is at it."""
    os.nice(19)
    keep_files_private()
    home = home_dir()
    if is_locked(home / LOCK):
        return 0
    try:
        clean(home, load_settings(), now=datetime.now(UTC), seconds=MOST_SECONDS)
    except ConfigurationError as error:
        logging.getLogger(__name__).warning("%s (%s)", error.message, error.hint)
        return int(ExitCode.USAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
