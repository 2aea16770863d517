"""Checks of a home by what its meters read: panels that give nothing, appliances that hide in the load."""
