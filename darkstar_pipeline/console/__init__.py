"""Everything that commands share: calling, options and arguments, errors, output and progress."""
