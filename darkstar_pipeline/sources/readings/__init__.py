"""Readings of homes: the rules that every row and every home of a file passes, of one home or of thousands."""
