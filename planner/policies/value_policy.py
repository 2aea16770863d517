"""The policy `value`: at each slot's start, the command that costs least over the scenarios, what it leaves included.

The value function is calculated once, at midnight; slot by slot the readings up to then weight the scenarios and
correct their load and PV. The choice is among some two dozen commands that follow the house; of equal ones the first is
taken. With a demand charge the day's peak so far is a second state of the value function (`planner.value.peak_value`),
and of the other components imports above the level have their price (`planner.value.slot_prices`); the month's peaks
come from `planner.demand_charges.peak_tracker`.

Where the inverter takes an import limit, each command stands twice in the choice: with the level as its limit, and
without. The value function needs none: in each of its scenarios a slot is known, so that its moves keep to the level.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from env.command_menu import command_menu
from env.fleet import Homes, along, by_row, one_site
from env.inverter import Command, Decision, Energy, LimitedCommand, apart, metered_flows, next_soc
from env.types import Index
from planner.byhand.commands import HandCommands
from planner.care.soc_targets import SocTargets
from planner.policies.forecast_correction import corrected_load, corrected_pv
from planner.value.day_peak import PeakMeter
from planner.value.peak_value import PeakValueFunction
from planner.value.scenario_weights import NAIVE, ScenarioWeights, WeightRules
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import PowerMeter, SlotPrices
from planner.value.value_cache import recent_peak_value_function, recent_value_function
from planner.value.value_function import ValueFunction, extended, in_order


class SlotExpectation(NamedTuple):
    """Inputs of the decision in a slot.

    Attributes:
        load_kwh: load in each scenario, corrected by the last reading `(n_days, n_scenarios)` [kWh].
        pv_kwh: PV in each scenario, corrected by the last reading `(n_days, n_scenarios)` [kWh].
        weights: probability of each scenario `(n_days, n_scenarios)`.
        later: value of stored energy at the slot's end, on the grid `(n_days, n_soc)`, with a day's peak in the state
            `(n_days, n_caps, n_soc)` [money].
    """

    load_kwh: Energy
    pv_kwh: Energy
    weights: Energy
    later: Energy


def cheapest(cost: Energy) -> Index:
    """Return the cheapest choice of each day `(n_days,)`, of equal ones the first."""
    return cost.argmin(axis=1)


class ValueDays:
    """Decisions of any number of days with equally many slots, all at once.

    Args:
        site: battery and limits, of all days or of each; with `power`, `targets` or `by_hand` of all.
        scenarios: scenarios of the days, as known when they began.
        import_price: published for the days `(n_days, n_slots)` [money/kWh].
        export_price: published for the days `(n_days, n_slots)` [money/kWh].
        end_value: value of stored energy at the end, on `soc_grid` `(n_days, n_soc)` [money].
        power: demand charge of the slots, of one day or of each; None for none.
        rules: weights and persistence of the scenarios.
        targets: reserve and care; None for none.
        by_hand: commands that people have set, which the caller gives in their slots; None for none.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, all that a day is decided on
        self,
        *,
        site: Homes,
        scenarios: Scenarios,
        import_price: Energy,
        export_price: Energy,
        end_value: Energy,
        power: SlotPrices | None = None,
        rules: WeightRules = NAIVE,
        targets: SocTargets | None = None,
        by_hand: HandCommands | None = None,
    ) -> None:
        self.site, self.scenarios, self.targets = site, scenarios, targets
        self.import_price, self.export_price = import_price, export_price
        self.meter = PowerMeter(site, power, len(import_price))
        self.peaks: PeakMeter | None = None
        self.value: ValueFunction | PeakValueFunction
        if power is not None and power.day_peak is not None:
            self.meter = PowerMeter(site, power.others, len(import_price))
            self.peaks = PeakMeter(one_site(site), power.day_peak, len(import_price))
            self.value = recent_peak_value_function(
                scenarios,
                import_price,
                export_price,
                site=one_site(site),
                end_value=end_value,
                peak=power.day_peak,
                others=power.others,
                persistence=rules.persistence,
                targets=targets,
                by_hand=by_hand,
            )
        else:
            self.value = recent_value_function(
                scenarios,
                import_price,
                export_price,
                site=site,
                end_value=end_value,
                persistence=rules.persistence,
                power=power,
                targets=targets,
                by_hand=by_hand,
            )
        self._menu = by_row(site, lambda each: np.array(command_menu(each)))
        self._battery, self._limits = along(site, 3, rows=scenarios.load_kwh.shape[1])
        self._of_rows = Command(*_outermost(self._menu, scenarios.load_kwh.shape[:2]))
        self.scenario_weights, self.fade = ScenarioWeights(scenarios, rules), rules.fade
        self.weights = self.scenario_weights.weights

    def observe(self, slot: int, last_load: Energy | None, last_pv: Energy | None) -> SlotExpectation:
        """Update the weights by the readings of the slot before and return the decision's inputs; slots come in order.

        Args:
            slot: index in the day.
            last_load: load of the slot before; None at the start of the day `(n_days,)` [kWh].
            last_pv: PV of the slot before `(n_days,)` [kWh].
        """
        load, pv = self.scenarios.load_kwh[:, :, slot], self.scenarios.pv_kwh[:, :, slot]
        if slot > 0 and last_load is not None and last_pv is not None:
            past_load, past_pv = self.scenarios.load_kwh[:, :, slot - 1], self.scenarios.pv_kwh[:, :, slot - 1]
            self.scenario_weights.observe(slot - 1, last_load, last_pv)
            load = corrected_load(load, last_load[:, None] - past_load, self.fade)
            pv = corrected_pv(pv, last_pv[:, None], past_pv, self.fade)
        self.weights = self.scenario_weights.weights
        return SlotExpectation(load, pv, self.weights, self.value.expected(slot + 1, self.weights))

    def command(
        self,
        slot: int,
        soc_kwh: Energy,
        last_load: Energy | None,
        last_pv: Energy | None,
        choose: Callable[[Energy], Index] = cheapest,
    ) -> Decision:
        """Decide at the start of a slot; slots must come in order.

        Args:
            slot: index in the day.
            soc_kwh: stored energy now `(n_days,)` [kWh].
            last_load: as for `observe`.
            last_pv: as for `observe`.
            choose: chooses by the costs `(n_days, n_choices)`; where an import limit may be commanded, the choices with
                it stand before those without.
        """
        expected = self.observe(slot, last_load, last_pv)
        self.read(slot, soc_kwh, last_load, last_pv)
        limit_kw = self._limit_kw(slot, len(soc_kwh))
        if limit_kw is None:
            chosen = self._choice(choose(self._expected_cost(slot, soc_kwh, expected)))
            return self._kept(chosen, slot, soc_kwh)
        # The limit stands first: where no scenario tells the two apart, it holds what none of them foresees.
        costs = [self._expected_cost(slot, soc_kwh, expected, kw) for kw in (limit_kw, None)]
        best, n_choices = choose(np.concatenate(costs, axis=1)), costs[0].shape[1]
        chosen = LimitedCommand(self._choice(best % n_choices), np.where(best < n_choices, limit_kw, np.inf))
        return self._kept(chosen, slot, soc_kwh)

    def read(self, slot: int, soc_kwh: Energy, last_load: Energy | None, last_pv: Energy | None) -> None:
        """Meter the slot before, as `command` does; slots must come in order."""
        self.meter.read(slot, soc_kwh, last_load, last_pv)
        if self.peaks is not None:
            self.peaks.read(slot, soc_kwh, last_load, last_pv)

    def _kept(self, decision: Decision, slot: int, soc_kwh: Energy) -> Decision:
        """Return a decision that leaves the reserve in the store."""
        if self.targets is None:
            return decision
        return self.targets.kept_above(decision, slot, soc_kwh, one_site(self.site).battery)

    def _choice(self, index: Index) -> Command:
        """Return the commands of the menu by their index `(n_days,)` [kW]."""
        if self._menu.ndim == 2:  # noqa: PLR2004 - powers and choices: the same for all days
            return Command(*self._menu[:, index])
        return Command(*self._menu[np.arange(len(index)), :, index].T)

    @property
    def choices(self) -> Command:
        """Return the menu, to go with arrays `(n_days, n_scenarios, n_choices)` [kW]."""
        powers = self._menu if self._menu.ndim == 2 else self._menu.transpose(1, 0, 2)[:, :, None]  # noqa: PLR2004 - as above
        return Command(*powers)

    def _limit_kw(self, slot: int, n_days: int) -> Energy | None:
        """Return the import that power is not charged for `(n_days,)` [kW]; None where no limit may be commanded."""
        prices = self.meter.prices
        if prices is None or not one_site(self.site).limits.takes_import_limit:
            return None
        room_kw = np.zeros(n_days) + prices.room_kw(slot, self.meter.import_kwh)
        if self.peaks is None:
            return room_kw
        return np.minimum(room_kw, self.peaks.peak.room_kw(slot, self.peaks.peak_kw, self.peaks.open_kwh))

    def _expected_cost(
        self, slot: int, soc_kwh: Energy, expected: SlotExpectation, limit_kw: Energy | None = None
    ) -> Energy:
        """Return the cost of each choice over the scenarios, under an import limit `(n_days, n_choices)` [money]."""
        return in_order(self._cost(slot, soc_kwh, expected, limit_kw) * expected.weights[:, :, None])

    def _cost(self, slot: int, soc_kwh: Energy, expected: SlotExpectation, limit_kw: Energy | None) -> Energy:
        """Return the cost of each choice, less what it leaves `(n_days, n_scenarios, n_choices)` [money].

        Choices lie outermost in memory, and days and scenarios side by side: loops over some dozen choices of a
        scenario would take twice the time.
        """
        battery, shape = self._battery, (*expected.load_kwh.shape, 1)
        soc_kwh, import_price, export_price = (
            np.repeat(each, shape[1]).reshape(shape)
            for each in (soc_kwh, self.import_price[:, slot], self.export_price[:, slot])
        )
        choices, _ = apart(self._kept(self._of_rows, slot, soc_kwh))
        flows = metered_flows(
            choices,
            load_kwh=expected.load_kwh[..., None],
            pv_kwh=expected.pv_kwh[..., None],
            soc_kwh=soc_kwh,
            export_price=export_price,
            battery=battery,
            limits=self._limits,
            import_limit_kw=None if limit_kw is None else limit_kw[:, None, None],
        )
        soc_end_kwh = next_soc(soc_kwh, flows.charge_kwh, flows.discharge_kwh, battery)
        paid = flows.import_kwh * import_price - flows.export_kwh * export_price
        wear = flows.charge_kwh * battery.charge_wear + flows.discharge_kwh * battery.discharge_wear
        left = self._left(slot, expected.later, flows.import_kwh, soc_end_kwh)
        if self.targets is not None:
            left = left - self.targets.penalty(slot, soc_end_kwh)
        if self.meter.prices is not None:
            paid = paid + self.meter.prices.cost(
                slot, flows.import_kwh, self.meter.prices.due(slot, self.meter.import_kwh)
            )
        return paid + wear - left

    def begin(self, import_kwh: Energy) -> None:
        """Take over the metered imports of the first slots, NaN where there is none `(n_days, n)` [kWh]."""
        self.meter.begin(import_kwh)
        if self.peaks is not None:
            self.peaks.begin(import_kwh)

    def later_value(self, slot: int) -> Energy:
        """Return the value of stored energy at the end of the slot just decided `(n_days, n_soc)` [money].

        With a day's peak in the state: at the peak before the slot.
        """
        later = self.value.expected(slot + 1, self.weights)
        if isinstance(self.value, PeakValueFunction) and self.peaks is not None:
            return self.value.at_peak(later, self.peaks.peak_kw)
        return later

    def _left(self, slot: int, later: Energy, import_kwh: Energy, soc_end_kwh: Energy) -> Energy:
        """Return the value of what each choice leaves `(n_days, n_scenarios, n_choices)` [money]."""
        if isinstance(self.value, ValueFunction) or self.peaks is None:
            by_row = soc_end_kwh.transpose(2, 0, 1).reshape(soc_end_kwh.shape[2], -1).T
            left = extended(self.value.soc_kwh, later, by_row)
            return left.T.reshape(-1, *soc_end_kwh.shape[:2]).transpose(1, 2, 0)
        net = self.scenarios.load_kwh - self.scenarios.pv_kwh
        power_kw = self.peaks.peak.projected_kw(slot, import_kwh, self.peaks.open_kwh, net)
        peak_kw = np.maximum(power_kw, self.peaks.peak_kw[:, None, None])
        return self.value.left(later, peak_kw, soc_end_kwh)


def _outermost(menu: Energy, shape: tuple[int, int]) -> Energy:
    """Return a menu, of all days or of each, as `(3, n_days, n_scenarios, n_choices)`, choices outermost in memory."""
    powers = menu[None] if menu.ndim == 2 else menu  # noqa: PLR2004 - powers and choices
    choices_first = powers.transpose(1, 2, 0)[..., None]
    return np.ascontiguousarray(np.broadcast_to(choices_first, (*menu.shape[-2:], *shape))).transpose(0, 2, 3, 1)
