"""A home of a fleet with a champion of its own: the fleet's pointer follows the home's."""

import logging

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.fleet.home_version import models_of
from darkstar_pipeline.models.fleet.moves import set_own
from darkstar_pipeline.models.version import RegisteredModel

_log = logging.getLogger(__name__)


def follow_own(context: Context, model: RegisteredModel) -> None:
    """Have the fleet's pointer name what a home's own pointer names; a site that is no home of a fleet has none.

    A store that fails is logged and stops nothing: the next `darkstar models --site SITE` tries again.
    """
    models = models_of(context)
    if models is None or model.family != "antares":
        return
    try:
        pointer = read_pointer(model.folder)
        ref = None if pointer is None else models.add_bundle(model.folder / pointer.path, pointer.version)
        set_own(models, model.site, ref)
    except DarkstarError as error:
        _log.warning("the fleet's pointer does not name the version of %s yet: %s", model.site, error)
