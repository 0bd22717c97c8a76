"""What ends a command with a message instead of a traceback."""


class UsageError(Exception):
    """What was asked for can't be done as asked; the message says why. The command ends with EXIT_USAGE."""
