"""Comparisons with CityLearn, EMHASS, Stable-Baselines3 and a second formulation of the optimiser's problem."""
