from libc.stdint cimport int64_t

from procs.gateway.fix_session cimport FixSession
from procs.gateway.store cimport Store
from shm.records cimport ReservedRecord

cdef int note_reservation(Store store, const ReservedRecord *event) except -1
cdef int tell_followed(FixSession session, int64_t now_ns) except -1
