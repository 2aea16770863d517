"""The guard goes on until the default was read back, and no error but a kill ends it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.service.control import guard as guard_module
from darkstar_pipeline.service.control import guard_status
from darkstar_pipeline.service.control.guard import Guard, watch
from darkstar_pipeline.service.control.guard_status import live_guard, read_status
from darkstar_pipeline.service.home_assistant.lease import (
    LEASE_FILE,
    Lease,
    boot_id,
    read_lease,
    uptime_seconds,
    write_lease,
)
from tests.builders.certificates import certificate
from tests.builders.stub_home_assistant import ENTITY, StubHomeAssistant, stub_home_assistant
from tests.builders.waiting import until

NESTED = b"[" * 100_000
OLD_LOCK = "watchdog.lock"


class Hands:
    """A guard turn by turn, whose waits pass at once."""

    def __init__(self, folder: Path, *, stays: bool = True) -> None:
        self.folder, self.waited = folder, 0.0
        self.guard = Guard(
            folder, stays=stays, uptime=lambda: uptime_seconds() + self.waited, wait=self._wait, poll_seconds=1.0
        )

    def _wait(self, seconds: float) -> None:
        self.waited += seconds

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.guard.turn()
            self.waited += 1.0

    @property
    def problem(self) -> str:
        status = read_status(self.folder, "guard.json")
        return "" if status is None else status.problem


def released(folder: Path) -> bool:
    lease = read_lease(folder)
    return lease is not None and lease.released


def test_watch_restores_the_default_when_the_lease_has_ended(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    for changes in ({}, {"boot": "another run of the machine", "ends": uptime_seconds() + 900}):
        stub_home.states[ENTITY] = "5000"
        write_lease(tmp_path, stub_home.lease(**changes))
        assert watch(tmp_path, poll_seconds=0.01)
        assert float(stub_home.states[ENTITY]) == 0
        assert released(tmp_path)
    assert read_status(tmp_path, "guard.json") is None, "a guard that has ended leaves no sign of life"


def test_watch_verifies_a_certificate_and_trusts_the_authority_that_the_lease_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "a token of this test")
    authority = certificate(tmp_path)
    with stub_home_assistant(certificate=authority) as home:
        write_lease(tmp_path, home.lease())
        hands = Hands(tmp_path)
        hands.turns(3)
        assert "is not trusted" in hands.problem
        assert home.states[ENTITY] == "5000"
        write_lease(tmp_path, home.lease(ca_file=str(authority)))
        hands.turns(20)
        assert (float(home.states[ENTITY]), released(tmp_path)) == (0, True)


def test_watch_has_nothing_to_do_when_there_is_no_lease_or_it_was_released(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    assert not watch(tmp_path)
    write_lease(tmp_path, stub_home.lease(released=True))
    assert not watch(tmp_path)
    assert stub_home.calls == []


def test_guard_goes_on_for_days_when_home_assistant_answers_200_and_skips_the_entity(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    stub_home.skips = True
    write_lease(tmp_path, stub_home.lease())
    hands = Hands(tmp_path)
    hands.turns(150)
    assert not released(tmp_path)
    assert f"{ENTITY} is 5000, its default is 0.0" in hands.problem
    assert 8 <= len(stub_home.calls) <= 14, "after 5 s, 10 s, and then every 20 s"
    stub_home.skips, stub_home.states[ENTITY] = False, "4000"
    hands.turns(40)
    assert (float(stub_home.states[ENTITY]), released(tmp_path), hands.problem) == (0, True, "")


@pytest.mark.parametrize("state", ["unavailable", None], ids=["unavailable", "missing"])
def test_guard_only_looks_when_an_entity_is_away(
    tmp_path: Path, stub_home: StubHomeAssistant, state: str | None
) -> None:
    stub_home.states = {} if state is None else {ENTITY: state}
    write_lease(tmp_path, stub_home.lease())
    hands = Hands(tmp_path)
    hands.turns(60)
    assert not released(tmp_path)
    assert stub_home.calls == []
    assert ENTITY in hands.problem
    stub_home.states[ENTITY] = "5000"
    hands.turns(40)
    assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (0, True)


def test_guard_writes_nothing_when_the_default_stands_already(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    stub_home.states[ENTITY] = "0.0"
    write_lease(tmp_path, stub_home.lease())
    Hands(tmp_path).turns(1)
    assert (stub_home.calls, released(tmp_path)) == ([], True)


def test_guard_keeps_to_the_limits_of_today_when_the_entity_takes_less_than_it_did(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    stub_home.states[ENTITY], stub_home.largest = "100", 3000
    call = {"domain": "number", "service": "set_value", "data": {"entity_id": ENTITY, "value": 8000.0}}
    write_lease(tmp_path, stub_home.lease(restore=[call]))
    Hands(tmp_path).turns(1)
    assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (3000, True)


def test_guard_restores_the_others_when_one_call_fails(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    stub_home.states["number.other"] = "7"
    lost = {"domain": "number", "service": "set_value", "data": {"entity_id": "number.lost", "value": 0.0}}
    other = {"domain": "number", "service": "set_value", "data": {"entity_id": "number.other", "value": 0.0}}
    write_lease(tmp_path, stub_home.lease(restore=[lost, other]))
    hands = Hands(tmp_path)
    hands.turns(1)
    assert (float(stub_home.states["number.other"]), released(tmp_path)) == (0, False)
    assert "number.lost does not exist" in hands.problem


def nested_lease(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    (folder / LEASE_FILE).write_bytes(NESTED[:50_000])
    return lambda: write_lease(folder, stub_home.lease())


def large_lease(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    (folder / LEASE_FILE).write_bytes(b" " * 200_000)
    return lambda: write_lease(folder, stub_home.lease())


def lease_is_a_folder(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    (folder / LEASE_FILE).mkdir()

    def repair() -> None:
        (folder / LEASE_FILE).rmdir()
        write_lease(folder, stub_home.lease())

    return repair


def nested_answer(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    write_lease(folder, stub_home.lease())
    stub_home.answer = NESTED
    return lambda: setattr(stub_home, "answer", None)


def answer_of_another_shape(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    write_lease(folder, stub_home.lease())
    stub_home.answer = b'{"state": [], "attributes": null}'
    return lambda: setattr(stub_home, "answer", None)


def unknown_name(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    write_lease(folder, stub_home.lease(url="http://no-such-host.invalid:8123"))
    return lambda: write_lease(folder, stub_home.lease())


def vanished_token(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    os.environ.pop(TOKEN_VARIABLE)
    token = folder / "token"
    write_lease(folder, stub_home.lease(token_file=str(token)))

    def repair() -> None:
        token.write_text("a token of this test")
        token.chmod(0o600)

    return repair


def lock_is_a_folder(folder: Path, stub_home: StubHomeAssistant) -> Callable[[], None]:
    (folder / "lease.lock").mkdir()  # nothing can be written under it
    (folder / LEASE_FILE).write_text(stub_home.lease().model_dump_json())
    return (folder / "lease.lock").rmdir


FAULTS = [
    nested_lease,
    large_lease,
    lease_is_a_folder,
    nested_answer,
    answer_of_another_shape,
    unknown_name,
    vanished_token,
    lock_is_a_folder,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_guard_says_what_it_sees_and_goes_on_when_something_is_broken(
    tmp_path: Path, stub_home: StubHomeAssistant, fault: Callable[[Path, StubHomeAssistant], Callable[[], None]]
) -> None:
    repair = fault(tmp_path, stub_home)
    hands = Hands(tmp_path)
    hands.turns(6)
    assert hands.problem
    assert "a token of this test" not in hands.problem
    assert live_guard(tmp_path, lambda: uptime_seconds() + hands.waited) is not None
    repair()
    hands.turns(40)
    assert (float(stub_home.states[ENTITY]), released(tmp_path), hands.problem) == (0, True, "")


def test_default_is_restored_with_a_warning_when_others_can_read_the_token(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An inverter that is left charging is worse than a token that others have read already."""
    monkeypatch.delenv(TOKEN_VARIABLE)
    token = tmp_path / "token"
    token.write_text("a token of this test")
    token.chmod(0o644)
    write_lease(tmp_path, stub_home.lease(token_file=str(token)))
    Hands(tmp_path).turns(2)
    assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (0, True)
    assert f"chmod 600 {token}" in caplog.text
    assert "a token of this test" not in caplog.text


