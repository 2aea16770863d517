"""`darkstar control`: the guard apart from the service, the dead man's switch, and a lease that a person ends."""

import re
from pathlib import Path
from typing import Annotated

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document

PURPOSE = "Guard the control of the inverter."
_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def guard(call: Call) -> None:
    """Restore the inverter's default whenever a lease expires.

    Run it apart from the service, so that it does not die with that.
    It watches every site of the state folder, or the one of `--site`, with its movable loads, for ever. It needs no
    configuration: a lease names what restores the default. DARKSTAR_HA_TOKEN, or the lease's token file, has to be
    readable.
    """
    import sys

    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.service.guard_service import GuardService
    from darkstar_pipeline.service.logs import configure_logs

    home, site = home_dir(), None if call.site is None else _named(call.site)
    configure_logs(json=not sys.stderr.isatty())
    document = {"home": str(home), "site": site}
    text = f"guard of {'every site' if site is None else site} in {home}\nCtrl-C stops it"
    answer = Document(document, lambda out: out.print(text, markup=False))
    GuardService(home, site).run(started=lambda: call.deliver(answer))


def install(
    call: Call,
    *,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Folder of Home Assistant's packages; default: where you are."),
    ] = None,
) -> Document:
    """Write the dead man's switch, a package for Home Assistant.

    The service starts its timer whenever it renews the lease. When the timer ends, Home Assistant itself sets the
    inverter's default. Copy the file into the folder `packages` of Home Assistant, restart that, and set
    `dead_man_timer` in the settings of control.
    """
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.service.control.dead_man import DeadManNames, package
    from darkstar_pipeline.service.home_assistant.translation import translator_of
    from darkstar_pipeline.state.atomic_files import atomic_write

    context = call.context()
    control = context.site_settings.home_assistant.control
    curtailable = bool(context.site.limits.curtailable)
    default = translator_of(control, context.site.battery.discharge_kw, throttles=curtailable).default()
    if not default:
        raise ConfigurationError(
            f"home_assistant.control.mapping of {context.site_name} names no entity",
            "set the entities of the inverter first",
        )
    timer = control.dead_man_timer
    names = DeadManNames.of_site(context.site_name) if timer is None else DeadManNames(timer)
    path = (Path() if to is None else to) / f"{names.key}.yaml"
    with atomic_write(path) as temporary:
        temporary.write_text(package(names, default, control.lease_minutes * 60), encoding="utf-8")
    document = {
        "site": context.site_name,
        "path": str(path),
        "timer": names.timer,
        "automation": names.automation,
        "default": {write.entity: write.value for write in default},
        "configured": timer is not None,
    }
    lines = [
        f"wrote   {path}",
        "1. copy it into the folder `packages` of Home Assistant, whose configuration.yaml has",
        "       homeassistant: {packages: !include_dir_named packages}",
        "2. restart Home Assistant",
        f"3. set home_assistant.control.dead_man_timer: {names.timer} and restart the service"
        if timer is None
        else f"3. {names.timer} is in the settings already",
        "4. `darkstar doctor` says whether it stands",
    ]
    return Document(document, lambda out: out.print("\n".join(lines), markup=False))


def release(call: Call) -> Document:
    """Release the leases of inverter and loads by hand, after a look.

    So it is where an entity that the lease names was renamed or removed: the guard tries for ever, and nothing is
    controlled until it is done.
    """
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.service.state_folder import service_folder
    from darkstar_pipeline.state.folder_names import LOADS_FOLDER

    site = call.context().site_name if call.site is None else _named(call.site)
    folder = service_folder(home_dir(), site)
    found = [entities for each in (folder, folder / LOADS_FOLDER) if (entities := _released(each)) is not None]
    entities = [entity for each in found for entity in each]
    document = {"site": site, "released": bool(found), "entities": entities}
    text = f"released the lease of {site}; see to {', '.join(entities) or 'the inverter'} yourself"
    return Document(
        document, lambda out: out.print(text if found else f"no lease of {site} is outstanding", markup=False)
    )


def _released(folder: Path) -> list[str] | None:
    """Release the lease of a folder; return the entities that it names, None where none is outstanding."""
    from darkstar_pipeline.service.control.outstanding_lease import DAMAGED
    from darkstar_pipeline.service.home_assistant.lease import LEASE_FILE, look_at_lease, write_lease

    reading = look_at_lease(folder)
    if reading.outstanding is not None:
        write_lease(folder, reading.outstanding.model_copy(update={"released": True}))
        return [str(call.data.get("entity_id", call.reads)) for call in reading.outstanding.restore]
    if reading.problem:
        (folder / LEASE_FILE).replace(folder / DAMAGED)
        return []
    return None


def _named(site: str) -> str:
    """Return a site's name where it can be one.

    Raises:
        ConfigurationError: it cannot.
    """
    from darkstar_pipeline.errors import ConfigurationError

    if _SITE.fullmatch(site) is None:
        raise ConfigurationError(f"{site!r} is no name of a site", "letters, digits, - and _")
    return site
