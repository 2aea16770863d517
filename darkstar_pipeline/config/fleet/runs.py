"""Settings of a fleet's runs in Dagster: where they work, how many at once, and where Dagster keeps its records."""

from typing import Any, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError

_NEEDED = {"local": (), "ray": ("address",), "kubernetes": ("service_account_name", "instance_config_map")}


class RunsSettings(Frozen):
    """The way in which Dagster starts the runs of a fleet; written into its `dagster.yaml`."""

    launcher: Literal["local", "ray", "kubernetes"] = Field(
        default="local", description="local: processes beside Dagster; ray: Ray jobs; kubernetes: Kubernetes jobs"
    )
    options: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="the launcher's own options: those of dagster-ray's RayRunLauncher or dagster-k8s's K8sRunLauncher",
    )
    at_once: int = Field(default=2, ge=1, le=10_000, description="runs that are at work at once")
    steps_per_pool: int = Field(
        default=4, ge=1, le=10_000, description="runs at work at once in one pool: one source, or the heavy buckets"
    )
    storage: dict[str, Any] | None = Field(
        default=None, description="Dagster's own storage block, such as postgres; null: SQLite in the state folder"
    )

    @model_validator(mode="after")
    def _options_are_of_the_launcher(self) -> "RunsSettings":
        if self.launcher == "local" and self.options:
            message = "are of a launcher, and launcher is local: set launcher: ray or kubernetes, or remove them"
            raise SettingError(("options",), message)
        for name in _NEEDED[self.launcher]:
            if name not in self.options:
                raise SettingError(("options",), f"has no {name}, which the launcher {self.launcher} needs")
        return self
