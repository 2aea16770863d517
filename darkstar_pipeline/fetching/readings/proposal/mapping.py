"""The mapping that is proposed: the energy dashboard's own words, else names, and the balance of the last week.

What the week's energies contradict is not proposed; what they cannot tell apart is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from darkstar_pipeline.fetching.readings.proposal.candidates import Candidate, Rank, Reals, Seen
from darkstar_pipeline.home_assistant_api.answers import EnergySource
from darkstar_pipeline.sources.home_assistant.house_load.load_of_balance import BALANCE
from darkstar_pipeline.sources.home_assistant.naming.sensor_parts import wholes_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject

EXPLAINED = 0.05
"""Share of the load that may stay unexplained in a week that balances."""
_SAME = 0.02
_FEWEST_HOURS = 24
_FIELDS = {
    "pv": Subject.PV,
    "grid_import": Subject.IMPORT,
    "grid_export": Subject.EXPORT,
    "battery_charge": Subject.CHARGE,
    "battery_discharge": Subject.DISCHARGE,
    "soc": Subject.SOC,
    "ev": Subject.EV,
    "water": Subject.WATER,
}
_SIGNS = {"pv": 1.0, "grid_import": 1.0, "grid_export": -1.0, "battery_discharge": 1.0, "battery_charge": -1.0}
_BESIDE = ("ev", "water")
_SIGNED = (
    ("grid", ("grid_import", "grid_export"), (Subject.GRID, Subject.GRID_INVERTED)),
    (
        "battery",
        ("battery_charge", "battery_discharge"),
        (Subject.BATTERY, Subject.BATTERY_INVERTED, Subject.BATTERY_UNSIGNED),
    ),
)
_DASHBOARD = "as the energy dashboard has it"


@dataclass(frozen=True, kw_only=True)
class Option:
    """A sensor or a sum that may measure a quantity.

    Attributes:
        terms: as `home_assistant.sensors` has it.
        because: why.
        week: hourly energies of the last week [kWh], or levels.
    """

    terms: str
    because: str
    week: Reals


@dataclass(frozen=True, kw_only=True)
class Question:
    """A quantity that several sensors may measure.

    Attributes:
        name: the setting below `home_assistant.sensors`.
        options: what it may be.
        best: position of the likeliest; None where none is.
    """

    name: str
    options: tuple[Option, ...]
    best: int | None = None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The mapping that is proposed.

    Attributes:
        chosen: what is sure, by setting below `home_assistant.sensors`.
        questions: what is not.
        notes: what was seen and is not taken, with the reason.
        unexplained: share of the load that the flows leave unexplained; None where that cannot be told.
    """

    chosen: dict[str, Option] = field(default_factory=dict[str, Option])
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    unexplained: float | None = None


def propose(seen: Seen) -> Proposal:
    """Return the mapping of the sensors that were seen."""
    chosen = _of_dashboard(seen)
    notes = [f"{entity}: no long-term statistics (it needs a state_class); not used" for entity in seen.silent]
    questions: list[Question] = []
    for name, subject in _FIELDS.items():
        if name in chosen:
            continue
        options, silent = _options([each for each in seen.candidates if each.subject is subject])
        notes += silent
        if len(options) == 1:
            chosen[name] = options[0]
        elif options:
            questions.append(Question(name=name, options=options))
    _add_signed(seen, chosen, [question.name for question in questions], notes)
    loads, silent = _options([each for each in seen.candidates if each.subject is Subject.LOAD])
    settled = [_settled(question, chosen, loads) for question in questions]
    chosen |= {
        each.name: each.options[each.best] for each in settled if each.best is not None and len(each.options) == 1
    }
    asked = tuple(each for each in settled if each.name not in chosen)
    return _with_load(Proposal(chosen=chosen, questions=asked, notes=(*notes, *silent)), loads)


