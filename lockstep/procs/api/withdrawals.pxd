from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter

cdef void write_request(
    IngressWriter ingress, uint32_t account, uint32_t asset, int64_t amount, bytes client_id, bytes destination,
    int64_t utc_ns
)
cdef void write_cancel(IngressWriter ingress, uint32_t account, uint64_t withdrawal, bytes client_id, int64_t utc_ns)
