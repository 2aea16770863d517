"""Secrets: from the environment, or from a file that nobody but its owner can read; never in a log or a message."""

import os
import stat
from pathlib import Path

from darkstar_pipeline.errors import ConfigurationError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def secret(variable: str, path: Path | None) -> str | None:
    """A secret; the environment goes before the file.

    Args:
        variable: of the environment.
        path: of a file whose first line it is; None for no file.

    Returns:
        The secret without white space around it; None where there is neither.

    Raises:
        ConfigurationError: the file cannot be read, or others can read it.
    """
    told = os.environ.get(variable, "").strip()
    if told:
        return told
    if path is None:
        return None
    chosen = path.expanduser()
    try:
        mode = chosen.stat().st_mode
        if mode & OTHERS:
            raise ConfigurationError(f"{chosen} can be read by others", f"chmod 600 {chosen}")
        lines = chosen.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{chosen} cannot be read: {reason}", f"mend it, or set {variable}") from error
    return lines[0].strip() or None if lines else None
