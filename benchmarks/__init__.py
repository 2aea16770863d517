"""Figures that the project promises, measured. `python -m benchmarks --list` names them; `harness` says what one is."""
