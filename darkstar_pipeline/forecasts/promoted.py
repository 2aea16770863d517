"""Choice of the Aurora that forecasts a day: the newest promoted version fitted on earlier days only.

A model that has seen a day, or what came after it, would be rewarded for its memory. A day is therefore forecast by the
version in use, or else by the latest one in use before it, whose window ended before the day; days that come before
all of them, or inside the first's window, are forecast naively, and `model_version` says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.models.champion_pointer import Pointer, read_pointer, read_version
from darkstar_pipeline.models.version import RegisteredModel
from planner.errors import PolicyMismatchError
from planner.forecasts.aurora_bundle import LoadedAurora, load_aurora


@dataclass(frozen=True)
class PromotedAurora:
    """A version that is or was in use.

    Attributes:
        version: version of the registered model.
        loaded: the model of its bundle.
    """

    version: int
    loaded: LoadedAurora

    @property
    def name(self) -> str:
        """Return the `model_version` of its forecasts."""
        return f"{self.loaded.summary.version}_v{self.version}"

    def may_forecast(self, day: date) -> bool:
        """Return whether a day comes after all days that the model was fitted on."""
        return day > self.loaded.summary.last_day


def pointer_of(context: Context) -> Pointer | None:
    """Return the pointer to the version in use; None where none was ever promoted.

    Raises:
        ConfigurationError: the pointer is damaged.
    """
    return read_pointer(RegisteredModel.of(context, "aurora").folder)


def promoted_versions(context: Context) -> Iterator[PromotedAurora]:
    """Yield the version in use, then those in use before it, the latest first, as far as they can still be read.

    Raises:
        ConfigurationError: the pointer or the bundle in use is damaged.
    """
    folder, pointer = RegisteredModel.of(context, "aurora").folder, pointer_of(context)
    if pointer is None:
        return
    for seat in (pointer.ref, *pointer.previous):
        try:
            yield PromotedAurora(seat.version, load_aurora(read_version(folder, seat)))
        except PolicyMismatchError as error:
            if seat != pointer.ref:
                return
            message = f"the Aurora in use of site {context.site_name} cannot be read: {error}"
            raise ConfigurationError(message, "`darkstar train aurora`, or `darkstar models rollback`") from error
