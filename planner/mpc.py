"""MPC: plans again at the start of every slot, on forecasts, published prices and the latest readings.

The plan is the optimiser's answer for the forecast; the command is what the plan means (`commanding`), written only
where it is worth a write (`steadiness`). Forecasts are corrected by the last slot's error, fading with the distance:
without it the six bench pairs' captured share was 0.2-0.9 points lower on their training weeks, with a fade of 0.8-0.9
a slot all alike.
"""

from dataclasses import dataclass

import numpy as np

from env.inverter import Command, Energy
from env.site import Site
from planner.commanding import command_for_plan
from planner.flow_kinds import CHARGE, DISCHARGE
from planner.linear_program import HomeProgram
from planner.steadiness import SlotOutlook, Steadiness, SteadinessRules

FADE = 0.85  # share of the last slot's forecast error that is left one slot later
PV_WORTH_SCALING_KWH = 0.02  # below this a PV forecast is dusk, and its ratio to the reading is noise
MOST_PV_RATIO = 3.0
UNSTEADY = SteadinessRules()


@dataclass(frozen=True, kw_only=True)
class EndCurve:
    """What is stored at the horizon's end is worth: concave, above a floor.

    Attributes:
        floor_kwh: stored energy the first step begins at [kWh].
        widths_kwh: of the steps `(n_steps,)` [kWh].
        slopes: worth of a kWh in each, descending `(n_steps,)` [money/kWh].
    """

    floor_kwh: float
    widths_kwh: Energy
    slopes: Energy


class MpcHorizon:
    """Decisions over a span of slots whose prices are known; hot between them.

    Args:
        site: battery and limits.
        import_price: `(n_slots,)` [money/kWh].
        export_price: `(n_slots,)` [money/kWh].
        end: worth of a stored kWh at the end [money/kWh], or a curve.
        program: one of the same site and length to use again; it forgets what it was used for.
    """

    def __init__(
        self,
        site: Site,
        import_price: Energy,
        export_price: Energy,
        *,
        end: float | EndCurve,
        program: HomeProgram | None = None,
    ) -> None:
        self.site = site
        self.import_price, self.export_price = import_price, export_price
        self.price_level = float(np.abs(import_price).mean())
        curve = end if isinstance(end, EndCurve) else None
        steps = 0 if curve is None else len(curve.slopes)
        self.program = program if program is not None else HomeProgram(site, len(import_price), end_steps=steps)
        self.program.forget()
        self.program.set_prices(import_price, export_price, end if isinstance(end, float | int) else 0.0)
        if curve is not None:
            self.program.set_end_curve(curve.floor_kwh, curve.widths_kwh, curve.slopes)

    def told(
        self, slot: int, soc_kwh: float, load_kwh: Energy, pv_kwh: Energy, steadiness: Steadiness | None = None
    ) -> tuple[float, float, float]:
        """The command for a slot, from a plan of it and all slots after it.

        Args:
            slot: index in the horizon.
            soc_kwh: stored energy now [kWh].
            load_kwh: expected from this slot on `(n_slots - slot,)` [kWh].
            pv_kwh: expected from this slot on [kWh].
            steadiness: what decides whether the command is worth a write; None writes every one.
        """
        self.program.set_house(load_kwh, pv_kwh, self.export_price[slot:], first=slot)
        self.program.start_at(slot, soc_kwh)
        solution = self.program.solve()
        stored_value = float(solution.stored_value[slot])
        import_price, export_price = float(self.import_price[slot]), float(self.export_price[slot])
        told = command_for_plan(
            charge_kwh=float(solution.flows[slot, CHARGE]),
            discharge_kwh=float(solution.flows[slot, DISCHARGE]),
            net_load_kwh=float(load_kwh[0] - pv_kwh[0]),
            stored_value=stored_value,
            import_price=import_price,
            export_price=export_price,
            site=self.site,
        )
        if steadiness is None:
            return told
        outlook = SlotOutlook(
            load_kwh=float(load_kwh[0]),
            pv_kwh=float(pv_kwh[0]),
            soc_kwh=soc_kwh,
            import_price=import_price,
            export_price=export_price,
            stored_value=stored_value,
            price_level=self.price_level,
            left_of_day=min(1.0, (len(self.import_price) - slot) / 96),
        )
        return steadiness.settle(told, outlook)


class MpcDay:
    """Decisions of one daily episode.

    Args:
        site: battery and limits.
        import_price: published for the day `(n_slots,)` [money/kWh].
        export_price: published for the day `(n_slots,)` [money/kWh].
        load_forecast: made at the start of the day `(n_slots,)` [kWh].
        pv_forecast: made at the start of the day `(n_slots,)` [kWh].
        settlement_value: worth of a stored kWh at the end of the day [money/kWh].
        rules: how steady the commands shall be.
        program: one of the same site and length to use again.
    """

    def __init__(  # noqa: PLR0913 - keyword-only: what is known at the day's start
        self,
        *,
        site: Site,
        import_price: Energy,
        export_price: Energy,
        load_forecast: Energy,
        pv_forecast: Energy,
        settlement_value: float,
        rules: SteadinessRules = UNSTEADY,
        program: HomeProgram | None = None,
    ) -> None:
        self.site = site
        self.load_forecast, self.pv_forecast = load_forecast, pv_forecast
        self.horizon = MpcHorizon(site, import_price, export_price, end=settlement_value, program=program)
        self.steadiness = Steadiness(site, rules) if rules != UNSTEADY else None

    def command(self, slot: int, soc_kwh: float, last_load: float | None, last_pv: float | None) -> Command:
        """Decide at the start of a slot.

        Args:
            slot: index in the day.
            soc_kwh: stored energy now [kWh].
            last_load: what the house used in the slot before; None at the start of the day [kWh].
            last_pv: what the panels made in the slot before [kWh].
        """
        load, pv = self.load_forecast[slot:], self.pv_forecast[slot:]
        if slot > 0 and last_load is not None and last_pv is not None:
            load = corrected_load(load, last_load - self.load_forecast[slot - 1])
            pv = corrected_pv(pv, last_pv, float(self.pv_forecast[slot - 1]))
        told = self.horizon.told(slot, soc_kwh, load, pv, self.steadiness)
        return Command(*(np.asarray(power) for power in told))


def _fading(n_slots: int) -> Energy:
    return np.power(FADE, np.arange(1.0, n_slots + 1), dtype=np.float64)


def corrected_load(forecast: Energy, last_error: float) -> Energy:
    """The forecast moved by the last slot's error (reading - forecast), fading; not below 0 [kWh]."""
    return np.maximum(forecast + last_error * _fading(len(forecast)), 0.0)


def corrected_pv(forecast: Energy, last_reading: float, last_forecast: float) -> Energy:
    """The forecast scaled by the last slot's ratio of reading to forecast, fading to 1 [kWh]."""
    if last_forecast <= PV_WORTH_SCALING_KWH:
        return forecast
    ratio = min(last_reading / last_forecast, MOST_PV_RATIO)
    return forecast * (1 + (ratio - 1) * _fading(len(forecast)))
