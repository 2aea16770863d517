"""Remarks behind an error of the file: what its setting means, with its unit, its line, and the key meant."""

from pydantic import BaseModel

from darkstar_pipeline.config.validation import Item
from darkstar_pipeline.config.yaml_file.document import YamlDocument
from darkstar_pipeline.config.yaml_file.field_tree import field_at, suggestions


def explain(item: Item, model: type[BaseModel], document: YamlDocument) -> str:
    """Return the remark that follows an error's message, such as ` (nominal capacity [kWh]; line 12)`.

    Args:
        item: the error.
        model: root of the settings.
        document: the file.
    """
    place: tuple[int | str, ...] = item["loc"]
    said: list[str] = []
    if item["type"] == "extra_forbidden":
        meant = suggestions(model, place)
        said += [f"did you mean {' or '.join(meant)}?"] if meant else []
    elif item["type"] != "value_error":
        field = field_at(model, place)
        said += [field.description] if field is not None and field.description else []
    line = document.line(place)
    said += [] if line is None else [f"line {line}"]
    return f" ({'; '.join(said)})" if said else ""