def test_loop_survives_when_its_own_code_fails(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([RecursionError("too deep"), MemoryError(), OSError(28, "No space left on device"), KeyError("x")])
    look = guard_module.look_at_lease

    def failing(folder: Path) -> object:
        error = next(failures, None)
        if error is not None:
            raise error
        return look(folder)

    monkeypatch.setattr(guard_module, "look_at_lease", failing)
    write_lease(tmp_path, stub_home.lease())
    assert watch(tmp_path, poll_seconds=0.001)
    assert float(stub_home.states[ENTITY]) == 0


def test_default_is_restored_once_when_the_disk_does_not_take_the_mark(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person may set the inverter by hand meanwhile, and a new lease is not to be ended for the old one's sake."""

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    write_lease(tmp_path, stub_home.lease())
    hands = Hands(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(guard_module, "replace_lease", full)
        hands.turns(100)
        assert "No space left" in hands.problem
        stub_home.states[ENTITY] = "1234"
        hands.turns(100)
        assert (stub_home.states[ENTITY], len(stub_home.calls), released(tmp_path)) == ("1234", 1, False)
        write_lease(tmp_path, stub_home.lease(ends=uptime_seconds() + 900))
        hands.turns(100)
        assert stub_home.states[ENTITY] == "1234", "the new lease holds"
        write_lease(tmp_path, stub_home.lease(ends=uptime_seconds() - 2))
        hands.turns(1)
        assert float(stub_home.states[ENTITY]) == 0, "until it expires in turn"
    hands.turns(40)
    assert released(tmp_path)


def test_guard_holds_the_lease_it_read_last_when_the_file_is_damaged_or_gone(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    for damage in (lambda: (tmp_path / LEASE_FILE).write_text("{"), (tmp_path / LEASE_FILE).unlink):
        stub_home.states[ENTITY] = "5000"
        write_lease(tmp_path, stub_home.lease(ends=uptime_seconds() + 5))
        hands = Hands(tmp_path, stays=False)
        assert not hands.guard.turn()
        damage()
        assert not hands.guard.turn()
        assert stub_home.states[ENTITY] == "5000", "it has not expired"
        hands.guard._known = stub_home.lease()  # five seconds later
        assert hands.guard.turn(), "nothing is left to guard"
        assert float(stub_home.states[ENTITY]) == 0


def test_guard_goes_on_when_the_lease_is_renewed_while_it_restores_the_default(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    """A slow step of the service may renew its lease meanwhile: that lease is still to be guarded."""
    renewed = stub_home.lease(ends=0.0)
    stub_home.on_call = lambda: write_lease(tmp_path, renewed) if len(stub_home.calls) == 1 else None
    write_lease(tmp_path, stub_home.lease())
    assert watch(tmp_path, poll_seconds=0.01)
    assert read_lease(tmp_path) == renewed.model_copy(update={"released": True})


def test_guard_that_stays_watches_the_next_lease_when_one_was_released(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    hands = Hands(tmp_path)
    hands.turns(3)
    for _ in range(2):
        stub_home.states[ENTITY] = "5000"
        write_lease(tmp_path, stub_home.lease())
        hands.turns(2)
        assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (0, True)
    status = live_guard(tmp_path, lambda: uptime_seconds() + hands.waited)
    assert status is not None
    assert (status.stays, status.boot, status.pid) == (True, boot_id(), os.getpid())


def test_second_guard_acts_when_the_first_hangs_or_has_ended(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    first, second = Hands(tmp_path), Hands(tmp_path)
    first.turns(1)
    write_lease(tmp_path, stub_home.lease())
    second.turns(1)
    assert (stub_home.states[ENTITY], released(tmp_path)) == ("5000", False), "the first is there"
    second.waited += 60  # which hangs
    second.turns(1)
    assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (0, True)
    assert read_status(tmp_path, "standby.json") is not None
    first.guard._place.leave()
    second.turns(1)
    assert second.guard._place.first


def test_guard_acts_when_a_watchdog_of_version_0_1_hangs(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    write_lease(tmp_path, stub_home.lease())
    with FileLock(tmp_path / OLD_LOCK):  # it gives no signs of life
        Hands(tmp_path).turns(1)
    assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (0, True)


def test_guard_tells_what_it_does_when_the_disk_takes_no_other_file(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_lease(tmp_path, stub_home.lease(ends=uptime_seconds() + 100))
    hands = Hands(tmp_path)
    hands.turns(1)
    monkeypatch.setattr(guard_status, "_replace_whole", full)
    monkeypatch.setattr(guard_module, "replace_lease", full)
    write_lease(tmp_path, stub_home.lease())
    hands.turns(2)
    status = read_status(tmp_path, "guard.json")
    assert status is not None
    assert (status.lease, float(stub_home.states[ENTITY])) == ("expired", 0)
    assert "the default was restored, and the lease cannot be marked" in status.problem


def test_guard_guards_without_a_lock_when_the_system_gives_none(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    (tmp_path / OLD_LOCK).mkdir()
    write_lease(tmp_path, stub_home.lease(ends=uptime_seconds() + 100))
    hands = Hands(tmp_path)
    hands.turns(1)
    status = live_guard(tmp_path)
    assert status is not None
    assert not status.locked
    assert "lock cannot be taken" in status.problem
    write_lease(tmp_path, stub_home.lease())
    hands.turns(2)
    assert (float(stub_home.states[ENTITY]), released(tmp_path)) == (0, True)


def test_third_guard_leaves_when_two_are_there(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    lease = stub_home.lease(ends=uptime_seconds() + 100)
    write_lease(tmp_path, lease)
    two = [Guard(tmp_path, stays=False, poll_seconds=0.01) for _ in range(2)]
    threads = [threading.Thread(target=guard.run, daemon=True) for guard in two]
    for thread in threads:
        thread.start()
    until(lambda: read_status(tmp_path, "standby.json") is not None, "two guards are there")
    assert not watch(tmp_path)
    write_lease(tmp_path, lease.model_copy(update={"released": True}))
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_lease_is_read_as_unreadable_when_it_is_anything_else(tmp_path: Path) -> None:
    assert read_lease(tmp_path) is None
    for content in (b"", b"{", b"[]", b"\xff\xfe", NESTED[:90_000], b'{"ends": 1e999}'):
        (tmp_path / LEASE_FILE).write_bytes(content)
        assert read_lease(tmp_path) is None
    assert not Lease.model_validate_json('{"url":"","token_file":null,"restore":[],"boot":"","ends":0}').released
