"""Readers of Home Assistant exports.

`export_reader` is the entry. `formats` knows files, `naming` and `subject_mapping` the meaning of sensors,
`series` and `statistics` make numbers of their states, `counters`, `power_sensors` and `held_levels` make energy and
levels of those, `choosing` takes the best sensors of each quantity, and `readings` puts them together.

What does not belong here: connections to Home Assistant (`service.home_assistant`), storing rows (`ingest`).
"""
