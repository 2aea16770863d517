"""Settings of the engine that long work runs on."""

from typing import Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError


class EngineSettings(Frozen):
    """The engine of backfills, evaluation and training; results are the same to the bit whichever it is."""

    kind: Literal["local", "ray"] = Field(
        default="local", description="local: processes of this machine; ray: a Ray cluster"
    )
    address: str | None = Field(
        default=None,
        pattern=r"\S",
        description="address of the Ray cluster, such as ray://head:10001 or auto; null: one on this machine",
    )
    workers: int | None = Field(
        default=None, ge=1, le=100_000, description="most shards that are worked on at once; null: a core each"
    )

    @model_validator(mode="after")
    def _address_is_of_ray(self) -> "EngineSettings":
        if self.address is not None and self.kind == "local":
            message = f"address {self.address} is of a cluster, and kind is local: set kind: ray, or remove it"
            raise SettingError(("address",), message)
        return self
