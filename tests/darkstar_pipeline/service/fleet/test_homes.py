"""The list of homes, their plans and commands."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.homes_file import change_homes, read_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet.plan_rows import plans_key
from darkstar_pipeline.service.fleet.server import FleetServer
from tests.builders.fleets import PLANNED_AT, fleet_settings
from tests.darkstar_pipeline.service.fleet.conftest import Ask, asking, served

NEVER_READ = "home007"


@pytest.mark.parametrize(("order", "homes"), [("site", 8), ("saving", 7)])
def test_homes_come_in_pages_when_there_are_more(ask: Ask, order: str, homes: int) -> None:
    client, seen, cursor, page = ask(), list[str](), None, dict[str, Any]()
    for _ in range(3):
        query = {"limit": 3, "order": order, **({"cursor": cursor} if cursor else {})}
        page = client.get("/sites", params=query).json()
        seen += [home["site"] for home in page["homes"]]
        cursor = page["next"]
    assert sorted(seen) == [f"home{number:03d}" for number in range(homes)]
    assert cursor is None
    assert page["matching"] == homes


def test_homes_are_chosen_by_state_class_and_name(ask: Ask) -> None:
    client = ask()
    without = client.get("/sites", params={"state": "no_plan"}).json()["homes"]
    assert [(home["site"], home["problem"]) for home in without] == [(NEVER_READ, "no_readings")]
    assert without[0]["why"] == "nothing was read of the last days"
    assert client.get("/sites", params={"area": "SE3", "tariff": "plain", "like": "003"}).json()["matching"] == 1
    assert client.get("/sites", params={"area": "SE1"}).json()["matching"] == 0
    least = client.get("/sites", params={"order": "saving"}).json()["homes"]
    assert [home["saving"] for home in least] == sorted(home["saving"] for home in least)
    assert len(least) == 7


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/sites?aera=SE3", 422, "query.aera: no such setting"),
        ("/sites?limit=0", 422, "query.limit: '0' is below 1"),
        ("/sites?state=", 422, "'' is not one of 'planned'"),
        ("/sites?cursor=%00", 422, "leave it out to begin with the first page"),
        ("/sites?order=saving&cursor=aG9tZTAwMEAwMA==", 422, "planned anew since the page before"),
        ("/sites/nobody", 404, "there is no home nobody among those that the token opens"),
        ("/sites/nobody/plan", 404, "GET /sites, has their names"),
        ("/sites/home007/plan", 404, "GET /sites/home007 says what it needs"),
    ],
)
def test_what_is_asked_wrongly_is_told_with_its_place_and_a_remedy(ask: Ask, path: str, status: int, said: str) -> None:
    answer = ask().get(path)
    error = answer.json()["error"]
    assert answer.status_code == status
    assert said in f"{error['message']}; {error['hint']}"


def test_a_plan_covers_the_slots_ahead_and_is_not_sent_twice(ask: Ask) -> None:
    client = ask("a")
    answer = client.get("/sites/home000/plan")
    plan = answer.json()
    assert (plan["site"], plan["state"], plan["verified"], plan["problem"]) == ("home000", "planned", True, "")
    assert plan["slots"][0]["slot_start"] == "2025-10-26T10:00:00Z"
    assert plan["slots"][-1]["slot_end"] == plan["valid_until"] == "2025-10-26T23:00:00Z"
    again = client.get("/sites/home000/plan", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("{tag}", 304), ("W/{tag}", 304), ("*", 304), (" * ", 304),
        ('"other", W/"more",{tag}', 304), ('"other",  W/{tag} , "more"', 304),
        ('"other"', 200), ('W/"other", "more"', 200), ('"*"', 200), (",,", 200), ("{bare}", 200),
        (", ".join(f'"{number}"' for number in range(500)), 200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/sites/home000/plan", "/", "/static/fleet/fleet.js", "/static/api.js"])
def test_every_answer_with_an_etag_takes_conditions(ask: Ask, path: str, condition: str, status: int) -> None:
    client = ask("a")
    tag = client.get(path).headers["etag"]
    named = condition.format(tag=tag, bare=tag.strip('"'))
    again = client.get(path, headers={"if-none-match": named, "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"})
    assert again.status_code == status
    assert again.headers["etag"] == tag
    assert (again.content == b"") == (status == 304)


def test_conditions_are_one_list_when_they_come_in_several_lines(ask: Ask) -> None:
    client = ask("a")
    tag = client.get("/sites/home000/plan").headers["etag"]
    lines = [("if-none-match", '"other"'), ("if-none-match", tag)]
    assert client.get("/sites/home000/plan", headers=lines).status_code == 304
    assert client.get("/sites/home007/plan", headers={"if-none-match": "*"}).status_code == 404  # there is none


def test_the_command_is_the_plans_and_expires_with_its_slot(ask: Ask) -> None:
    client = ask("a")
    slot = client.get("/sites/home000/plan").json()["slots"][0]
    command = client.get("/sites/home000/command").json()
    assert {name: command[name] for name in ("charge_kw", "discharge_kw", "export_kw")} == {
        name: slot[name] for name in ("charge_kw", "discharge_kw", "export_kw")
    }
    assert (command["slot_start"], command["expires_at"]) == (slot["slot_start"], slot["slot_end"])
    assert (command["state"], command["why"]) == ("planned", "")


def test_the_inverter_decides_by_itself_when_the_plan_is_stale_or_missing(state: Path) -> None:
    late = asking(served(state, after=timedelta(minutes=75)), None)
    command = late.get("/sites/home000/command").json()
    assert (command["state"], command["default"], command["discharge_kw"]) == ("stale", True, 5.0)
    assert "more than an hour old" in command["why"]
    assert late.get("/sites/home000/plan").json()["state"] == "stale"
    none = late.get(f"/sites/{NEVER_READ}/command").json()
    assert (none["state"], none["default"]) == ("no_plan", True)
    assert "no verified plan" in none["why"]
    missing = late.get(f"/sites/{NEVER_READ}/plan")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "no_plan")
    over = asking(served(state, after=timedelta(days=2)), None).get("/sites/home000/command").json()
    assert (over["state"], over["default"]) == ("no_plan", True)


def test_the_summary_counts_what_the_reader_sees(ask: Ask) -> None:
    every, own = (ask(tenant).get("/fleet/summary").json() for tenant in (None, "b"))
    assert (every["homes"], every["planned"], every["no_plan"]) == (8, 7, 1)
    assert every["problems"] == {"no_readings": 1}
    assert (own["homes"], own["planned"]) == (4, 3)
    assert {home["tenant"] for home in own["worst"]} == {"b"}
    assert every["areas"][0]["homes"] == 8
    assert every["areas"][0]["saving"] == pytest.approx(every["savings"]["SEK"])


def test_readers_keep_the_old_plans_when_an_object_is_damaged_or_the_store_fails(
    state: Path, service: FleetServer
) -> None:
    client, store = asking(service, None), fleet_lake(fleet_settings(2), state).store
    before = client.get("/sites/home000/plan").content
    for bucket in (0, 1):
        store.put(plans_key(bucket), b"half of a file")
    service.refresh()
    assert client.get("/sites/home000/plan").content == before
    assert datetime.fromisoformat(client.get("/sites/home000").json()["created_at"]) == PLANNED_AT.replace(second=0)
    health = client.get("/health").json()
    assert health["status"] == "degraded"
    assert "plans/bucket=0000/plans.parquet is damaged" in health["components"][0]["note"]


def test_health_tells_its_parts_to_the_operator_alone(ask: Ask) -> None:
    assert [part["name"] for part in ask().get("/health").json()["components"]] == ["plans", "tokens", "homes"]
    assert ask("a").get("/health").json() == {"status": "ok", "components": []}
    assert ask().get("/ready").json() == {"ready": True}
    assert 'darkstar_fleet_homes{state="planned"} 7.0' in ask().get("/metrics").text


def test_pages_go_on_when_the_home_of_the_cursor_no_longer_matches(ask: Ask) -> None:
    client = ask()
    cursor = client.get("/sites", params={"limit": 4}).json()["next"]
    for like, expected in (("5", ["home005"]), ("1", []), ("00", ["home004", "home005", "home006", "home007"])):
        page = client.get("/sites", params={"limit": 4, "cursor": cursor, "like": like}).json()
        assert [home["site"] for home in page["homes"]] == expected


def test_a_home_whose_settings_became_wrong_is_shown_with_its_command(state: Path, service: FleetServer) -> None:
    client = asking(service, "a")
    before = client.get("/sites/home000/command").json()
    change_homes(state, lambda rows: rows.with_columns(tariff=pl.lit("gone")))
    service.refresh()
    assert client.get("/sites/home000").status_code == 200
    assert client.get("/sites/home000/command").json() == before


def test_a_home_that_the_next_refresh_shows_is_not_taken_for_another(state: Path, service: FleetServer) -> None:
    client = asking(service, "b")
    change_homes(state, lambda rows: rows.with_columns(tenant=pl.lit("b")))
    service.directory.homes = FleetHomes(fleet_settings(2), read_homes(state))
    assert client.get("/sites/home000").status_code == 404
    service.refresh()
    assert client.get("/sites/home000").json()["site"] == "home000"
