"""Moved to darkstar_pipeline.versions, since `darkstar evaluate` needs it too; import it from there."""

from darkstar_pipeline.versions import Stage, config_version

__all__ = ["Stage", "config_version"]