def answered(proposal: Proposal, answers: dict[str, Option | None], seen: Seen) -> Proposal:
    """Return a proposal with the answers of the person; None leaves a quantity out."""
    chosen = {name: option for name, option in proposal.chosen.items() if name != "load"}
    chosen |= {name: option for name, option in answers.items() if option is not None}
    loads, _ = _options([each for each in seen.candidates if each.subject is Subject.LOAD])
    return _with_load(replace(proposal, chosen=chosen, questions=()), loads)


def _of_dashboard(seen: Seen) -> dict[str, Option]:
    """Return what the person said in the energy dashboard."""
    named: dict[str, list[str]] = {}
    for source in seen.dashboard.energy_sources:
        for name, statistic in _flows(source):
            if statistic is not None and statistic in seen.weeks and statistic not in named.get(name, []):
                named.setdefault(name, []).append(statistic)
    return {
        name: Option(
            terms="+".join(parts), because=_DASHBOARD, week=np.sum([seen.weeks[each] for each in parts], axis=0)
        )
        for name, parts in named.items()
    }


def _flows(source: EnergySource) -> list[tuple[str, str | None]]:
    """Return the settings that a source of the dashboard tells, with its statistics."""
    if source.type == "solar":
        return [("pv", source.stat_energy_from)]
    if source.type == "battery":
        return [("battery_discharge", source.stat_energy_from), ("battery_charge", source.stat_energy_to)]
    if source.type == "grid":
        flows = (source, *source.flow_from, *source.flow_to)
        return [
            pair
            for flow in flows
            for pair in (("grid_import", flow.stat_energy_from), ("grid_export", flow.stat_energy_to))
        ]
    return []


def _options(candidates: Sequence[Candidate]) -> tuple[tuple[Option, ...], list[str]]:
    """Return what may measure a quantity: the best of sensors that say the same, and sums of parts."""
    told = [each for each in candidates if each.hours >= _FEWEST_HOURS]
    notes = [f"{each.entity}: nothing of the last week; not used" for each in candidates if each not in told]
    if not told:
        return (), notes
    best_rank = min(each.rank for each in told)
    ranked = sorted(told, key=lambda each: (each.rank, -each.hours, len(each.entity), each.entity))
    wholes = wholes_of([each.entity for each in ranked if each.rank is best_rank])
    parts = {part for whole in wholes for part in whole.parts}
    by_name = {each.entity: each for each in ranked}
    options = [
        Option(
            terms="+".join(whole.parts),
            because=f"parts by {whole.kind}",
            week=np.sum([by_name[part].week for part in whole.parts], axis=0),
        )
        for whole in wholes
    ]
    singles = [each for each in ranked if each.entity not in parts]
    options += [Option(terms=each.entity, because=each.because, week=each.week) for each in singles]
    kept: list[Option] = []
    for option in options:
        if not any(_says_the_same(option.week, other.week) for other in kept):
            kept.append(option)
    usable = [each for each in kept if np.count_nonzero(~np.isnan(each.week)) >= _FEWEST_HOURS]
    return tuple(usable), notes


def _says_the_same(week: Reals, other: Reals) -> bool:
    """Return whether two sensors tell of the same flow, to some percents."""
    both = ~np.isnan(week) & ~np.isnan(other)
    size = float(np.abs(week[both]).sum() + np.abs(other[both]).sum()) / 2
    return int(np.count_nonzero(both)) >= _FEWEST_HOURS and float(np.abs(week - other)[both].sum()) <= _SAME * size


def _add_signed(seen: Seen, chosen: dict[str, Option], asked: Sequence[str], notes: list[str]) -> None:
    """Take a power with a sign where the flow's two directions have no sensors of their own."""
    for name, apart, subjects in _SIGNED:
        if any(each in chosen or each in asked for each in apart):
            continue
        powers = [each for each in seen.candidates if each.subject in subjects and each.rank is Rank.POWER]
        told = sorted((each for each in powers if each.hours >= _FEWEST_HOURS), key=lambda each: -each.hours)
        if not told:
            continue
        power = told[0]
        sign = _sign(power, chosen.get("soc"))
        if sign == 0:
            notes.append(f"{power.entity}: nothing shows which way it is positive; not used")
            continue
        terms = power.entity if sign > 0 else f"-{power.entity}"
        chosen[name] = Option(terms=terms, because=f"a power with a sign, {power.because}", week=sign * power.week)


