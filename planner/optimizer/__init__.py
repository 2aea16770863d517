"""The mathematical program of a home: constraints, formulation, solvers."""
