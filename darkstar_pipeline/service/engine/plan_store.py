"""Plans that were made, a file each, by day: what `GET /plans/{id}` shows, and what a restart goes on with."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder
from planner.wording.texts import STORED

PLAN_ID = r"^2[0-9]{3}(0[1-9]|1[0-2])[0-3][0-9]T[0-9]{6}Z-[0-9a-f]{8}$"
LOOK_BACK_DAYS = 3


class PlanStore:
    """The plans of a site.

    Args:
        folder: where; made with the first plan.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, plan: PlanDocument) -> None:
        """Write a plan.

        Raises:
            OSError: the disk does not take it.
        """
        path = self._path(plan.id)
        make_folder(path.parent)
        with atomic_write(path) as temporary:
            temporary.write_text(plan.model_dump_json(exclude={"steering"}, context=STORED), encoding="utf-8")

    def find(self, name: str) -> PlanDocument | None:
        """A plan by its id; None where there is none, or it cannot be read."""
        return _read(self._path(name)) if re.fullmatch(PLAN_ID, name) else None

    def latest(self, now: datetime) -> PlanDocument | None:
        """The last plan that was made by then and still reaches beyond; None where there is none."""
        for back in range(LOOK_BACK_DAYS):
            folder = self.folder / _day_name((now - timedelta(days=back)).date())
            for path in sorted(folder.glob("*.json"), reverse=True) if folder.is_dir() else ():
                plan = _read(path)
                if plan is not None and plan.created_at <= now < plan.valid_until:
                    return plan
        return None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name[:4]}-{name[4:6]}-{name[6:8]}" / f"{name}.json"


def _day_name(day: date) -> str:
    return day.isoformat()


def _read(path: Path) -> PlanDocument | None:
    try:
        return PlanDocument.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
