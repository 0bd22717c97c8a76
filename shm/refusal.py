"""What keeps a venue from starting, and no second try mends.

It is the base of such errors, whoever raises them; which process ends with one, and what its supervisor does then, is
for `procs.host` and `procs.supervisor`.
"""

from __future__ import annotations

EXIT_REFUSED = 78  # EX_CONFIG of sysexits.h: a host that ends so has said why, and would say the same again


class FinalError(Exception):
    """The message says what is wrong, where, and what to do about it."""
