"""Requests to the movable loads of a home: a car by its departure, a water heater by its day."""
