"""How a command is called, fails and prints; `commands/` then holds commands alone."""
