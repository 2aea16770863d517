"""Messages to people: an English sentence with named values, told in another language where it leaves the program.

A message is a string, and that string is English: it is compared, joined and logged like any other. It keeps the
sentence and the values that it was made of, so that `translated` can say it in the language that is spoken at the edge:
a page, a terminal, a report, a notification. `written` and `read` keep it in files in the same form.

The English sentence is the key of its translation in `catalogues/`. One that needs two translations says before a bar
where it stands: `phrase("command|hold")` is "hold" in English.
"""

import json
import re
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Any, LiteralString, TypeAlias, cast

from planner.wording.languages import ENGLISH, Language, catalogue, localized, spoken

Tree: TypeAlias = str | int | float | list[Any]
"""A text, a number, `["#", figures]`, `[sentence, {name: tree}]` or `[separator, [tree, …]]`."""

FIGURES = "#"
_PLACE = re.compile(r"^[a-z ]+\|")


class Message(str):
    """A text for people that can be told in every language.

    Args:
        tree: what it is made of.
    """

    tree: Tree

    def __new__(cls, tree: Tree) -> "Message":
        """Make the English text."""
        text = super().__new__(cls, _text(tree, ENGLISH))
        text.tree = tree
        return text

    def __reduce__(self) -> tuple[type["Message"], tuple[Tree]]:
        """Copy and pickle by what it is made of."""
        return Message, (self.tree,)


def phrase(sentence: LiteralString, **values: object) -> Message:
    """Return a sentence with its values: numbers by their format, texts, and other messages.

    >>> phrase("saves {money}", money=figures("4.10 SEK"))
    'saves 4.10 SEK'
    >>> phrase("{share:.0%} of {kwh:.1f} kWh", share=0.96, kwh=12.345)
    '96% of 12.3 kWh'
    """
    return Message([sentence, {name: tree_of(value) for name, value in values.items()}])


def figures(text: str) -> Message:
    """Return figures with their unit, which other languages write with a decimal comma: `1.90 kWh`."""
    return Message([FIGURES, text])


def joined(separator: str, parts: Iterable[str]) -> Message:
    """Return texts as one, with a separator between them that is the same in every language: `"; "`."""
    return Message([separator, [tree_of(part) for part in parts]])


def joined_and(parts: Sequence[str]) -> str:
    """Return texts as a list: `a`, `a and b`, `a and b and c`."""
    whole = parts[0]
    for part in parts[1:]:
        whole = phrase("{first} and {second}", first=whole, second=part)
    return whole


def translated(text: str, language: Language | None = None) -> str:
    """Return a text as plain text in a language; by default in the one that is spoken here and now."""
    if not isinstance(text, Message):
        return text
    return _text(text.tree, spoken() if language is None else language)


def written(text: str) -> str:
    """Return a text as JSON that `read` makes the same text of."""
    return json.dumps(tree_of(text), ensure_ascii=False)


def read(text: str) -> str:
    """Return the text that `written` wrote."""
    return restored(json.loads(text))


def restored(tree: Tree) -> str:
    """Return the text of a tree: a message, or plain text as it is."""
    return tree if isinstance(tree, str) else Message(tree)


def tree_of(value: object) -> Tree:
    """Return what a value is made of: of a message its parts, of plain text and numbers themselves."""
    if isinstance(value, Message):
        return value.tree
    if isinstance(value, (str, int, float)):
        return value
    plain = getattr(value, "item", None)  # a number of NumPy
    return str(value) if plain is None else plain()


def _text(tree: Tree, language: Language) -> str:
    """Return a tree as text in a language; what has no translation stays English."""
    if not isinstance(tree, list):
        return localized(str(tree), language) if isinstance(tree, float) else str(tree)
    head, rest = cast("tuple[str, Any]", tree)
    if head == FIGURES and isinstance(rest, str):
        return localized(rest, language)
    if isinstance(rest, list):
        return head.join(_text(part, language) for part in cast("list[Tree]", rest))
    values = {
        name: value if isinstance(value, (int, float)) else _text(value, language) for name, value in rest.items()
    }
    sentence = catalogue(language).get(head) or _PLACE.sub("", head)
    if language == ENGLISH:
        return sentence.format(**values)
    return _Figures(language).vformat(sentence, (), values)


class _Figures(Formatter):
    """Formats numbers as a language writes them.

    Args:
        language: the language.
    """

    def __init__(self, language: Language) -> None:
        self._language: Language = language

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - of the library
        """Return a value by its format."""
        text = str(super().format_field(value, format_spec))
        return localized(text, self._language) if isinstance(value, (int, float)) else text
