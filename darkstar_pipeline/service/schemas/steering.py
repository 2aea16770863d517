"""Document of what the service does with its commands: whether the plan steers the battery, and if not, why."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Text

SteeringState = Literal[
    "steering",
    "default",
    "waiting",
    "dry_run",
    "off",
    "manual",
    "trial",
    "no_plan",
    "fault",
    "released",
    "hands_off",
]
STEERING_STATES: tuple[SteeringState, ...] = (
    "steering", "default", "waiting", "dry_run", "off", "manual", "trial", "no_plan", "fault", "released",
    "hands_off",
)  # fmt: skip


class Steering(Document):
    """The state of steering: whether the plan steers the battery."""

    state: SteeringState = Field(
        description="steering: the command was read back; default: the inverter runs its own default in its place; "
        "waiting: nothing was read back yet; dry_run, off: control writes nothing; manual: automatic mode is off; "
        "trial: the service runs at another time (--at); no_plan: no plan reaches this moment, or none has prices; "
        "hands_off: others have the battery for now, and nothing is written; "
        "fault: control fails; released: the guard has ended the command."
    )
    steers: bool = Field(description="True only where the command of the plan was read back from the inverter.")
    words: Text = Field(description="The same in a sentence.", examples=["The plan steers the battery."])
    since: datetime | None = Field(default=None, description="Since when it has been seen to be so.")
