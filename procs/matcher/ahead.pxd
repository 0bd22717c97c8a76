from procs.matcher.orders cimport Orders
from shm.records cimport CommandRecord

cdef void expect(Orders orders, const CommandRecord *command, const CommandRecord *nearer) noexcept nogil
cdef void expect_next(Orders orders, const CommandRecord *command) noexcept nogil
