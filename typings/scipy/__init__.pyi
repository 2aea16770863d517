"""The parts of SciPy that this project calls. SciPy ships no types: add a function here before calling it."""
