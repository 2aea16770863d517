"""Correction of a forecast by the error of the last slot, which fades slot by slot.

A load forecast is moved by the error (reading - forecast), a PV forecast is scaled by the ratio of the two: clouds dim
the rest of a day in proportion.
"""

import numpy as np

from env.inverter import Energy

FADE = 0.85  # share of the last slot's forecast error that is left one slot later
PV_WORTH_SCALING_KWH = 0.02  # below this a PV forecast is dusk, and its ratio to the reading is noise
MOST_PV_RATIO = 3.0


def fading(n_slots: int) -> Energy:
    """Return the share of the last slot's error that is left in each of the next slots `(n_slots,)`."""
    return np.power(FADE, np.arange(1.0, n_slots + 1), dtype=np.float64)


def corrected_load(forecast: Energy, last_error: Energy | float, fade: Energy | float) -> Energy:
    """Move a load forecast by the last slot's error, not below 0 [kWh].

    Args:
        forecast: load expected, of any shape [kWh].
        last_error: reading less forecast of the last slot, broadcastable to the forecast [kWh].
        fade: share of that error which is left, broadcastable to the forecast, 0-1.
    """
    return np.maximum(forecast + last_error * fade, 0.0)


def corrected_pv(
    forecast: Energy, last_reading: Energy | float, last_forecast: Energy | float, fade: Energy | float
) -> Energy:
    """Scale a PV forecast by the last slot's ratio of reading to forecast [kWh].

    Args:
        forecast: PV expected, of any shape [kWh].
        last_reading: PV of the last slot [kWh].
        last_forecast: PV expected of the last slot, broadcastable with the reading; at dusk nothing is scaled [kWh].
        fade: share of the ratio's distance from 1 that is left, broadcastable to the forecast, 0-1.
    """
    bright = np.asarray(last_forecast) > PV_WORTH_SCALING_KWH
    ones = np.ones(np.broadcast_shapes(np.shape(last_reading), np.shape(last_forecast)))
    ratio = np.divide(last_reading, last_forecast, out=ones, where=bright)
    return forecast * (1 + (np.minimum(ratio, MOST_PV_RATIO) - 1) * fade)
