"""Corrections of the value function on the bench homes: trained ones, and the ceiling that hindsight reaches."""
