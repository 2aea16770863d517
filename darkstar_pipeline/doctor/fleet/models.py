"""Check of the models that a fleet has in use: the pointer, its moves, and the bundles that it names."""

from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, failed, found_by, passed
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.pointer import FleetPointer
from darkstar_pipeline.models.fleet.store import FleetModels, fleet_models
from planner.errors import PolicyMismatchError


def check_fleet_models(settings: Settings, home: Path) -> list[CheckResult]:
    """Check that every version in use, and every one that a rollback returns to, can be opened, and every move read.

    Args:
        settings: the whole configuration, with a fleet.
        home: the state folder.
    """
    models = fleet_models(settings, home)
    return [found_by("fleet's models", lambda: pointed_models(models))]


def pointed_models(models: FleetModels) -> CheckResult:
    """Check the pointer of some models, and what it names."""
    pointer = models.pointer()
    refs = {ref.identity: ref for ref in _named(pointer)}
    for ref in refs.values():
        try:
            models.bundle(ref)
        except PolicyMismatchError as error:
            return failed("fleet's models", str(error), "train and promote a version of that class again, or roll back")
    moves = sum(len(models.journal(name)) for name in pointer.classes)
    return passed("fleet's models", f"{len(refs)} versions of {len(pointer.classes)} classes, {moves} moves")


def _named(pointer: FleetPointer) -> list[VersionRef]:
    """Return the versions that a pointer names."""
    found = [*pointer.own.values()]
    for own in pointer.classes.values():
        found += [ref for ref in (own.champion, *own.previous) if ref is not None]
        found += [] if own.canary is None else [own.canary.ref]
    return found
