"""`darkstar fleet plan|token`, as a person and as a script see them."""

from datetime import date
from pathlib import Path

import pytest

from darkstar_pipeline.service.fleet.tenant_tokens import TenantTokens
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.buckets.object_store import open_store
from darkstar_pipeline.warehouse.schemas import METER_READINGS, POLICY_DAILY_RESULTS
from tests.builders.command_line import Darkstar

FLEET = "fleet: {buckets: 1}\nengine: {workers: 1}\n"
HOMES = "site,tenant,area,capacity_kwh\nvilla-1,north,SE4,10\nvilla-2,north,,\ncabin-1,south,,\n"


@pytest.fixture
def fleet(home: Path, darkstar: Darkstar) -> Path:
    """A working directory with a fleet of three homes that nothing was read of."""
    (home / "darkstar.yaml").write_text(FLEET)
    (home / "homes.csv").write_text(HOMES)
    darkstar("fleet", "import", "homes.csv")
    return home


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(fleet: Path, darkstar: Darkstar) -> None:
    made = darkstar("fleet", "token", "create", "--tenant", "north", "--scope", "write", "--json").document
    assert (made["tenant"], made["scopes"], made["homes"]) == ("north", ["read", "write"], 2)
    assert TenantTokens(fleet / "state").of_secret(made["token"]) is not None
    darkstar("fleet", "token", "create", "--operator")
    rows = darkstar("fleet", "token", "list", "--json").document["tokens"]
    assert [row["tenant"] for row in rows] == ["north", None]
    shown = darkstar("fleet", "token", "list")
    assert made["token"] not in shown.out
    assert "(operator)" in shown.out
    assert "is revoked" in darkstar("fleet", "token", "revoke", made["id"]).out
    assert TenantTokens(fleet / "state").of_secret(made["token"]) is None
    again = darkstar("fleet", "token", "revoke", made["id"])
    assert (again.code, "token list" in again.err) == (2, True)


def test_a_token_is_of_somebody_and_a_tenant_without_homes_is_told(fleet: Path, darkstar: Darkstar) -> None:
    assert fleet.is_dir()
    for words in ((), ("--tenant", "north", "--operator")):
        refused = darkstar("fleet", "token", "create", *words)
        assert (refused.code, "name --tenant NAME, or --operator" in refused.err) == (2, True)
    for nobody in ("", " ", "north "):
        assert darkstar("fleet", "token", "create", "--tenant", nobody).code == 2
    told = darkstar("fleet", "token", "create", "--tenant", "nort")
    assert told.code == 0
    assert "no home has this tenant yet; those of the fleet are: north, south" in told.err


def test_a_plan_without_prices_counts_the_homes_and_says_why(fleet: Path, darkstar: Darkstar) -> None:
    assert fleet.is_dir()
    done = darkstar("fleet", "plan", "--at", "2026-02-01T12:00", "--json").document
    assert (done["planned"], done["problems"], done["errors"]) == (0, {"no_price": 3}, {})
    assert "3 without a new plan: no_price" in darkstar("fleet", "plan", "--at", "2026-02-01T12:00").out


def test_a_plan_of_a_lake_that_fails_ends_with_5(fleet: Path, darkstar: Darkstar) -> None:
    lake = BucketLake(open_store(fleet / "state" / "fleet" / "lake"), 1)
    lake.store.put(object_key(METER_READINGS, 0, date(2026, 1, 31)), b"PAR1 damaged")
    done = darkstar("fleet", "plan", "--at", "2026-02-01T12:00", "--json")
    assert (done.code, done.document["planned"], list(done.document["errors"])) == (5, 0, ["0"])


def test_a_verdict_on_a_damaged_bucket_alone_names_the_repair_before_the_backfill(
    fleet: Path, darkstar: Darkstar
) -> None:
    lake = BucketLake(open_store(fleet / "state" / "fleet" / "lake"), 1)
    key = object_key(POLICY_DAILY_RESULTS, 0, date(2026, 1, 31))
    lake.store.put(key, b"PAR1 damaged")
    span = ("--from", "2026-01-31", "--to", "2026-01-31")
    error = darkstar("fleet", "evaluate", *span, "--json")
    assert (error.code, error.document["error"]["code"]) == (3, "lake_unreadable")
    assert key in error.document["error"]["message"]
    remedy = error.document["error"]["hint"]
    assert 0 <= remedy.index("doctor --repair --all") < remedy.index("fleet backfill --from 2026-01-31")
    darkstar("doctor", "--repair", "--all")
    missing = darkstar("fleet", "evaluate", *span, "--json").document["error"]
    assert (missing["code"], "repair" in missing["hint"]) == ("data_missing", False)


def test_query_says_where_the_tables_of_a_fleet_are(fleet: Path, darkstar: Darkstar) -> None:
    assert fleet.is_dir()
    assert "`darkstar fleet query` reads a fleet's" in darkstar("query", "SELECT count(*) FROM spot_prices").err


def test_serve_and_plan_say_what_to_do_when_there_is_no_fleet(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("sites: {villa: {}}\n")
    for words in (("serve", "--fleet"), ("fleet", "plan")):
        refused = darkstar(*words)
        assert refused.code != 0
        assert "the configuration has no fleet" in refused.err
