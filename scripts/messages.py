"""Fails where a text for people has no Swedish or German, and names it (`make lint`).

    python scripts/messages.py            what is missing, unused or wrong
    python scripts/messages.py --sort     put the catalogues in order, unused entries taken out

Texts are the first arguments of `phrase(…)` in Python and of `t(…)` in the page's scripts, the table of
`planner/wording/phrases.py`, and what stands in the page's `index.html`.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("planner", "darkstar_pipeline")
PHRASES = ROOT / "planner/wording/phrases.py"
CATALOGUES = ROOT / "planner/wording/catalogues"
PAGES = (ROOT / "darkstar_pipeline/service/http/page", ROOT / "darkstar_pipeline/service/fleet/page")
LANGUAGES = ("sv", "de")
_CALL = re.compile(r'(?<![\w.])t\(\s*(?:"((?:[^"\\]|\\.)*)"|(?=(\S)))')
_ATTRIBUTES = ("aria-label", "placeholder", "title", "alt")
_EMPTY_TAGS = ("meta", "link", "img", "input", "br", "hr")


class Texts:
    """The texts of the project, and what is wrong with how they are written.

    Attributes:
        places: where each English text stands.
        wrong: calls whose text is not written out.
    """

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.wrong: list[str] = []

    def add(self, text: str, place: str) -> None:
        """Keep a text."""
        self.places.setdefault(text, place)


class _PageTexts(HTMLParser):
    """Finds the texts of a page outside of what is marked `translate="no"`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._kept_out: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        out = values.get("translate") == "no" or tag in ("style", "script", "code")
        self.found += [text for name in _ATTRIBUTES if (text := values.get(name))]
        if tag not in _EMPTY_TAGS:
            self._kept_out.append(out or any(self._kept_out))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY_TAGS and self._kept_out:
            self._kept_out.pop()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if re.search(r"[A-Za-z]{2}", text) and not any(self._kept_out):
            self.found.append(text)


def project_texts() -> Texts:
    """Return every text of the project that people read."""
    texts = Texts()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            read_python(path, texts)
    for path in sorted(path for page in PAGES for path in page.rglob("*.js")):
        read_script(path, texts)
    for path in sorted(path for page in PAGES for path in page.rglob("*.html")):
        page = _PageTexts()
        page.feed(path.read_text(encoding="utf-8"))
        for text in page.found:
            texts.add(text, _name(path))
    return texts


def read_python(path: Path, texts: Texts) -> None:
    """Add the texts of a module."""
    source = path.read_text(encoding="utf-8")
    if "phrase" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "phrase":
            _add_argument(node, path, texts)
        if path == PHRASES and isinstance(node, ast.Dict):
            for value in node.values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    texts.add(value.value, _name(path))


def _add_argument(call: ast.Call, path: Path, texts: Texts) -> None:
    first = call.args[0] if call.args else None
    place = f"{_name(path)}:{call.lineno}"
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        texts.add(first.value, place)
    else:
        texts.wrong.append(f"{place}: the text of phrase(…) is not written out")


def read_script(path: Path, texts: Texts) -> None:
    """Add the texts of one of the page's scripts."""
    source = path.read_text(encoding="utf-8")
    for found in _CALL.finditer(source):
        place = f"{_name(path)}:{source.count(chr(10), 0, found.start()) + 1}"
        if found[1] is not None:
            texts.add(json.loads(f'"{found[1]}"'), place)
        elif not source[: found.start()].endswith("function "):
            texts.wrong.append(f'{place}: the text of t(…) is not written out in "…"')


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def catalogue(language: str) -> dict[str, str]:
    """Return a language's catalogue; a text that stands there twice is an error."""
    return json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=_once)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set[str]()
    if twice:
        message = f"stand twice: {sorted(twice)}"
        raise ValueError(message)
    return dict(pairs)


def faults(texts: Texts) -> Iterator[str]:
    """Return what is wrong, a line each."""
    yield from texts.wrong
    for language in LANGUAGES:
        known = catalogue(language)
        yield from (
            f"{language}: missing ({place}): {text}" for text, place in texts.places.items() if text not in known
        )
        yield from (f"{language}: unused: {text}" for text in known if text not in texts.places)
        for text, translation in known.items():
            if not translation.strip() or _fields(text) != _fields(translation):
                yield f"{language}: other placeholders than the English: {text!r} → {translation!r}"


def _fields(text: str) -> list[tuple[str, str]]:
    """Return the placeholders of a text with their formats, in order."""
    return sorted((name, form or "") for _, name, form, _ in Formatter().parse(text) if name is not None)


def sort_catalogues(texts: Texts) -> None:
    """Write each catalogue in alphabetical order, without texts that nothing says."""
    for language in LANGUAGES:
        kept = {text: translation for text, translation in sorted(catalogue(language).items()) if text in texts.places}
        text = json.dumps(kept, ensure_ascii=False, indent=1)
        (CATALOGUES / f"{language}.json").write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Print what is wrong; return 1 where anything is."""
    texts = project_texts()
    if "--sort" in sys.argv[1:]:
        sort_catalogues(texts)
    lines = list(faults(texts))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
