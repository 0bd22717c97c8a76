from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.gateway.fix.encode cimport Outbox, Outgoing
from lockstep.procs.gateway.fix.message cimport Message

cdef class SessionWriter:
    cdef readonly Message message
    cdef readonly Outbox outbox
    cdef readonly int version           # 42 or 44, 0 before the first message
    cdef readonly uint32_t resend_begin
    cdef readonly uint32_t resend_end   # included; never beyond the last number given out
    cdef uint32_t resend_next           # the next number that the resend has to account for; 0: none runs
    cdef int64_t now_ns
    cdef int64_t sent_ns
    cdef bint test_pending              # a TestRequest of ours, since the peer's last message
    cdef uint32_t test_number

    # An application message of ours: begin_message(), fields with session.outbox.add_…(), end_message().
    cdef int begin_message(self, uint32_t msg_type, int64_t now_ns) except -1 nogil
    cdef const Outgoing *end_message(self) except NULL nogil
    # begin_message() as an answer to session.message: routing tags (115, 116, 128, 129) are reversed.
    cdef int begin_reply(self, uint32_t msg_type, int64_t now_ns) except -1 nogil
    # STEP_RESEND: pass stored application messages of the range in order (skip administrative ones: their gaps are
    # filled), in as many batches as suit the reader, then end_repeat(). New messages must wait until then.
    cdef int repeat(self, uint32_t msg_seq_num, const char *stored, size_t size, int64_t now_ns) except -1 nogil
    # Refuse session.message (in sequence): Reject with SessionRejectReason, or BusinessMessageReject with its reason.
    cdef int reject(self, int reason, uint32_t ref_tag, const char *text, size_t size) except -1 nogil
    cdef int business_reject(
        self, int reason, const char *ref_id, size_t ref_size, const char *text, size_t size
    ) except -1 nogil
    cdef int begin_admin(self, uint32_t msg_type) except -1 nogil
    # Have the peer show that it lives, by a TestRequest.
    cdef int probe(self, int64_t now_ns) except -1 nogil
    cdef int say_logon(self, uint32_t heartbeat_s, bint reset, uint32_t next_in) except -1 nogil
    cdef int say_logout(self, const char *text, size_t size) except -1 nogil
    cdef int ask_again(self, uint32_t begin) except -1 nogil
    cdef int add_routing(self) except -1 nogil
    cdef bint has_id(self, uint32_t index) noexcept nogil
    cdef int fill_to(self, uint32_t new_seq_no) except -1 nogil
