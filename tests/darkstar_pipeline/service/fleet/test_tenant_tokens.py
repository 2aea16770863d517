"""Tokens are kept as hashes, in a file of their owner's alone."""

from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.fleet.tenant_tokens import TOKENS_FILE, TenantTokens


def test_the_file_holds_no_secret_and_nobody_else_reads_it(tmp_path: Path) -> None:
    kept, secret = TenantTokens(tmp_path).create("a", ("read",))
    file = tmp_path / "fleet" / TOKENS_FILE
    assert secret not in file.read_text()
    assert secret.rpartition("_")[2] not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert TenantTokens(tmp_path).of_secret(secret) == kept


@pytest.mark.parametrize("wrong", ["", "dsf", "dsf_", "x_{id}_y", "{secret}x", "dsf_{id}_", "dsf_{id}"])
def test_what_is_no_token_opens_nothing(tmp_path: Path, wrong: str) -> None:
    tokens = TenantTokens(tmp_path)
    kept, secret = tokens.create("a", ("read",))
    assert tokens.of_secret(wrong.format(id=kept.id, secret=secret)) is None


def test_a_revoked_token_is_gone_for_every_process(tmp_path: Path) -> None:
    ours, theirs = TenantTokens(tmp_path), TenantTokens(tmp_path)
    (first, secret), (second, _) = ours.create("a", ("read",)), ours.create(None, ("read", "write"))
    assert [token.id for token in theirs.all()] == [first.id, second.id]
    assert theirs.revoke(first.id)
    assert not theirs.revoke(first.id)
    assert ours.of_secret(secret) is None
    assert [token.tenant for token in ours.all()] == [None]


def test_nobody_is_let_in_by_half_a_file(tmp_path: Path) -> None:
    TenantTokens(tmp_path).create("a", ("read",))
    file = tmp_path / "fleet" / TOKENS_FILE
    file.write_text(file.read_text()[:-20])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        TenantTokens(tmp_path).all()