def _sign(power: Candidate, soc: Option | None) -> int:
    """Return 1 for a power that is positive by import or charging, -1 for the reverse; 0 where nothing shows it."""
    if power.subject in (Subject.GRID, Subject.GRID_INVERTED):
        return 1 if power.subject is Subject.GRID else -1
    if soc is not None:
        gained = np.diff(soc.week)
        mean = (power.week[1:] + power.week[:-1]) / 2
        both = ~np.isnan(gained) & ~np.isnan(mean)
        related = float((gained[both] * mean[both]).sum())
        if abs(related) > 0:
            return 1 if related > 0 else -1
    return {Subject.BATTERY: 1, Subject.BATTERY_INVERTED: -1}.get(power.subject, 0)


def _settled(question: Question, chosen: dict[str, Option], loads: Sequence[Option]) -> Question:
    """Answer a question by the balance, where a load is measured and one option balances much better."""
    shares = [
        (share, position)
        for position, option in enumerate(question.options)
        if (share := _least_unexplained({**chosen, question.name: option}, loads)) is not None
    ]
    if question.name in ("soc", *_BESIDE) or len(shares) < len(question.options):
        return question
    (best, position), (second, _) = sorted(shares)[:2]
    if best <= EXPLAINED < second:
        option = replace(question.options[position], because=f"{question.options[position].because}; it balances")
        return Question(name=question.name, options=(option,), best=0)
    return replace(question, best=position)


def _with_load(proposal: Proposal, loads: Sequence[Option]) -> Proposal:
    """Add the load: a sensor that agrees with the flows, else what they leave over."""
    chosen, notes = dict(proposal.chosen), list(proposal.notes)
    known = {"grid_import", "grid"} & chosen.keys() and not {"grid_import", "grid_export"} & {
        question.name for question in proposal.questions
    }
    rated = [(share, option) for option in loads if (share := _unexplained(chosen, option)) is not None]
    best = min(rated, key=lambda pair: pair[0], default=None)
    if best is not None and best[0] <= EXPLAINED:
        chosen["load"] = replace(best[1], because=f"{best[1].because}; it balances")
    elif known:
        rest = np.full(1, np.nan)
        chosen["load"] = Option(terms=BALANCE, because="what the other flows leave over", week=rest)
        notes += [
            f"{option.terms}: the other flows leave {share:.0%} of it unexplained; their balance is taken instead"
            for share, option in rated
        ]
    elif len(loads) == 1:
        chosen["load"] = loads[0]
    elif loads:
        question = Question(name="load", options=tuple(loads))
        return replace(proposal, chosen=chosen, questions=(*proposal.questions, question))
    return replace(proposal, chosen=chosen, notes=tuple(notes), unexplained=best[0] if best is not None else None)


def _least_unexplained(chosen: dict[str, Option], loads: Sequence[Option]) -> float | None:
    """Return the share that stays unexplained with the load that fits best; None where no load is measured."""
    shares = [share for load in loads if (share := _unexplained(chosen, load)) is not None]
    return min(shares, default=None)


def _unexplained(chosen: dict[str, Option], load: Option) -> float | None:
    """Return the share of a load that the flows leave unexplained; None without import from the grid."""
    if not {"grid_import", "grid"} & chosen.keys():
        return None
    into = np.zeros_like(load.week)
    for name, sign in (*_SIGNS.items(), ("grid", 1.0), ("battery", -1.0), *((each, -1.0) for each in _BESIDE)):
        if name in chosen:
            into = into + sign * (np.nan_to_num(chosen[name].week) if name in _BESIDE else chosen[name].week)
    known = ~np.isnan(into) & ~np.isnan(load.week)
    total = float(load.week[known].sum())
    if np.count_nonzero(known) < _FEWEST_HOURS or total <= 0:
        return None
    return float(np.abs(load.week - into)[known].sum()) / total
