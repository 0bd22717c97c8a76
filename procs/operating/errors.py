"""What an operator is told of a request that can't be."""


class NotPossibleError(Exception):
    """What was asked for can't be done as asked; the message says why, `field` of which part, where one is wrong."""

    def __init__(self, says: str, field: str = "") -> None:
        super().__init__(says)
        self.field = field
