"""Spot prices that come by themselves: sources behind one interface, dated currency rates, whole market days only."""
