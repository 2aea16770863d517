"""The base of every section of the settings."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of all settings: immutable, unknown keys and numbers that are not finite are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SettingError(ValueError):
    """A setting that another one makes wrong; found by the section above both, which knows where it stands.

    Args:
        place: keys and positions from that section down to the setting.
        message: what is wrong with it, and what to do.
    """

    def __init__(self, place: tuple[int | str, ...], message: str) -> None:
        super().__init__(message)
        self.place = place

    def below(self, *above: int | str) -> "SettingError":
        """Return the error as a section further up sees it."""
        return SettingError((*above, *self.place), str(self))
