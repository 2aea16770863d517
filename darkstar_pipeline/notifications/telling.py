"""A look at what is broken, and messages of it: once per cause, after some patience, and once when it is mended.

A cause is the name of a check. A check that a look does not have (its Home Assistant is silent, say) leaves what is
known of it as it is. A channel that fails is tried again at the next look; the others are not told twice.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from darkstar_pipeline.channels.channel import Channel, Message
from darkstar_pipeline.context import Context
from darkstar_pipeline.doctor.finding import CheckResult, Verdict
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.notifications.ledger import Trouble, ledger_file, read_ledger, write_ledger
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.state.secrets import without_secrets
from planner.wording.languages import Language
from planner.wording.messages import joined, phrase, translated

PATIENCE = timedelta(minutes=30)
"""Time that something is broken, or mended, before it is told: what passes by itself disturbs nobody."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """The outcome of a look, in words.

    Attributes:
        done: who was told what.
        failed: who could not be told, and why.
    """

    done: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])


def tell_changes(context: Context, findings: Iterable[CheckResult], channels: Sequence[Channel], now: datetime) -> Told:
    """Tell each channel what it does not know yet, and return what was told and what could not be.

    Args:
        context: the site.
        findings: what the checks say now.
        channels: the ways to a person.
        now: the present instant.
    """
    path = ledger_file(context.home, context.site_name)
    with hold_lock(path.with_suffix(".lock")):
        troubles = _after(read_ledger(path), findings, now)
        telling = _Telling(path, troubles, context)
        for trouble in list(troubles.values()):
            if trouble.mended_at is None:
                if now - trouble.since >= PATIENCE:
                    telling.broken(trouble, channels)
            elif not trouble.told or now - trouble.mended_at >= PATIENCE:
                telling.mended(trouble, channels)
        write_ledger(path, troubles)
    return telling.told


def _after(known: dict[str, Trouble], findings: Iterable[CheckResult], now: datetime) -> dict[str, Trouble]:
    """Return the troubles as they are after a look."""
    troubles = dict(known)
    for found in findings:
        old = troubles.get(found.check)
        broken = found.verdict is not Verdict.OK
        if old is None and not broken:
            continue
        trouble = old or Trouble(cause=found.check, since=now, detail="")
        mended_at = None if broken else trouble.mended_at or now
        changes = {"detail": found.detail, "remedy": found.remedy, "mended_at": mended_at}
        troubles[found.check] = trouble.model_copy(update=changes)
    return troubles


class _Telling:
    """Messages of one look; the ledger is written after each, so that a kill repeats one at most."""

    def __init__(self, path: Path, troubles: dict[str, Trouble], context: Context) -> None:
        self._path, self._troubles, self._site = path, troubles, context.site_name
        self._zone = ZoneInfo(context.timezone)
        self._language: Language = context.site_settings.language
        self.told = Told()

    def broken(self, trouble: Trouble, channels: Sequence[Channel]) -> None:
        """Tell those who do not know."""
        since: str = phrase("It is so since {time}.", time=self._local(trouble.since))
        if trouble.remedy:
            since = joined(" ", [since, phrase("What to do: {remedy}.", remedy=trouble.remedy)])
        once = phrase("This is told once, and again when it is mended.")
        text = joined("\n", [f"{trouble.detail}.", since, once])
        message = self._message(trouble, f"Darkstar: {trouble.cause}", text)
        for channel in channels:
            if channel.name not in trouble.told and self._hand_over(channel, message):
                trouble = trouble.model_copy(update={"told": (*trouble.told, channel.name)})
                self._keep(trouble)

    def mended(self, trouble: Trouble, channels: Sequence[Channel]) -> None:
        """Tell those who were told that it is broken, and forget it when all know."""
        text = phrase("It is well: {detail}.", detail=trouble.detail)
        if trouble.mended_at is not None:
            since = self._local(trouble.mended_at)
            text = phrase("It is well since {time}: {detail}.", time=since, detail=trouble.detail)
        message = self._message(trouble, phrase("Darkstar: {cause} is mended", cause=trouble.cause), text)
        by_name = {channel.name: channel for channel in channels}
        for name in trouble.told:
            if name not in by_name or self._hand_over(by_name[name], message):
                trouble = trouble.model_copy(update={"told": tuple(one for one in trouble.told if one != name)})
                self._keep(trouble)
        if not trouble.told:
            del self._troubles[trouble.cause]

    def _keep(self, trouble: Trouble) -> None:
        self._troubles[trouble.cause] = trouble
        write_ledger(self._path, self._troubles)

    def _message(self, trouble: Trouble, title: str, text: str) -> Message:
        return Message(
            site=self._site,
            cause=trouble.cause,
            state="broken" if trouble.mended_at is None else "mended",
            title=" ".join(without_secrets(translated(title, self._language)).split()),
            text=without_secrets(translated(text, self._language)),
        )

    def _hand_over(self, channel: Channel, message: Message) -> bool:
        """Return whether a channel took a message; where it did not, say why."""
        try:
            channel.tell(message)
        except DarkstarError as error:
            failed = without_secrets(f"{channel.name} was not told of {message.cause}: {error.message}; {error.hint}")
            _log.warning("%s", failed)
            self.told.failed.append(failed)
            return False
        self.told.done.append(f"{channel.name} was told that {message.cause} is {message.state}")
        return True

    def _local(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._zone):%Y-%m-%d %H:%M}"
