"""The schema's enums as the text that rows have: `TimeInForce.GTC` is GTC.

It never decides which value an order has; what the schema does not know has an empty name.
"""

from libc.string cimport memcpy


cdef class Names:
    """The names of an enum with values below 128 and names below 24 characters."""

    def __cinit__(self, members):
        cdef bytes name
        for member in members:
            name = member.name.encode()
            if not 0 <= member.value < NAMES or len(name) >= NAME_SIZE:
                raise ValueError(f"{member!r} does not fit into a table of names")
            memcpy(self.text[<int> member.value], <const char *> name, len(name))

    cdef const char *of(self, int value) noexcept nogil:
        """The name, ended by a zero."""
        return self.text[value if 0 <= value < NAMES else 0]
