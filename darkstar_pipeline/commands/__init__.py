"""The commands of `darkstar`: thin, one module a subject. They parse, call a room, and say what came of it.

What does not belong here: anything that a test without a command line should reach. `console` runs, `cli` lists.
"""
