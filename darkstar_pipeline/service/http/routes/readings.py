"""Route of readings that another program hands in, for homes without Home Assistant."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from fastapi import APIRouter

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.ingest.imports import OBSERVATIONS, import_parsed
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers
from darkstar_pipeline.service.schemas.readings import Reading, ReadingsReport, ReadingsRequest
from darkstar_pipeline.sources.observations import read_observations
from env.time_grid import SLOT

router = APIRouter(tags=["readings"])
_FILE = "posted_readings.csv"
_VALUES = tuple(name for name in Reading.model_fields if name != "slot_start")


@router.post("/readings", responses=answers(409), summary="Hand in readings")
def readings(request: ReadingsRequest, service: StateDep) -> ReadingsReport:
    """Store readings of slots, by the checks of an imported file.

    The later word wins, slot by slot and column by column, so handing in the same again changes nothing: hand in the
    last hour every quarter of an hour, and a lost request mends itself. Longer slots never replace shorter ones.
    """
    _refuse_unknown_length(request)
    rows = [reading.model_dump(exclude={"slot_start"}) for reading in request.readings]
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(_VALUES, pl.Float64))
    told = [name for name in frame.columns if frame[name].null_count() < frame.height]
    target, now = ImportTarget.of(service.context), service.clock.now()
    with TemporaryDirectory(prefix="darkstar-") as folder:
        file = Path(folder) / _FILE
        stamps = pl.Series("slot_start", [reading.slot_start.isoformat() for reading in request.readings])
        frame.select(told).with_columns(stamps).write_csv(file)
        parsed = read_observations(file, site=target.site, now=now, minutes=request.minutes)
    report = import_parsed(OBSERVATIONS, target, parsed, source=_FILE, now=now, keep_finer=True)
    if report.slots_new or report.slots_changed:
        service.engine.wake()
    return ReadingsReport(
        accepted=report.rows_accepted,
        rejected=report.rows_rejected,
        slots_new=report.slots_new,
        slots_changed=report.slots_changed,
        slots_unchanged=report.slots_unchanged,
        last_slot=report.last_slot,
        notes=[note for note in report.notes if note],
    )


def _refuse_unknown_length(request: ReadingsRequest) -> None:
    """Refuse readings whose length nothing tells: half hours, or quarter-hours of which every second is missing.

    Raises:
        DataRefusedError: they are more than a slot apart, and `minutes` is left out.
    """
    stamps = sorted({reading.slot_start for reading in request.readings})
    apart = min((after - before for before, after in pairwise(stamps)), default=SLOT)
    if request.minutes is None and apart > SLOT:
        message = (
            f"the readings are {apart.total_seconds() / 60:g} minutes apart, which does not tell how long they are"
        )
        raise DataRefusedError(message, 'say it beside them: "minutes": 15, 30 or 60')
