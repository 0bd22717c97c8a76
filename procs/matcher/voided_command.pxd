from procs.matcher.entry cimport Extensions
from procs.matcher.orders cimport Orders
from shm.records cimport ActivateRecord, CommandRecord, NewOrderRecord

cdef int void_command(Orders orders, const CommandRecord *command, const Extensions *extensions) except -1 nogil
