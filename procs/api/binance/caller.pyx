"""A request that may be answered: its parameters, and who signed it."""

import hashlib
import os
from base64 import urlsafe_b64encode

from libc.stdint cimport int64_t

from procs.api.binance.parameters cimport Parameters

cdef enum:
    GENERATED_SIZE = 22


cdef class Call:
    """What a handler gets."""

    def __init__(self, Parameters sent, object api_key, int64_t unit, int64_t now_ns):
        self.sent = sent
        self.api_key = api_key
        if api_key is not None:
            self.account, self.key = api_key.account, api_key.number
        self.unit = unit
        self.now_ns = now_ns
        self.signature = sent.signature

    cpdef bytes generated(self, int which):
        """A client id for what the client gave none; `which` of the request's.

        It follows from the signature: a request that comes again, however it does, is the same order.
        """
        cdef bytes seed = self.signature
        if seed is None:
            seed = os.urandom(GENERATED_SIZE)
        digest = hashlib.sha256(b"%d %d " % (which, self.account) + seed).digest()
        return b"v" + urlsafe_b64encode(digest)[:GENERATED_SIZE - 1]  # an "O" in front would mean a number to nautilus
