"""Judgement of settings beyond the bounds of each: what cannot be is refused, what is unlikely is told."""
