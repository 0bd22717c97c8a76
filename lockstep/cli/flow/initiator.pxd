from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    SEND_SIZE = 1 << 16
    RECEIVE_SIZE = 1 << 20
    HEAD_SIZE = 128

cdef struct Report:
    char msg_type           # 35: '8', '9', '0', '3', 'j', …
    char exec_type          # 150, 0 where absent
    uint64_t ref            # the number in ClOrdID, 0 if it has none
    uint32_t ring           # the first two parts of ExecID
    uint64_t event
    uint64_t test_id        # the number in TestReqID
    const char *start       # the whole message, valid until the next call of next_report
    size_t size

cdef class Initiator:
    cdef int fd
    cdef object sock
    cdef char *out
    cdef size_t out_size
    cdef size_t body
    cdef char *received
    cdef size_t begin
    cdef size_t end
    cdef readonly uint32_t next_out
    cdef char head[HEAD_SIZE]
    cdef size_t head_size
    cdef char symbol[16]
    cdef size_t symbol_size
    cdef int price_decimals
    cdef int quantity_decimals
    cdef char stamp[32]
    cdef void new_order(self, uint64_t ref, bint buy, bint immediate, int64_t price, int64_t quantity) noexcept nogil
    cdef void cancel(self, uint64_t ref, uint64_t orig, bint buy) noexcept nogil
    cdef void replace(self, uint64_t ref, uint64_t orig, bint buy, int64_t price, int64_t quantity) noexcept nogil
    cdef void test_request(self, uint64_t number) noexcept nogil
    cdef bint is_full(self) noexcept nogil
    cdef int flush(self) except -1 nogil
    cdef int receive(self, int timeout_ms) except -1 nogil
    cdef bint next_report(self, Report *out) noexcept nogil
    cdef void instrument_and_side(self, bint buy) noexcept nogil
    cdef void read_clock(self) noexcept nogil
    cdef void start_message(self, const char *msg_type) noexcept nogil
    cdef void finish_message(self) noexcept nogil
    cdef void text(self, const char *tag, const char *value, size_t size) noexcept nogil
    cdef void number(self, const char *tag, uint64_t value) noexcept nogil
    cdef void reference(self, const char *tag, uint64_t ref) noexcept nogil
    cdef void decimal(self, const char *tag, int64_t value, int decimals) noexcept nogil
    cdef void raw(self, const char *data, size_t size) noexcept nogil
