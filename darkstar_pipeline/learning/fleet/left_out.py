"""Homes that a class goes on without, as people and programs are told of them."""

import json
from collections.abc import Mapping
from typing import Any

MOST_NAMES = 20
"""Homes that are named for a reason where the place is limited, as in MLflow's tags; of the others there is a count."""
_MOST_REASONS, _LONGEST_REASON = 10, 300


def left_out_rows(left_out: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a row a home, for a document."""
    return [{"home": home, "reason": why} for home, why in sorted(left_out.items())]


def by_reason(left_out: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return homes by why they were left out, the commonest reasons first.

    >>> by_reason({"a": "damaged", "b": "no day", "c": "damaged"})[0]
    {'reason': 'damaged', 'homes': 2, 'names': ['a', 'c']}
    """
    named: dict[str, list[str]] = {}
    for home, reason in left_out.items():
        named.setdefault(reason[:_LONGEST_REASON], []).append(home)
    ordered = sorted(named.items(), key=lambda each: -len(each[1]))
    rows = [{"reason": why, "homes": len(homes), "names": sorted(homes)[:MOST_NAMES]} for why, homes in ordered]
    if others := [home for _, homes in ordered[_MOST_REASONS:] for home in homes]:
        last = {"reason": "other reasons", "homes": len(others), "names": sorted(others)[:MOST_NAMES]}
        return [*rows[:_MOST_REASONS], last]
    return rows


def in_words(left_out: Mapping[str, str]) -> list[str]:
    """Return a sentence for every reason.

    >>> in_words({"a": "damaged", "c": "damaged"})
    ['2 homes left out (a, c): damaged']
    """
    told: list[str] = []
    for row in by_reason(left_out):
        names = ", ".join([*row["names"], *(["…"] if row["homes"] > len(row["names"]) else [])])
        told.append(f"{row['homes']} {'home' if row['homes'] == 1 else 'homes'} left out ({names}): {row['reason']}")
    return told


def left_out_tag(left_out: Mapping[str, str]) -> dict[str, str]:
    """Return the tag of a version that tells of them; none where nobody was left out."""
    return {"left_out": json.dumps(by_reason(left_out), ensure_ascii=False)} if left_out else {}
