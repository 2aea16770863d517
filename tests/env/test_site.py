import math
from dataclasses import replace

import pytest

from env.errors import LimitsError
from env.site import Limits


@pytest.mark.parametrize("name", ["import_kw", "export_kw", "inverter_kw"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_limits_are_refused_when_a_power_is_no_power(name: str, value: float) -> None:
    with pytest.raises(LimitsError, match=f"{name} must be .* None for no limit, got {value}"):
        replace(Limits(), **{name: value})


def test_limits_hold_nothing_back_when_none_is_named() -> None:
    limits = Limits()
    assert (limits.import_kw, limits.export_kw, limits.inverter_kw, limits.curtailable) == (None, None, None, False)


def test_export_ban_is_not_no_limit_when_it_is_zero() -> None:
    assert Limits(export_kw=0.0).export_kw == 0.0
