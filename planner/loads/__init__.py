"""What the movable loads of a plan cost."""
