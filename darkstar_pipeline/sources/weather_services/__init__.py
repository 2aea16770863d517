"""Answers of weather services and PV forecasters, read in their own shapes and brought to quarter-hours.

A module a service reads its answer into a `WeatherAnswer`; `quarter_hours` brings that to slots by the sun's position.
What does not belong here: asking the services (`darkstar_pipeline.fetching.weather`).
"""
