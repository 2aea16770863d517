from pathlib import Path

import pytest
import yaml

from darkstar_pipeline.doctor import Verdict
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.service.control.guard_status import GuardStatus
from darkstar_pipeline.service.control_checks import check_all
from darkstar_pipeline.service.home_assistant.lease import boot_id, read_lease, uptime_seconds, write_lease
from darkstar_pipeline.service.state_folder import service_folder
from tests.builders.command_line import Darkstar
from tests.builders.stub_home_assistant import ENTITY, StubHomeAssistant, stub_home_assistant


def configure(home: Path, **control: object) -> None:
    path = home / "darkstar.yaml"
    document = yaml.safe_load(path.read_text())
    document["sites"]["home"]["home_assistant"]["control"].update(control)
    document["sites"]["home"]["home_assistant"]["control"]["mapping"].update(
        {"charge": "number.charge", "discharge": "number.discharge"}
    )
    path.write_text(yaml.safe_dump(document))


def test_install_writes_the_package_of_the_site_when_the_inverter_is_mapped(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    refused = darkstar("control", "install", "--json")
    assert (refused.code, refused.error["code"]) == (2, "configuration")
    configure(home)
    done = darkstar("control", "install", "--to", str(home), "--json")
    assert done.code == 0
    path = home / "darkstar_home.yaml"
    assert done.document == {
        "site": "home",
        "path": str(path),
        "timer": "timer.darkstar_home",
        "automation": "automation.darkstar_home_dead_man_switch",
        "default": done.document["default"],
        "configured": False,
    }
    assert done.document["default"].keys() == {"number.charge", "number.discharge"}
    assert set(yaml.safe_load(path.read_text())) == {"timer", "input_boolean", "automation"}
    configure(home, dead_man_timer="timer.mine")
    assert "timer.mine is in the settings" in darkstar("control", "install", "--to", str(home)).out
    assert (home / "mine.yaml").exists()


def test_release_marks_a_lease_when_it_is_outstanding(home: Path, darkstar: Darkstar) -> None:
    folder = service_folder(home / "state", "home")
    assert darkstar("control", "release", "--site", "../home").code == 2
    assert darkstar("control", "release", "--site", "home", "--json").document["released"] is False
    write_lease(folder, StubHomeAssistant(url="http://127.0.0.1:9").lease())
    done = darkstar("control", "release", "--site", "home", "--json")
    assert done.document == {"site": "home", "released": True, "entities": [ENTITY]}
    lease = read_lease(folder)
    assert lease is not None
    assert lease.released
    loads = folder / "loads"
    write_lease(loads, StubHomeAssistant(url="http://127.0.0.1:9").lease())
    assert darkstar("control", "release", "--site", "home", "--json").document["entities"] == [ENTITY]
    released = read_lease(loads)
    assert released is not None
    assert released.released, "that of the movable loads too"
    (folder / "lease.json").write_text("{")
    assert darkstar("control", "release", "--site", "home").code == 0
    assert (folder / "lease.json.damaged").exists()


def test_doctor_warns_when_a_lease_is_outstanding_or_nothing_guards(
    home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = home / "state"
    folder = service_folder(state, "home")
    write_lease(folder, StubHomeAssistant(url="http://127.0.0.1:9").lease())
    assert [found.check for found in check_all(state, None)] == ["lease, home"], "without any configuration"
    assert darkstar("init", "--yes").code == 0
    shown = {check["check"]: check for check in darkstar("doctor", "--json").document["checks"]}
    assert "no guard lives" in shown["lease, home"]["detail"]
    assert darkstar("control", "release").code == 0
    assert check_all(state, None) == []
    monkeypatch.setenv(TOKEN_VARIABLE, "a token of this test")
    with stub_home_assistant() as assistant:
        configure(home, enabled=True, dry_run=False)
        document = yaml.safe_load((home / "darkstar.yaml").read_text())
        document["sites"]["home"]["home_assistant"]["url"] = assistant.url
        (home / "darkstar.yaml").write_text(yaml.safe_dump(document))
        guard, switch = check_all(state, None)
        assert (guard.verdict, "darkstar control guard" in guard.remedy) == (Verdict.WARN, True)
        assert (switch.verdict, "darkstar control install" in switch.remedy) == (Verdict.WARN, True)
        configure(home, dead_man_timer="timer.mine")
        assert "has no timer.mine" in check_all(state, None)[1].detail
        names = ("timer.mine", "input_boolean.mine_armed", "automation.mine_dead_man_switch")
        assistant.states = dict.fromkeys(names, "off")
        assert "is off" in check_all(state, None)[1].detail
        assistant.states = dict.fromkeys(names, "on")
        status = GuardStatus(
            pid=1, boot=boot_id(), started_at=0.0, looked_at=uptime_seconds(), stays=True, locked=False
        )
        (folder / "standby.json").write_text(status.model_dump_json())
        assert "another package than Darkstar writes now" in check_all(state, None)[1].detail, "written by 0.2"
        written = darkstar("control", "install", "--to", str(home), "--json").document["path"]
        switch_of = yaml.safe_load(Path(written).read_text())["input_boolean"]["mine_armed"]
        assistant.names = {"input_boolean.mine_armed": switch_of["name"]}
        assert [found.verdict for found in check_all(state, None)] == [Verdict.OK, Verdict.OK]
