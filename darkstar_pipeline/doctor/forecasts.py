"""Check of the model that forecasts a site, and of the inputs that it lacks."""

from pathlib import Path

from pydantic import ValidationError

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.models.champion_pointer import read_pointer, read_version
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from planner.errors import PolicyMismatchError
from planner.forecasts.aurora_bundle import TrainingSummary

REMEDY = "darkstar train aurora"


def check_forecasts(settings: Settings, home: Path, site: str) -> CheckResult:
    """Check which model forecasts a site, and which weather it lacks."""
    check, context = f"forecasts, {site}", open_context(site, settings=settings, home=home)
    wanted = context.site_settings.forecast.model
    if wanted == "naive":
        return passed(check, "naive, as configured")
    days = len(context.lake.days(RAW_WEATHER, site))
    bring = "darkstar fetch weather, or darkstar import weather FILE"
    weather = f"weather of {days} days is stored" if days else f"no weather is stored ({bring})"
    folder = RegisteredModel.of(context, "aurora").folder
    try:
        pointer = read_pointer(folder)
        if pointer is None:
            detail = f"no Aurora is in use; {weather}"
            return failed(check, detail, REMEDY) if wanted == "aurora" else passed(check, f"naive: {detail}")
        learned = TrainingSummary.model_validate(read_version(folder, pointer).manifest.details)
    except (OSError, ConfigurationError, PolicyMismatchError, ValidationError) as error:
        return failed(check, f"the Aurora in use cannot be read: {error}", REMEDY)
    lacks = ", ".join(learned.lacks) or "nothing"
    from_weather = f", weather of {learned.weather}" if learned.weather else ""
    detail = (
        f"Aurora version {pointer.version} of the days to {learned.last_day}, without {lacks}{from_weather}; {weather}"
    )
    return passed(check, detail)
