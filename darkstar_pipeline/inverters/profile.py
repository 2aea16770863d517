"""An inverter profile: the entities of a family of inverters, and the values that carry out each command.

A profile is data, read from a YAML file (docs/inverters.md). What does not belong here: reading files (`catalogue`),
finding a home's entities (`matching`), writing values (`darkstar_pipeline.service.home_assistant`).
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError

Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""Name of an entity inside a profile, such as `mode`."""
Pattern = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9_*]+$", max_length=255)]
"""Entity ids, `*` for any characters, such as `number.*_charge_power`."""
Power = Literal["charge", "discharge", "export"]
Unit = Literal["W", "kW", "A", "%", "min", "s", ""]
Number = Annotated[float, Field(strict=True)]
POWER_UNITS = ("W", "kW", "A", "%")
SETTABLE = {
    "number": "number",
    "input_number": "number",
    "select": "option",
    "input_select": "option",
    "switch": "switch",
    "input_boolean": "switch",
}
"""Kind of value that an entity takes, by its domain; other domains can only be read."""
ON_OFF = ("on", "off")
COMMANDS = ("charge", "hold", "discharge", "export", "sell_surplus")
PERIOD_UNITS = {"min": 1.0, "s": 60.0}
"""Units of a period, and how many of each a minute has."""
RENEWAL_MINUTES = 10.0
"""A command with a period is written again so long before its end at the latest [min]."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_PERIODS = re.compile(r"duration|minutes|seconds|timeout|hours")
"""Names of what a service takes for how long."""
Action = Literal["charge", "hold", "discharge", "export", "sell_surplus"]


class EntityFact(Frozen):
    """Facts of an entity of the family.

    Attributes:
        matches: its ids, the likeliest first.
        unit: unit of a number.
        options: options of a select that the commands use.
        minimum: least number that it takes, where its own `min` does not say so.
        maximum: largest number that it takes, where its own `max` does not say so.
        floor: of a percentage that the inverter itself keeps to: `kept` where it is what stays stored, `usable` where
            it is the part that may be used; what a person sets there is followed.
        needed: whether the profile is of no use without it; commands that need a missing one cannot be carried out.
        note: what a person should know of it.
    """

    matches: tuple[Pattern, ...] = Field(min_length=1)
    unit: Unit = ""
    options: tuple[str, ...] = ()
    minimum: Number | None = None
    maximum: Number | None = None
    floor: Literal["kept", "usable"] | None = None
    needed: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "EntityFact":
        kinds = {SETTABLE.get(each.partition(".")[0], "sensor") for each in self.matches}
        if len(kinds) > 1:
            message = f"the ids are of different kinds ({', '.join(sorted(kinds))}): make an entity of each"
            raise SettingError(("matches",), message)
        if self.options and self.kind != "option":
            raise SettingError(("options",), "only a select has options")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise SettingError(("minimum",), f"{self.minimum:g} is above the maximum of {self.maximum:g}")
        return self

    @property
    def kind(self) -> str:
        """Kind of value that it takes: number, option, switch; `sensor` where it can only be read."""
        return SETTABLE.get(self.matches[0].partition(".")[0], "sensor")


class Step(Frozen):
    """A value that an entity gets, or a call of a service; steps are done in their order.

    Attributes:
        set: the entity.
        to: a number, an option, or `on` and `off`.
        power: instead: the command's power, in the entity's unit.
        negative: whether the power is written with the opposite sign.
        most: instead: the largest number that the entity takes.
        own: instead: the value that the person's settings name, as it was before Darkstar came.
        period: instead: the time after which the inverter itself ends the command (`period_minutes`).
        call: instead of an entity: `domain.service`.
        data: of the call; `{charge}`, `{discharge}`, `{export}` stand for powers [W], `{device.NAME}` for a device,
            `{period}` for the period [min].
        reads: entity that shows what the call did.
        shows: what it shows then.
        read_back: false where the entity does not show what was written; then the other steps have to.
        again_after_minutes: time after which the inverter forgets the value [min].
        ends: whether a number of the default ends what may be running, as an option does: the others wait for it.
    """

    set: Role | None = None
    to: Number | str | None = None
    power: Power | None = None
    negative: bool = False
    most: bool = False
    own: bool = False
    period: bool = False
    call: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")] | None = None
    data: dict[str, int | float | str] = Field(default_factory=dict[str, int | float | str])
    reads: Role | None = None
    shows: str | None = None
    read_back: bool = True
    again_after_minutes: Annotated[float, Field(ge=1, le=1440)] | None = None
    ends: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Step":
        if self.call is not None:
            self._check_call()
            return self
        if self.set is None:
            raise ValueError("a step sets an entity (`set`) or calls a service (`call`)")
        told = [name for name in ("power", "most", "own", "period") if getattr(self, name)]
        told += [] if self.to is None else ["to"]
        if len(told) != 1:
            message = (
                f"`{self.set}` needs exactly one of `to`, `power`, `most`, `own`, `period`; it has {told or 'none'}"
            )
            raise ValueError(message)
        if self.data or self.reads is not None or self.shows is not None:
            raise ValueError("`data`, `reads` and `shows` belong to a `call`")
        if self.negative and self.power is None:
            raise ValueError("`negative` turns a `power` round; write a negative number in `to`")
        return self

    def _check_call(self) -> None:
        others = (self.set, self.power, self.most, self.own, self.period, self.negative)
        if any(others) or self.to is not None:
            raise ValueError("a `call` has `data`, `reads` and `shows`, and sets nothing besides")
        if self.reads is None or self.shows is None:
            raise ValueError("a `call` needs `reads` and `shows`: what is not read back is never believed")
        if not self.read_back:
            raise ValueError("a `call` is always read back, by `reads` and `shows`")

    @property
    def role(self) -> str:
        """The entity that shows whether it was done."""
        return self.set or self.reads or ""

    @property
    def of_power(self) -> bool:
        """Return whether its value depends on the command's powers."""
        texts = (self.shows or "", *(value for value in self.data.values() if isinstance(value, str)))
        return self.power is not None or any(f"{{{power}}}" in text for text in texts for power in COMMANDS)

    @property
    def of_period(self) -> bool:
        """Return whether it tells the inverter when to end the command by itself."""
        return self.period or any("{period}" in value for value in self.data.values() if isinstance(value, str))


