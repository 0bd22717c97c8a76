from libc.stdint cimport int64_t

from lockstep.core.schema.records cimport ReservedRecord
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.store cimport Store

cdef int note_reservation(Store store, const ReservedRecord *event) except -1
cdef int tell_followed(FixSession session, int64_t now_ns) except -1
