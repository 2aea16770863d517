"""The catalogue of inverter profiles: a YAML file a family in this package, and those of a person's own folder."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.config.yaml_file.document import read_yaml
from darkstar_pipeline.config.yaml_file.explanation import explain
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.inverters.profile import InverterProfile

ABOUT = "docs/inverters.md"
MOST_BYTES = 200_000


def read_profile(text: str, name: str) -> InverterProfile:
    """Return the profile in the text of a YAML file.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        ConfigurationError: it is no profile; the message says what is wrong and on which line.
    """
    try:
        document = read_yaml(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{name} cannot be read as YAML: {reason}", "fix the file") from error
    try:
        return InverterProfile.model_validate({} if document.values is None else document.values)
    except ValidationError as error:
        wrong = describe_validation(
            error, whole="the whole profile", remark=lambda item: explain(item, InverterProfile, document)
        )
        raise ConfigurationError(f"{name}: {wrong}", f"correct it; {ABOUT} explains every key") from error


@lru_cache(maxsize=1)
def built_in() -> dict[str, InverterProfile]:
    """Return the profiles of this package by family."""
    folder = files("darkstar_pipeline.inverters") / "data"
    texts = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    profiles = [read_profile(text, name) for name, text in texts if name.endswith(".yaml")]
    return {profile.family: profile for profile in profiles}


def profiles_of(folder: Path | None) -> dict[str, InverterProfile]:
    """Return every profile by family: those of this package, replaced and joined by those of a folder.

    Args:
        folder: of the person's own profiles; None for none.

    Raises:
        ConfigurationError: the folder cannot be read, two files of it are of one family, or one is no profile.
    """
    own: dict[str, InverterProfile] = {}
    for path in _files_of(folder):
        try:
            text = _text_of(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}", "make it a text file") from error
        profile = read_profile(text, str(path))
        if profile.family in own:
            raise ConfigurationError(f"{path}: another file is of family {profile.family} too", "remove one of them")
        own[profile.family] = profile
    return {**built_in(), **own}


def _text_of(path: Path) -> str:
    """Return the text of a file.

    Raises:
        ConfigurationError: it is too long: a part of a profile is another profile.
        OSError: it cannot be read.
        UnicodeDecodeError: it is no text.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"{path} is larger than {MOST_BYTES} bytes", "leave nothing in it but the profile")
    return content.decode()


def profile_of(family: str, folder: Path | None) -> InverterProfile:
    """Return the profile of a family.

    Raises:
        ConfigurationError: there is none.
    """
    known = profiles_of(folder)
    if family not in known:
        hint = f"one of {', '.join(sorted(known))}; or write a file for it ({ABOUT})"
        raise ConfigurationError(f"there is no inverter profile {family!r}", hint)
    return known[family]


def _files_of(folder: Path | None) -> list[Path]:
    """Return the YAML files of a folder.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if folder is None:
        return []
    place = folder.expanduser()
    if not place.is_dir():
        hint = "make the folder, or correct home_assistant.control.inverter.profiles_folder"
        raise ConfigurationError(f"there is no folder {place} of inverter profiles", hint)
    return sorted(path for path in place.iterdir() if path.suffix in (".yaml", ".yml"))