Steps = tuple[Step, ...]


class InverterProfile(Frozen):
    """A profile.

    Attributes:
        family: its name.
        title: inverters and integration, for people.
        integrations: names of the integrations that make the entities, as Home Assistant's registry has them.
        source: where the facts are from.
        read_on: when they were read.
        tested_on_hardware: whether a person has tried it on an inverter.
        entities: by role.
        devices: devices that calls name, each by an entity of it.
        default: values with which the inverter decides by itself.
        commands: values of each command; one that is missing cannot be carried out.
        parked: entities that mean nothing while the default stands, and are left as they are.
        throttle: values that keep surplus from being sold.
        release: values that end that.
        settles_seconds: time within which the entities show what was written [s].
        period_minutes: time after which the inverter itself ends a command that is not written again, where it can do
            that: a lease of its own, which holds where everything else is dead [min].
        needs: what a person has to set up once.
        cannot: what the inverters cannot do, or what is not known.
    """

    family: Role
    title: str = Field(min_length=1, max_length=100)
    integrations: tuple[Role, ...] = Field(min_length=1)
    source: tuple[str, ...] = Field(min_length=1)
    read_on: date
    tested_on_hardware: bool
    entities: dict[Role, EntityFact] = Field(min_length=1)
    devices: dict[Role, Role] = Field(default_factory=dict[str, str])
    default: Steps = Field(min_length=1)
    commands: dict[Action, Steps] = Field(min_length=1)
    parked: tuple[Role, ...] = ()
    throttle: Steps = ()
    release: Steps = ()
    settles_seconds: float = Field(default=10.0, gt=0, le=90)
    period_minutes: int | None = Field(default=None, ge=20, le=60)
    needs: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> "InverterProfile":
        for place, step in self._placed_steps():
            try:
                self._check_step(step)
            except SettingError as error:
                raise error.below(*place) from None
            if step.ends and place[0] != "default":
                raise SettingError((*place, "ends"), "a command ends by the default: `ends` is of its steps alone")
        for place, steps in self._parts().items():
            _check_once(place, steps)
        for name, role in self.devices.items():
            if role not in self.entities:
                raise SettingError(("devices", name), f"{role!r} is not under entities")
        used = {step.role for _, step in self._placed_steps()}
        if idle := [role for role in self.entities if role not in used]:
            raise SettingError(("entities", idle[0]), "no step sets or reads it: remove it")
        self._check_end()
        self._check_periods()
        self._check_throttle()
        return self

    def _parts(self) -> dict[tuple[str, ...], Steps]:
        """Return what is done together, by its place in the file."""
        parts: dict[tuple[str, ...], Steps] = {
            (name,): getattr(self, name) for name in ("default", "throttle", "release")
        }
        return parts | {("commands", name): steps for name, steps in self.commands.items()}

    def _placed_steps(self) -> Iterator[tuple[tuple[str | int, ...], Step]]:
        """Yield every step with its place in the file."""
        for place, steps in self._parts().items():
            for number, step in enumerate(steps):
                yield (*place, number), step

    def _check_step(self, step: Step) -> None:
        """Refuse a step that its entity cannot take.

        Raises:
            SettingError: it cannot; the place is below the step.
        """
        fact = self.entities.get(step.role)
        key = "set" if step.set is not None else "reads"
        if fact is None:
            raise SettingError((key,), f"{step.role!r} is not under entities: {', '.join(self.entities)}")
        if step.call is not None:
            self._check_devices(step)
            return
        if fact.kind == "sensor":
            raise SettingError((key,), f"{step.role} can only be read: its ids are those of a sensor")
        if step.power is not None and (fact.kind != "number" or fact.unit not in POWER_UNITS):
            raise SettingError(("power",), f"{step.role} is no number in {', '.join(POWER_UNITS)}")
        if step.most and fact.kind != "number":
            raise SettingError(("most",), f"{step.role} is no number")
        if step.period and (fact.kind != "number" or fact.unit not in PERIOD_UNITS or self.period_minutes is None):
            raise SettingError(("period",), f"{step.role} is no number in min or s, or period_minutes is missing")
        if step.to is not None:
            _check_value(step.to, step.role, fact)

    def _check_devices(self, step: Step) -> None:
        """Refuse a call with a name in braces that stands for nothing.

        Raises:
            SettingError: it has one.
        """
        period = () if self.period_minutes is None else ("period",)
        known = (*get_args(Power), *period, *(f"device.{name}" for name in self.devices))
        texts = (("data", value) for value in step.data.values() if isinstance(value, str))
        for key, text in (*texts, ("shows", step.shows or "")):
            for name in _BRACES.findall(text):
                if name not in known:
                    where = " is not under devices" if name.startswith("device.") else f": write {', '.join(known)}"
                    raise SettingError((key,), f"{name.removeprefix('device.')!r}{where}")

    def _check_end(self) -> None:
        """Refuse a profile whose default leaves something of a command behind, or rests on one."""
        for number, step in enumerate(self.default):
            if step.of_power:
                raise SettingError(("default", number), "the default knows no command, and so no power")
            if not step.read_back:
                raise SettingError(
                    ("default", number), "the default must be read back: the guard restores nothing else"
                )
        ended = {step.role for step in self.default} | set(self.parked)
        for name, steps in self.commands.items():
            for number, step in enumerate(steps):
                if step.role not in ended:
                    message = f"{step.role} keeps its value: set it in `default`, or name it in `parked`"
                    raise SettingError(("commands", name, number), message)

    def _check_periods(self) -> None:
        """Refuse a command that lets the inverter go on for as long as the file likes, or that ends unrenewed."""
        for name, steps in self.commands.items():
            for number, step in enumerate(steps):
                fixed = isinstance(step.to, float | int) and self.entities[step.role].unit in PERIOD_UNITS
                named = any(_PERIODS.search(key) for key, value in step.data.items() if not isinstance(value, str))
                if fixed or named:
                    message = "how long the inverter goes on by itself is `period_minutes`, 60 at most: write "
                    how = "`period: true`" if fixed else "'{period}'"
                    raise SettingError(("commands", name, number), message + how)
            again = [step.again_after_minutes for step in steps if step.again_after_minutes is not None]
            latest = (self.period_minutes or 0) - RENEWAL_MINUTES
            if any(step.of_period for step in steps) and (not again or max(again) > latest):
                message = (
                    f"it ends by itself: have a step of it written again, `again_after_minutes: {latest:g}` or less"
                )
                raise SettingError(("commands", name), message)

    def _check_throttle(self) -> None:
        thrown, released = ({step.role for step in steps} for steps in (self.throttle, self.release))
        if thrown - released:
            message = f"{', '.join(sorted(thrown - released))} would stay throttled: set it in `release`"
            raise SettingError(("throttle",), message)
        if any(step.of_power or not step.read_back for step in (*self.throttle, *self.release)):
            raise SettingError(("throttle",), "throttle and release know no command, and must be read back")
        used = {step.role for steps in (self.default, *self.commands.values()) for step in steps}
        if both := sorted(used & (thrown | released)):
            raise SettingError(("throttle",), f"{', '.join(both)} is set by a command too: each needs its own")


def _check_once(place: tuple[str, ...], steps: Steps) -> None:
    """Refuse steps of which one undoes another: both values never stand.

    Raises:
        SettingError: an entity has two.
    """
    roles = [step.role for step in steps]
    for number, role in enumerate(roles):
        if role in roles[:number]:
            raise SettingError((*place, number), f"{role} gets two values here, and has only one: leave one of them")


def _check_value(value: float | str, role: str, fact: EntityFact) -> None:
    """Refuse a value that an entity does not take.

    Raises:
        SettingError: it does not.
    """
    if fact.kind == "number" and isinstance(value, str):
        raise SettingError(("to",), f"{value!r} is no number, and {role} takes one")
    if fact.kind == "switch" and value not in ON_OFF:
        raise SettingError(("to",), f"{role} is a switch: write on or off")
    if fact.kind == "option" and value not in fact.options:
        raise SettingError(("to",), f"{value!r} is not among the options of {role}: {', '.join(fact.options)}")
