"""MPC: plans the rest of the day again at the start of every slot, on forecasts and the latest readings.

The plan is the optimiser's answer for the forecast; the command is what the plan means (`commanding`). Forecasts are
corrected by the last slot's error, fading with the distance: without it the six bench pairs' captured share was 0.2-0.9
points lower on their training weeks, with a fade of 0.8-0.9 a slot all alike.
"""

import numpy as np

from env.inverter import Command, Energy
from env.site import Site
from planner.commanding import command_for_plan
from planner.flow_kinds import CHARGE, DISCHARGE
from planner.linear_program import HomeProgram

FADE = 0.85  # share of the last slot's forecast error that is left one slot later
PV_WORTH_SCALING_KWH = 0.02  # below this a PV forecast is dusk, and its ratio to the reading is noise
MOST_PV_RATIO = 3.0


class MpcDay:
    """Decisions of one day.

    Args:
        site: battery and limits.
        import_price: published for the day `(n_slots,)` [money/kWh].
        export_price: published for the day `(n_slots,)` [money/kWh].
        load_forecast: made at the start of the day `(n_slots,)` [kWh].
        pv_forecast: made at the start of the day `(n_slots,)` [kWh].
        settlement_value: worth of a stored kWh at the end of the day [money/kWh].
    """

    def __init__(
        self,
        *,
        site: Site,
        import_price: Energy,
        export_price: Energy,
        load_forecast: Energy,
        pv_forecast: Energy,
        settlement_value: float,
    ) -> None:
        self.site = site
        self.import_price, self.export_price = import_price, export_price
        self.load_forecast, self.pv_forecast = load_forecast, pv_forecast
        self._program = HomeProgram(site, len(import_price))
        self._program.set_prices(import_price, export_price, settlement_value)

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
        self._program.set_house(load, pv, self.export_price[slot:], first=slot)
        self._program.start_at(slot, soc_kwh)
        solution = self._program.solve()
        told = command_for_plan(
            charge_kwh=float(solution.flows[slot, CHARGE]),
            discharge_kwh=float(solution.flows[slot, DISCHARGE]),
            net_load_kwh=float(load[0] - pv[0]),
            stored_value=float(solution.stored_value[slot]),
            import_price=float(self.import_price[slot]),
            export_price=float(self.export_price[slot]),
            site=self.site,
        )
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
