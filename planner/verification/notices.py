"""Sentences on what the verifier found worth knowing in a plan: one a rule, however many slots it concerns."""

from collections.abc import Iterable

from env.time_grid import zone
from planner.verification.findings import Violation
from planner.wording.messages import joined, phrase
from planner.wording.values import weekday


def notice_sentences(notices: Iterable[Violation], timezone: str) -> list[str]:
    """Return a sentence for each rule among the notices.

    Args:
        notices: what `verify_schedule` noted.
        timezone: IANA zone of the times that are shown.
    """
    by_rule: dict[str, list[Violation]] = {}
    for notice in notices:
        by_rule.setdefault(notice.rule, []).append(notice)
    return [_sentence(found, timezone) for found in by_rule.values()]


def _sentence(found: list[Violation], timezone: str) -> str:
    worst = max(found, key=lambda notice: notice.size)
    if worst.slot_start is None:
        return worst.message
    local = worst.slot_start.astimezone(zone(timezone))
    when = joined(" ", [weekday(local), f"{local:%H:%M}"])
    if len(found) == 1:
        return joined(": ", [when, worst.message])
    return phrase("in {n} slots, most at {time}: {what}", n=len(found), time=when, what=worst.message)
