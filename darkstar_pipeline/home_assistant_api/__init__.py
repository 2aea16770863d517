"""Home Assistant's WebSocket interface: what only it tells (long-term statistics, registries) is asked there.

States, histories and writes go over REST, in `service.home_assistant`.
"""
