from lockstep.core.schema.records cimport ActivateRecord, CommandRecord, NewOrderRecord
from lockstep.procs.matcher.entry cimport Extensions
from lockstep.procs.matcher.orders cimport Orders

cdef int void_command(Orders orders, const CommandRecord *command, const Extensions *extensions) except -1 nogil
