"""The languages that people are spoken to in: their catalogues, how they write figures, and which one is spoken now.

A catalogue is one JSON file a language, from the English sentence to its translation; the page reads the same file.
English has none: it is what stands in the code. Why: `docs/adr/0054-one-catalogue-of-messages.md`.

The language is a context variable, set where a request, a command or a message to the household begins, and read where
text leaves the program (`planner.wording.messages.translated`). A thread or task that sets none speaks English, as logs
do.
"""

import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Language: TypeAlias = Literal["en", "sv", "de"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
ENGLISH: Language = "en"
CATALOGUES = Path(__file__).parent / "catalogues"
_DECIMAL_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_PERCENT = re.compile(r"(?<=\d)%")
_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Return the translations into a language by their English; none for English."""
    if language == ENGLISH:
        return {}
    return json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))


def localized(figures: str, language: Language) -> str:
    r"""Return figures as a language writes them: decimal comma, and a space before the percent sign.

    >>> localized("1.90 kWh, 96%", "sv")
    '1,90 kWh, 96\xa0%'
    """
    if language == ENGLISH:
        return figures
    return _PERCENT.sub("\N{NO-BREAK SPACE}%", _DECIMAL_POINT.sub(",", figures))


def spoken() -> Language:
    """Return the language that is spoken here and now."""
    return _spoken.get()


def speak(language: Language) -> None:
    """Speak a language from now on in this thread's or task's context."""
    _spoken.set(language)


@contextmanager
def speaking(language: Language) -> Generator[None]:
    """Speak a language for a while."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def accepted(header: str, usual: Language) -> Language:
    """Return the language that an `Accept-Language` header asks for; the usual one where it asks for none of ours.

    >>> accepted("fr-CH, de;q=0.9, en;q=0.8", "sv")
    'de'
    >>> accepted("", "sv")
    'sv'
    """
    best, weight = usual, 0.0
    for part in header.split(","):
        tag, _, quality = part.partition(";")
        name, wanted = tag.strip().lower().partition("-")[0], _quality(quality)
        if name in LANGUAGES and wanted > weight:
            best, weight = name, wanted
    return best


def _quality(text: str) -> float:
    """Return the weight of a language in `Accept-Language`; one where none is given, none where it cannot be read."""
    if not text.strip():
        return 1.0
    found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", text)
    return 0.0 if found is None else float(found[1])
