"""The access token of the service: where it comes from, and how it is compared, and how often.

What does not belong here: the sessions of browsers that have shown it (`sessions`).
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.secrets import secret
from planner.artifacts.atomic_files import make_folder

TOKEN_VARIABLE = "DARKSTAR_TOKEN"  # noqa: S105 - the name of a variable, not its value
TOKEN_FILE = "token"  # noqa: S105 - the name of a file
MIN_CHARACTERS = 16
WRONG_TOKENS_PER_MINUTE = 20


def service_token(context: Context) -> str:
    """Return the token: from the environment, the configured file, or one that is created at the first start.

    Raises:
        ConfigurationError: it is too short, or its file can be read by others.
    """
    configured = context.site_settings.service.token_file
    path = configured if configured is not None else context.home / "service" / TOKEN_FILE
    if configured is None and not path.exists() and not os.environ.get(TOKEN_VARIABLE):
        _create(path)
    return checked_token(path)


def checked_token(path: Path | None) -> str:
    """Return the token from the environment, or else from a file.

    Raises:
        ConfigurationError: it is missing or too short, or its file can be read by others.
    """
    token = secret(TOKEN_VARIABLE, path)
    if token is None or len(token) < MIN_CHARACTERS:
        raise ConfigurationError(
            f"the token of the service is missing or shorter than {MIN_CHARACTERS} characters",
            f"set {TOKEN_VARIABLE}" + ("" if path is None else f", or write one to {path} and `chmod 600` it"),
        )
    return token


def _create(path: Path) -> None:
    """Create a random token that its owner alone can read."""
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            handle.write(secrets.token_urlsafe(32) + "\n")


class AccessToken:
    """The token of the service, kept as its hash.

    Args:
        token: the token; None where its hash is given.
        digest: SHA-256 of the token, in hexadecimal, for a process that need not know the token itself.
    """

    def __init__(self, token: str | None = None, *, digest: str = "") -> None:
        self.digest = digest if token is None else _digest(token)
        self.owner = hashlib.sha256(f"darkstar session {self.digest}".encode()).hexdigest()
        """Owns the sessions; another token has another, so changing the token ends every session."""

    def matches(self, token: str) -> bool:
        """Return whether a token is the service's, compared in constant time."""
        return hmac.compare_digest(_digest(token), self.digest)


class GuessLimit:
    """A limit of wrong tokens by client."""

    def __init__(self) -> None:
        self._pace = RateLimitItemPerMinute(WRONG_TOKENS_PER_MINUTE)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def may_try(self, client: str) -> bool:
        """Return whether a client may show another wrong token, and count it."""
        return self._limiter.hit(self._pace, client)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
