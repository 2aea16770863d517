"""Data that comes by itself: what asks other machines, and ends in what an import begins with."""
