"""The token of the service: where it is from, and sessions of browsers that have shown it.

Compared in constant time. A session is a cookie with its end and a keyed hash of it, so that nothing has to be kept and
whoever changes the token ends every session.
"""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.secrets import secret
from darkstar_pipeline.state.atomic_files import atomic_write

TOKEN_VARIABLE = "DARKSTAR_TOKEN"  # noqa: S105 - the name of a variable, not what is in it
TOKEN_FILE = "token"  # noqa: S105 - the name of a file
LEAST_CHARACTERS = 16
SESSION_SECONDS = 30 * 86_400


def service_token(context: Context) -> str:
    """The token: from the environment, the file that is configured, or one that is made and kept at the first start.

    Raises:
        ConfigurationError: it is too short, or its file can be read by others.
    """
    configured = context.site_settings.service.token_file
    path = configured if configured is not None else context.home / "service" / TOKEN_FILE
    if configured is None and not path.exists() and not os.environ.get(TOKEN_VARIABLE):
        _make(path)
    found = secret(TOKEN_VARIABLE, path)
    if found is None or len(found) < LEAST_CHARACTERS:
        raise ConfigurationError(
            f"the token of the service is missing or shorter than {LEAST_CHARACTERS} characters",
            f"set {TOKEN_VARIABLE}, or write one to {path} and `chmod 600` it",
        )
    return found


def _make(path: Path) -> None:
    """Draw a token and keep it for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            handle.write(secrets.token_urlsafe(32) + "\n")


class Sessions:
    """Who may ask.

    Args:
        token: of the service.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._key = hashlib.sha256(b"darkstar session " + self._token).digest()

    def knows(self, token: str) -> bool:
        """Whether it is the token."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), hashlib.sha256(self._token).digest())

    def open(self, now: float | None = None) -> str:
        """A cookie for a browser that has shown the token."""
        end = str(int((time.time() if now is None else now) + SESSION_SECONDS))
        return f"{end}.{self._sign(end)}"

    def holds(self, cookie: str, now: float | None = None) -> bool:
        """Whether a cookie is one of ours and has not ended."""
        end, _, sign = cookie.partition(".")
        if not hmac.compare_digest(self._sign(end).encode(), sign.encode()) or not end.isascii():
            return False
        return float(end) > (time.time() if now is None else now)

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
