"""The world: time grid, battery, tariff, inverter, simulator. Imports no other room and does no input or output."""
