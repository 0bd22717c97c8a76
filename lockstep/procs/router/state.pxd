from lockstep.procs.router.administration cimport Administration
from lockstep.procs.router.ledger cimport Ledger

cdef class State:
    cdef readonly Ledger ledger
    cdef readonly Administration administration
