from dataclasses import replace

from darkstar_pipeline.forecasts.registration import promotion_verdict
from darkstar_pipeline.forecasts.training import TrainedAurora


def with_errors(trained: TrainedAurora, **errors: float | None) -> TrainedAurora:
    return replace(trained, provenance=replace(trained.provenance, metrics={**trained.metrics, **errors}))


def test_model_goes_into_use_when_it_errs_less_than_the_mean_of_seven_days(trained: TrainedAurora) -> None:
    better = with_errors(
        trained, mae_load_aurora=0.1, mae_pv_aurora=0.1, mae_load_seven_day_mean=0.08, mae_pv_seven_day_mean=0.13
    )
    assert promotion_verdict(better)["promote"] is True
    worse = with_errors(better, mae_pv_aurora=0.12)
    assert promotion_verdict(worse)["promote"] is False
    assert "not below the seven-day mean's 0.2100" in promotion_verdict(worse)["reasons"][0]


def test_model_without_panels_is_compared_by_its_load(trained: TrainedAurora) -> None:
    dark = {"mae_pv_aurora": None, "mae_pv_seven_day_mean": None}
    assert (
        promotion_verdict(with_errors(trained, mae_load_aurora=0.1, mae_load_seven_day_mean=0.11, **dark))["promote"]
        is True
    )


def test_model_stays_out_of_use_when_no_days_were_held_out(trained: TrainedAurora) -> None:
    verdict = promotion_verdict(replace(trained, held_out=()))
    assert verdict["promote"] is False
    assert "too few" in verdict["reasons"][0]
