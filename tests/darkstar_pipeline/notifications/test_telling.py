"""A cause is told once, after some patience, and once when it is mended, whatever happens between."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.channels.channel import Message
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.notifications.ledger import ledger_file, read_ledger
from darkstar_pipeline.notifications.telling import PATIENCE, tell_changes
from darkstar_pipeline.state.secrets import secret

NOON = datetime(2026, 1, 30, 11, 0, tzinfo=UTC)
LATE = warned("prices, home", "prices of tomorrow are late", "darkstar fetch prices")
MISSING = failed("prices, home", "prices of today are missing", "darkstar fetch prices")
WELL = passed("prices, home", "known up to tomorrow")


@dataclass
class Person:
    """A channel that keeps what it was told, unless it is deaf."""

    name: str = "person"
    deaf: bool = False
    heard: list[Message] = field(default_factory=list[Message])

    def tell(self, message: Message) -> None:
        if self.deaf:
            raise OutsideServiceError("nobody is there", "ring again")
        self.heard.append(message)

    def examine(self) -> str:
        return "it is there"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return open_context("home", settings=Settings(sites={"home": SiteSettings()}), home=tmp_path)


def look(context: Context, minutes: float, person: Person, *findings: CheckResult) -> list[str]:
    told = tell_changes(context, findings, [person], NOON + timedelta(minutes=minutes))
    return [*told.failed, *told.done]


def test_message_is_in_the_site_s_language(tmp_path: Path):
    swedish = Settings(sites={"home": SiteSettings(language="sv")})
    context, person = open_context("home", settings=swedish, home=tmp_path), Person()
    for minutes in (0, 60, 120, 180):
        look(context, minutes, person, LATE if minutes < 120 else WELL)
    broken, mended = person.heard
    assert broken.text.splitlines() == [
        "prices of tomorrow are late.",  # doctor's findings name commands and settings, and stay English
        "Så är det sedan 2026-01-30 12:00. Gör så här: darkstar fetch prices.",
        "Det sägs en gång, och igen när det fungerar.",
    ]
    assert (mended.title, mended.cause, mended.state) == (
        "Darkstar: prices, home fungerar igen",
        "prices, home",
        "mended",
    )


def test_a_cause_is_told_once_and_then_that_it_is_mended(context: Context):
    person = Person()
    for minutes in range(0, 300, 10):
        look(context, minutes, person, LATE if minutes < 120 else MISSING)
    (broken,) = person.heard
    assert broken.title == "Darkstar: prices, home"
    assert broken.state == "broken"
    assert broken.text.splitlines() == [
        "prices of tomorrow are late.",
        "It is so since 2026-01-30 12:00. What to do: darkstar fetch prices.",
        "This is told once, and again when it is mended.",
    ]
    for minutes in range(300, 500, 10):
        look(context, minutes, person, WELL)
    _, mended = person.heard
    assert mended.state == "mended"
    assert (mended.title, mended.text) == (
        "Darkstar: prices, home is mended",
        "It is well since 2026-01-30 17:00: known up to tomorrow.",
    )
    assert not read_ledger(ledger_file(context.home, "home"))


def test_what_passes_by_itself_is_not_told(context: Context):
    person = Person()
    for minutes in (0, 10, 20):
        assert not look(context, minutes, person, LATE)
    look(context, 30, person, WELL)
    look(context, 40, person, LATE)
    look(context, 60, person, LATE)
    assert not person.heard
    assert len(look(context, 70, person, LATE)) == 1


def test_a_short_recovery_is_neither_mended_nor_told_anew(context: Context):
    person = Person()
    look(context, 0, person, LATE)
    look(context, 30, person, LATE)
    for minutes in range(40, 200, 10):
        look(context, minutes, person, WELL if minutes % 20 else LATE)
    assert len(person.heard) == 1


def test_a_check_that_could_not_be_made_is_not_mended(context: Context):
    person = Person()
    look(context, 0, person, LATE)
    look(context, 30, person, LATE)
    for minutes in range(40, 200, 10):
        look(context, minutes, person)
    assert len(person.heard) == 1


def test_a_channel_that_fails_is_tried_again_and_the_others_hear_it_once(context: Context):
    deaf, hearing = Person("deaf", deaf=True), Person("hearing")

    def both(minutes: float, found: CheckResult) -> list[str]:
        told = tell_changes(context, [found], [deaf, hearing], NOON + timedelta(minutes=minutes))
        return [*told.failed, *told.done]

    both(0, LATE)
    said = both(30, LATE)
    assert said == [
        "deaf was not told of prices, home: nobody is there; ring again",
        "hearing was told that prices, home is broken",
    ]
    both(40, LATE)
    deaf.deaf = False
    both(50, LATE)
    both(60, LATE)
    assert [len(deaf.heard), len(hearing.heard)] == [1, 1]
    both(70, WELL)
    hearing.deaf = True
    both(100, WELL)
    hearing.deaf = False
    both(110, WELL)
    both(120, WELL)
    assert [len(deaf.heard), len(hearing.heard)] == [2, 2]


def test_who_was_not_told_that_it_is_broken_is_not_told_that_it_is_mended(context: Context):
    person = Person(deaf=True)
    look(context, 0, person, LATE)
    look(context, 30, person, LATE)
    person.deaf = False
    for minutes in (40, 80):
        look(context, minutes, person, WELL)
    assert not person.heard


def test_a_kill_between_two_messages_repeats_neither(context: Context):
    class KilledError(Exception):
        pass

    class Killer(Person):
        def tell(self, message: Message) -> None:
            raise KilledError(message.title)

    person = Person()
    look(context, 0, person, LATE)
    with pytest.raises(KilledError):
        tell_changes(context, [LATE], [person, Killer("killer")], NOON + PATIENCE)
    look(context, 40, person, LATE)
    assert len(person.heard) == 1


def test_no_secret_is_in_a_message(context: Context, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DARKSTAR_A_TOKEN", "token-of-a-source")
    secret("DARKSTAR_A_TOKEN", None)
    person = Person()
    for minutes in (0, 30):
        look(context, minutes, person, warned("weather, home", "it refuses token-of-a-source", "see"))
    assert person.heard[0].text.startswith("it refuses [redacted].")


def test_a_ledger_that_cannot_be_read_is_begun_anew(context: Context, caplog: pytest.LogCaptureFixture):
    person = Person()
    path = ledger_file(context.home, "home")
    look(context, 0, person, LATE)
    path.write_text("{")
    look(context, 30, person, LATE)
    assert "what is broken is told anew" in caplog.text
    look(context, 60, person, LATE)
    assert len(person.heard) == 1
