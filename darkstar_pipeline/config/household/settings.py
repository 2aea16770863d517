"""Settings of the household, assembled from the parts by subject."""

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.household.care import CareSettings
from darkstar_pipeline.config.household.strategy import StrategySettings


class HouseholdSettings(Frozen):
    """Settings of what people want of the battery beside the least cost, and of who else steers."""

    care: CareSettings = Field(default_factory=CareSettings)
    strategy: StrategySettings = Field(default_factory=StrategySettings)
