"""The verifier's rules, one small function each, written from the physics and sharing nothing with what they check.

Nothing here may import the optimiser, the inverter, the simulator or the tariff's own pricing: two computations that
share a mistake agree about it. Descriptions (`Site`, `Battery`, `Tariff`) are shared; what follows from them is not.
"""
