from procs.router.administration cimport Administration
from procs.router.ledger cimport Ledger

cdef class State:
    cdef readonly Ledger ledger
    cdef readonly Administration administration
