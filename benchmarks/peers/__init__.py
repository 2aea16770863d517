"""Comparisons with CityLearn, EMHASS and a second statement."""
