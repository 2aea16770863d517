"""The access token of the service: where it comes from, and how it is compared.

What does not belong here: the sessions of browsers that have shown it (`sessions`).
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.secrets import secret
from darkstar_pipeline.state.atomic_files import atomic_write

TOKEN_VARIABLE = "DARKSTAR_TOKEN"  # noqa: S105 - the name of a variable, not its value
TOKEN_FILE = "token"  # noqa: S105 - the name of a file
MIN_CHARACTERS = 16


def service_token(context: Context) -> str:
    """Return the token: from the environment, the configured file, or one that is created at the first start.

    Raises:
        ConfigurationError: it is too short, or its file can be read by others.
    """
    configured = context.site_settings.service.token_file
    path = configured if configured is not None else context.home / "service" / TOKEN_FILE
    if configured is None and not path.exists() and not os.environ.get(TOKEN_VARIABLE):
        _create(path)
    token = secret(TOKEN_VARIABLE, path)
    if token is None or len(token) < MIN_CHARACTERS:
        raise ConfigurationError(
            f"the token of the service is missing or shorter than {MIN_CHARACTERS} characters",
            f"set {TOKEN_VARIABLE}, or write one to {path} and `chmod 600` it",
        )
    return token


def _create(path: Path) -> None:
    """Create a random token that its owner alone can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            handle.write(secrets.token_urlsafe(32) + "\n")


class AccessToken:
    """The token of the service, and the key of the sessions of those who have shown it.

    Args:
        token: the token.
    """

    def __init__(self, token: str) -> None:
        self._hash = hashlib.sha256(token.encode()).digest()
        self.session_key = hashlib.sha256(b"darkstar session " + token.encode()).hexdigest()
        """Signs session cookies; another token has another key, so changing the token ends every session."""

    def matches(self, token: str) -> bool:
        """Return whether a token is the service's, compared in constant time."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._hash)
