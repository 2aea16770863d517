"""Files in the state folder of a service of version 0.1 are read; each literal was written by that version."""

from datetime import UTC, datetime
from pathlib import Path

from darkstar_pipeline.service.engine.overrides import OVERRIDES_FILE, OverrideStore
from darkstar_pipeline.service.engine.plan_store import PlanStore
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.state.folder_names import PLANS_FOLDER

WISHES = """{
 "automatic": false,
 "overrides": [
  {
   "mode": "charge",
   "until": "2025-10-26T18:00:00Z",
   "power_kw": 3.5,
   "id": "71c15358",
   "since": "2025-10-26T12:00:00Z"
  },
  {
   "mode": "vacation",
   "until": "2025-10-28T00:00:00Z",
   "power_kw": null,
   "id": "4f894ec4",
   "since": "2025-10-26T12:00:00Z"
  }
 ]
}"""
LATER_KEYS = {"steering", "notices", "end", "blocks", "savings", "changes", "max_charge_kw", "max_discharge_kw"}
PLAN = (
    '{"id":"20251026T225000Z-8d65e295","site":"home","timezone":"Europe/Stockholm","currency":"SEK",'
    '"capacity_kwh":34.2,"created_at":"2025-10-26T22:50:00Z","valid_until":"2025-10-26T23:00:00Z",'
    '"rung":"self_consumption","why":"no price was published","attempts":[{"rung":"self_consumption",'
    '"outcome":"released","why":"the inverter is left by itself: surplus into the battery, deficit out of it"}],'
    '"released":"self_consumption","release_reason":"the inverter is left by itself: surplus into the battery, '
    'deficit out of it","model":null,"inputs":[],"cost":null,"idle_cost":null,"self_consumption_cost":null,'
    '"verified":true,"violations":[],"seconds":0.25,"slots":[{"slot_start":"2025-10-26T22:45:00Z",'
    '"slot_end":"2025-10-26T23:00:00Z","import_price":null,"export_price":null,"load_kwh":null,'
    '"load_low_kwh":null,"load_high_kwh":null,"pv_kwh":null,"pv_low_kwh":null,"pv_high_kwh":null,"charge_kw":0.0,'
    '"discharge_kw":8.0,"export_kw":0.0,"command":"self-consumption","import_kwh":null,"export_kwh":null,'
    '"charge_kwh":null,"discharge_kwh":null,"curtailed_kwh":null,"soc_start_percent":null,"soc_end_percent":null,'
    '"cost":null,"reason":"self_consumption","sentence":"the inverter is left by itself: surplus into the battery, '
    'deficit out of it","idle_costs":null,"overridden":false,"others":{}}]}'
)


def test_overrides_of_0_1_hold_and_are_written_back_in_the_same_form(tmp_path: Path) -> None:
    path = service_folder(tmp_path, "home") / "wishes.json"
    path.parent.mkdir(parents=True)
    path.write_text(WISHES, encoding="utf-8")
    store = OverrideStore(service_folder(tmp_path, "home") / OVERRIDES_FILE)
    assert not store.automatic
    assert store.storage_problem == ""
    active = store.active(datetime(2025, 10, 26, 13, tzinfo=UTC))
    assert [(each.id, each.mode, each.power_kw) for each in active] == [
        ("71c15358", "charge", 3.5),
        ("4f894ec4", "vacation", None),
    ]
    store.set_automatic(automatic=True)
    assert path.read_text(encoding="utf-8") == WISHES.replace("false", "true")


def test_plan_of_0_1_is_in_force_after_an_update(tmp_path: Path) -> None:
    path = service_folder(tmp_path, "home") / "plans" / "2025-10-26" / "20251026T225000Z-8d65e295.json"
    path.parent.mkdir(parents=True)
    path.write_text(PLAN, encoding="utf-8")
    store = PlanStore(service_folder(tmp_path, "home") / PLANS_FOLDER)
    plan = store.latest(datetime(2025, 10, 26, 22, 55, tzinfo=UTC))
    assert plan is not None
    assert plan == store.find("20251026T225000Z-8d65e295")
    assert plan.model_dump_json(exclude=LATER_KEYS) == PLAN
