"""Tokens of tenants: made by a person, shown once, kept as hashes, and revoked by their id.

The file's name ends in `.secret`, so that backups leave it out: one that is restored lets nobody in whose token was
revoked since. What does not belong here: requests (`admission`).
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes_file import FLEET_FOLDER
from darkstar_pipeline.state.atomic_files import FileIdentity, atomic_write, file_identity
from darkstar_pipeline.state.file_lock import hold_lock
from planner.artifacts.atomic_files import make_folder

Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
TOKENS_FILE = "tokens.secret"
_PREFIX = "dsf"
_ID_BYTES, _NOBODY, _SECRET = 6, "0" * 64, ".secret"


@dataclass(frozen=True, kw_only=True)
class TenantToken:
    """A token as the service keeps it.

    Attributes:
        id: tells it from others; no secret.
        tenant: whose homes it opens; None for the operator's, which opens all.
        scopes: what it may do.
        digest: SHA-256 of the token, in hexadecimal.
        created_at: when it was made.
    """

    id: str
    tenant: str | None
    scopes: tuple[Scope, ...]
    digest: str
    created_at: datetime

    @property
    def owner(self) -> str:
        """Return what owns the sessions that it has opened; they end with it."""
        return hashlib.sha256(f"darkstar fleet session {self.digest}".encode()).hexdigest()


class TenantTokens:
    """The tokens of a fleet.

    Args:
        home: the state folder.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / FLEET_FOLDER / TOKENS_FILE
        self.sessions = home / FLEET_FOLDER / "sessions"
        """Folder of the sessions that tokens have opened."""
        self._identity: FileIdentity | None = None
        self._tokens: dict[str, TenantToken] = {}

    def create(self, tenant: str | None, scopes: Sequence[Scope]) -> tuple[TenantToken, str]:
        """Return a new token as it is kept, and the secret itself, which is nowhere to be found afterwards.

        Args:
            tenant: whose homes it opens; None opens all.
            scopes: what it may do.
        """
        identity = secrets.token_hex(_ID_BYTES)
        secret = f"{_PREFIX}_{identity}_{secrets.token_urlsafe(32)}"
        kept = TenantToken(
            id=identity, tenant=tenant, scopes=tuple(scopes), digest=_digest(secret), created_at=datetime.now(UTC)
        )
        self._change(lambda tokens: tokens.__setitem__(identity, kept))
        return kept, secret

    def all(self) -> list[TenantToken]:
        """Return the tokens in the order of their making."""
        return sorted(self._read().values(), key=lambda token: (token.created_at, token.id))

    def revoke(self, identity: str) -> bool:
        """Revoke a token and remove its sessions; return whether there was one of that id."""
        found = False

        def remove(tokens: dict[str, TenantToken]) -> None:
            nonlocal found
            found = tokens.pop(identity, None) is not None

        self._change(remove)
        return found

    def of_secret(self, secret: str) -> TenantToken | None:
        """Return the token that somebody shows; None where it is no token, compared in constant time."""
        parts = secret.split("_", 2)
        kept = self._read().get(parts[1]) if len(parts) > 1 else None
        same = hmac.compare_digest(_digest(secret), _NOBODY if kept is None else kept.digest)
        return kept if same else None

    def find(self, identity: str) -> TenantToken | None:
        """Return the token of an id; None where there is none any more."""
        return self._read().get(identity)

    def _read(self) -> dict[str, TenantToken]:
        """Return the tokens; the file is read where it has changed."""
        identity = file_identity(self._path)
        if identity != self._identity:
            self._tokens, self._identity = _parsed(self._path), identity
        return self._tokens

    def _change(self, change: Callable[[dict[str, TenantToken]], None]) -> None:
        make_folder(self._path.parent)
        with hold_lock(self._path.with_name(f".{self._path.name}.lock")):
            tokens = dict(self._read())
            change(tokens)
            with atomic_write(self._path) as temporary:
                temporary.touch(mode=0o600)
                rows = [_document(token) for token in tokens.values()]
                temporary.write_text(json.dumps({"tokens": rows}, indent=1), encoding="utf-8")
            self._forget_sessions(tokens)

    def sessions_file(self, token: TenantToken) -> Path:
        """Return the file of the sessions that a token has opened."""
        return self.sessions / f"{token.id}{_SECRET}"

    def _forget_sessions(self, tokens: Mapping[str, TenantToken]) -> None:
        """Remove the sessions of tokens that are gone, also one that a log-in wrote while its token was revoked."""
        for file in self.sessions.glob(f"*{_SECRET}*"):
            if file.name.removeprefix(".").partition(".")[0] not in tokens:
                file.unlink(missing_ok=True)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _document(token: TenantToken) -> dict[str, Any]:
    return {**vars(token), "scopes": list(token.scopes), "created_at": token.created_at.isoformat()}


def _parsed(path: Path) -> dict[str, TenantToken]:
    """Return the tokens of a file; none where there is no file.

    Raises:
        ConfigurationError: it cannot be read; nobody is let in by half of it.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["tokens"]
        return {
            row["id"]: TenantToken(
                id=row["id"],
                tenant=row["tenant"],
                scopes=tuple(scope for scope in SCOPES if scope in row["scopes"]),
                digest=row["digest"],
                created_at=datetime.fromisoformat(row["created_at"]),
            )
            for row in rows
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the tokens of the fleet cannot be read: {path}: {error}"
        raise ConfigurationError(message, "remove the file and create the tokens again") from error
