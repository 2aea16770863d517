"""Secrets: from the environment, or from a file that nobody but its owner can read; never in a log or a message."""

import logging
import os
import stat
from pathlib import Path

from darkstar_pipeline.errors import REDACTED, ConfigurationError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
LEAST_HIDDEN = 4
"""Shorter ones are no secret, and taking every `a` out of a log leaves none."""
_known: set[str] = set()
_log = logging.getLogger(__name__)


def without_secrets(text: str) -> str:
    """Return a text without any secret that was read in this process."""
    for known in _known:
        text = text.replace(known, REDACTED)
    return text


def _remembered(found: str | None) -> str | None:
    """The secret, known from now on."""
    if found is not None and len(found) >= LEAST_HIDDEN:
        _known.add(found)
    return found


def secret(variable: str, path: Path | None, *, others_may_read: bool = False) -> str | None:
    """A secret; the environment goes before the file.

    Args:
        variable: name of the environment variable.
        path: file whose first line is the secret; None for no file.
        others_may_read: whether a file that others can read is taken all the same; logged as a warning.

    Returns:
        The secret without white space around it; None where there is neither.

    Raises:
        ConfigurationError: the file cannot be read, or others can read it.
    """
    value = os.environ.get(variable, "").strip()
    if value:
        return _remembered(value)
    if path is None:
        return None
    chosen = path.expanduser()
    try:
        mode = chosen.stat().st_mode
        if mode & OTHERS and others_may_read:
            _log.warning("%s can be read by others: chmod 600 %s", chosen, chosen)
        elif mode & OTHERS:
            raise ConfigurationError(f"{chosen} can be read by others", f"chmod 600 {chosen}")
        lines = chosen.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{chosen} cannot be read: {reason}", f"fix it, or set {variable}") from error
    return _remembered(lines[0].strip() or None if lines else None)
