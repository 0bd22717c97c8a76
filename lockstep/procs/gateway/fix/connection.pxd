from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.gateway.fix.encode cimport MAX_COMP_ID
from lockstep.procs.gateway.fix.queue cimport Queue
from lockstep.procs.gateway.fix.rules cimport Fault, Rules
from lockstep.procs.gateway.fix.session_writer cimport SessionWriter

# A step of receive(). After each, `session.consumed` bytes of the input are done with (0: it was kept in the queue).
cdef enum Step:
    STEP_ERROR = -1             # a Python exception is set
    STEP_NEED_MORE = 0          # nothing more in these bytes
    STEP_HANDLED = 1            # the session dealt with something; call again
    STEP_APPLICATION = 2        # session.message is an application message in sequence: handle it now, call again
    STEP_LOGON = 3              # session.message is a Logon: accept() or refuse() it; receive() takes nothing before
    STEP_RESEND = 4             # repeat resend_begin..resend_end with repeat() and end_repeat(), then call again
    STEP_DISCONNECT = 5         # send what the outbox holds, then close; `reason` says why

cdef enum Phase:
    PHASE_CONNECTED = 1         # waits for a Logon
    PHASE_LOGON = 2             # the caller looks at the Logon
    PHASE_ACTIVE = 3
    PHASE_LOGOUT = 4            # our Logout is out, waits for the peer's
    PHASE_CLOSED = 5

cdef enum Reason:
    REASON_NONE = 0
    REASON_LOGOUT = 1           # orderly, by either side
    REASON_NOT_LOGON = 2        # first message no Logon, or garbled
    REASON_LOGON_TIMEOUT = 3
    REASON_REFUSED = 4          # by the caller
    REASON_IDENTITY = 5         # BeginString or CompID wrong
    REASON_SECOND_LOGON = 6
    REASON_TOO_LOW = 7          # MsgSeqNum below the expected one
    REASON_SENDING_TIME = 8
    REASON_NO_ANSWER = 9        # to our TestRequest
    REASON_LOGOUT_TIMEOUT = 10
    REASON_TOO_LONG = 11
    REASON_GAP = 12             # the peer never filled a gap
    REASON_NO_SEQ_NUM = 13      # a message without MsgSeqNum
    REASON_BAD_LOGON = 14       # HeartBtInt, EncryptMethod or NextExpectedMsgSeqNum unacceptable
    REASON_ELSEWHERE = 15       # by the caller: another gateway has the session

cdef struct Limits:
    int64_t logon_timeout_ns
    int64_t logout_timeout_ns
    int64_t gap_timeout_ns      # without progress
    int64_t sending_time_accuracy_ns    # 0: SendingTime is not compared with the clock
    uint32_t min_heartbeat_s    # a HeartBtInt of 0 is always taken
    uint32_t max_heartbeat_s

# An acceptor's session on one connection. now_ns is the server's clock: UTC, and it never goes back.
cdef class Connection(SessionWriter):
    cdef Limits limits
    cdef Rules rules
    cdef char comp_id[MAX_COMP_ID]      # ours
    cdef uint32_t comp_id_size
    cdef readonly size_t consumed
    cdef readonly int phase     # PHASE_…
    cdef readonly int reason    # REASON_…
    cdef readonly uint32_t next_in      # the MsgSeqNum expected next
    cdef readonly uint32_t heartbeat_s
    cdef readonly bint reset            # of a Logon: it asks for both numbers to begin at 1; accept() does so
    cdef char peer[MAX_COMP_ID]         # SenderCompID of the peer
    cdef uint32_t peer_size
    cdef uint32_t logon_seq_num
    cdef uint32_t next_expected         # 789 of the Logon, 0 where absent
    cdef uint32_t gap_end               # the number before the first one received above the gap, 0: no gap is open
    cdef bint gap_wanted                # ask for it once the peer's own request is served
    cdef int64_t gap_progress_ns
    cdef int64_t connected_ns
    cdef int64_t received_ns            # the last whole message of the peer's; its silence counts from there
    cdef int64_t logout_ns
    cdef Queue queue

    # The next step in these bytes. Call with what is left after `consumed` until STEP_NEED_MORE or STEP_DISCONNECT.
    cdef Step receive(self, const char *data, size_t size, int64_t now_ns) except? STEP_ERROR nogil
    # Heartbeats and timeouts: STEP_HANDLED, or STEP_DISCONNECT. Call at next_deadline_ns() or whenever.
    cdef Step tick(self, int64_t now_ns) except? STEP_ERROR nogil
    cdef int64_t next_deadline_ns(self) noexcept nogil
    # Answers to STEP_LOGON. accept() replies; its step is STEP_HANDLED, STEP_RESEND (789) or STEP_DISCONNECT.
    cdef Step accept(self, uint32_t next_in, uint32_t next_out, int64_t now_ns) except? STEP_ERROR nogil
    cdef Step refuse(self, const char *text, size_t size, int64_t now_ns) except? STEP_ERROR nogil
    # Behind the last repeat() of a STEP_RESEND; it may ask for a gap of the peer.
    cdef int end_repeat(self, int64_t now_ns) except -1 nogil
    # Ask the peer to leave, with a Text; STEP_DISCONNECT follows from receive() or tick().
    cdef int logout(self, const char *text, size_t size, int64_t now_ns) except -1 nogil
    # Give up the connection without a word (another session of this peer is live, …).
    cdef Step close(self, Reason reason) noexcept nogil

    cdef Step first_message(self) except? STEP_ERROR nogil
    cdef Step take(self) except? STEP_ERROR nogil
    cdef Step take_in_sequence(self, bint served) except? STEP_ERROR nogil
    cdef Step take_logon(self) except? STEP_ERROR nogil
    cdef Step take_reset(self) except? STEP_ERROR nogil
    cdef Step take_logout(self) except? STEP_ERROR nogil
    cdef bint comes_too_late(self) noexcept nogil
    cdef void advance_to(self, uint32_t next_in) noexcept nogil
    cdef Step take_application(self) except? STEP_ERROR nogil
    cdef Step take_above(self) except? STEP_ERROR nogil
    cdef Step take_below(self) except? STEP_ERROR nogil
    cdef Step from_queue(self) except? STEP_ERROR nogil
    cdef Step serve_resend(self) except? STEP_ERROR nogil
    cdef Step leave(self, Reason reason, const char *text) except? STEP_ERROR nogil
    cdef Step bounce(self, Reason reason, int reject_reason, uint32_t ref_tag) except? STEP_ERROR nogil
    cdef bint dates_hold(self, Fault *fault) noexcept nogil
    cdef bint names_us(self) noexcept nogil
    cdef const char *check_logon(self) noexcept nogil
    cdef int ask_resend(self) except -1 nogil
    cdef int send_logon(self, bint with_next) except -1 nogil
    cdef int send_logout(self, const char *text, size_t size) except -1 nogil
