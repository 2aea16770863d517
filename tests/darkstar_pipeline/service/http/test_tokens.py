"""Secrets come from the environment or from files that nobody else can read."""

from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.http.tokens import TOKEN_VARIABLE, AccessToken, service_token
from darkstar_pipeline.state.secrets import secret

NAME = "DARKSTAR_TEST_SECRET"


def test_secret_is_taken_from_the_environment_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    assert secret(NAME, None) is None
    assert secret(NAME, path) is None
    path.write_text("from the file\nsecond line\n")
    path.chmod(0o600)
    assert secret(NAME, path) == "from the file"
    monkeypatch.setenv(NAME, " from the environment ")
    assert secret(NAME, path) == "from the environment"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text("do not tell")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="can be read by others") as refused:
        secret(NAME, path)
    assert "do not tell" not in f"{refused.value} {refused.value.hint}"


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe\x00")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="is no text"):
        secret(NAME, path)
    path.write_bytes(b"")
    assert secret(NAME, path) is None


def test_token_is_made_once_and_kept_for_its_owner(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    token = service_token(context)
    path = context.home / "service" / "token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(token) >= 32
    assert service_token(context) == token
    path.write_text("short")
    with pytest.raises(ConfigurationError, match="shorter than 16") as refused:
        service_token(context)
    assert "short" not in refused.value.hint
    monkeypatch.setenv(TOKEN_VARIABLE, "a token from the environment")
    assert service_token(context) == "a token from the environment"


def test_token_matches_itself_alone_and_owns_sessions_of_its_own() -> None:
    token, other = AccessToken("one token of the tests"), AccessToken("another token of the tests")
    for each in (token, AccessToken(digest=token.digest)):
        assert each.matches("one token of the tests")
        assert not each.matches("one token of the test")
        assert not each.matches("")
        assert each.owner == token.owner
    assert token.owner not in (other.owner, token.digest)
    assert "one token" not in token.owner
