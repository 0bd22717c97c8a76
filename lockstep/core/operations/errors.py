"""What an operator is told of a request that can't be."""

from lockstep.core.schema.records import Code


class NotPossibleError(Exception):
    """A request that can't be carried out; the message says why, and `field` which part is wrong, if it is one.

    `code` is what the venue would refuse it by, where that is one of its codes.
    """

    def __init__(self, says: str, field: str = "", code: Code = Code.OK) -> None:
        super().__init__(says)
        self.field = field
        self.code = code
