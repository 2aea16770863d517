"""State to command, one policy a module, plus what only policies share."""
