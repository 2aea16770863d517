"""`darkstar notify test` tries every channel, and says which does not take a message, and why."""

import json
from pathlib import Path

import pytest

from tests.builders.command_line import Darkstar
from tests.builders.source_server import Reply, source_server


def test_a_home_without_a_channel_is_told_where_to_name_one(home: Path, darkstar: Darkstar):
    assert darkstar("init", "--yes").code == 0
    refused = darkstar("notify", "test")
    assert refused.code == 2
    assert "names no way to tell anybody" in refused.err
    assert home.exists()


def test_a_trial_is_sent_and_a_refusal_is_told(home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch):
    assert darkstar("init", "--yes").code == 0
    with source_server() as server:
        server.serve(Reply(body=b"ok"), Reply(status=404))
        monkeypatch.setenv("DARKSTAR_WEBHOOK_URL", f"{server.url}/a-hook-of-this-test")
        sent = darkstar("notify", "test", "--json")
        assert (sent.code, sent.document["channels"][0]["told"]) == (0, True)
        assert json.loads(server.asked[0].body)["state"] == "trial"
        refused = darkstar("notify", "test", "--channel", "webhook")
        assert refused.code == 5
        assert "404" in refused.out
        assert refused.out.splitlines()[2].split()[:2] == ["webhook", "no"]
        assert "a-hook-of-this-test" not in f"{refused.out} {refused.err}"
        unknown = darkstar("notify", "test", "--channel", "pigeon")
    assert unknown.code == 2
    assert "has no channel pigeon; it has webhook" in unknown.err
    assert home.exists()
