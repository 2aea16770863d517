"""The version that plans for one home of a fleet, loaded: its own champion, or its class's."""

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.models.fleet.classes import class_of
from darkstar_pipeline.models.fleet.resolution import HomePolicy, policy_for
from darkstar_pipeline.models.fleet.store import FleetModels, fleet_models
from darkstar_pipeline.warehouse.lake import Lake
from planner.artifacts.bundle import Bundle
from planner.errors import PolicyMismatchError


def models_of(context: Context) -> FleetModels | None:
    """Return the models of the fleet that a site is a home of; None for a site that is configured by itself."""
    if context.settings.fleet is None or isinstance(context.lake, Lake):
        return None
    return fleet_models(context.settings, context.home)


def home_version(context: Context) -> tuple[HomePolicy, Bundle] | None:
    """Return the version that plans for a home of a fleet; None where there is none, so that `value` decides.

    Raises:
        DataMissingError: the fleet's pointer is damaged.
        PolicyMismatchError: the bundle is missing, damaged, or made for another tariff.
        OutsideServiceError: the fleet's store failed.
    """
    models = models_of(context)
    if models is None:
        return None
    found = policy_for(models.pointer(), context.site_name, class_of(context.site_settings))
    if found is None:
        return None
    bundle = models.bundle(found.ref)
    if bundle.manifest.tariff not in ("", tariff_version(context.site_settings)):
        message = f"{found.model} version {found.ref.version} was trained under another tariff than {found.site} has"
        raise PolicyMismatchError(message)
    return found, bundle
