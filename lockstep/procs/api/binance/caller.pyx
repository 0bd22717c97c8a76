"""A request that may be answered: its parameters, and who signed it."""

import hashlib
import os
from base64 import urlsafe_b64encode

from libc.stdint cimport int64_t, uint64_t

from lockstep.procs.api.binance.parameters cimport Parameters

from lockstep.procs.api.binance.signatures import not_permitted

cdef enum:
    GENERATED_SIZE = 22


cdef class Call:
    """What a handler gets."""

    def __init__(
        self, Parameters sent, object api_key, int64_t unit, int64_t now_ns, bytes verified=None,
        object right=None
    ):
        self.sent = sent
        self.api_key = api_key
        if api_key is not None:
            self.account, self.key = api_key.account, api_key.number
        self.unit = unit
        self.now_ns = now_ns
        self.verified = verified
        self.right = right

    cpdef uint64_t ticket(self) except? 0:
        """Return what its commands are judged by, as in IngressWriter. ApiError if its connection has logged out."""
        if self.right is None:
            return 0
        if self.right.is_over:
            raise not_permitted()
        return <uint64_t> self.right.rights + 1

    cpdef bytes generated(self, int which):
        """A client id for what the client gave none; `which` of the request's.

        It follows from the key and the bytes that it signed, and not from how the signature was written: a request that
        is replayed in another encoding, or over the other interface, gets the same id, which counts once.
        """
        cdef bytes seed = self.verified
        if seed is None:
            seed = os.urandom(GENERATED_SIZE)
        digest = hashlib.sha256(b"%d %d %d " % (which, self.account, self.key) + seed).digest()
        return b"v" + urlsafe_b64encode(digest)[:GENERATED_SIZE - 1]  # an "O" in front would mean a number to nautilus
