"""What a session says: its messages with their numbers and header, rejects, and repeats of what it said before.

It writes only into its outbox; what to say, and when, is for the session.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport strlen

from lockstep.core.schema.alphabet cimport is_id
from lockstep.procs.gateway.fix.encode cimport (
    MAX_COMP_ID, MAX_TEXT, MILLIS, OUT_ADMIN, OUT_APPLICATION, OUT_REPEAT, Outgoing,
)
from lockstep.procs.gateway.fix.message cimport AT_SENDING_TIME, parse
from lockstep.procs.gateway.fix.rules cimport REJECT_DATA_FORMAT, REJECT_TEXT, words

cdef enum:
    LAST_REASON_OF_42 = 11      # SessionRejectReason had no higher one in FIX.4.2


cdef class SessionWriter:
    """The speaking half of a session; `message` is what it answers to."""

    cdef int begin_admin(self, uint32_t msg_type) except -1 nogil:
        self.sent_ns = self.now_ns
        return self.outbox.begin(msg_type, OUT_ADMIN, self.now_ns)

    cdef int say_logon(self, uint32_t heartbeat_s, bint reset, uint32_t next_in) except -1 nogil:
        """`next_in`, where it is not 0, asks for what is missing from there on (789)."""
        self.begin_admin(c"A")
        self.outbox.add_int(98, 0)
        self.outbox.add_int(108, heartbeat_s)
        if reset:
            self.outbox.add_char(141, c"Y")
        if next_in:
            self.outbox.add_int(789, next_in)
        self.outbox.end()
        return 0

    cdef int say_logout(self, const char *text, size_t size) except -1 nogil:
        self.begin_admin(c"5")
        if size:
            self.outbox.add_bytes(58, text, min(size, <size_t> MAX_TEXT))
        self.outbox.end()
        return 0

    cdef int ask_again(self, uint32_t begin) except -1 nogil:
        """A ResendRequest from `begin` to infinity."""
        self.begin_admin(c"2")
        self.outbox.add_int(7, begin)
        self.outbox.add_int(16, 0)
        self.outbox.end()
        return 0

    cdef int probe(self, int64_t now_ns) except -1 nogil:
        self.now_ns = now_ns
        self.test_pending = True
        self.test_number += 1
        self.begin_admin(c"1")
        self.outbox.add_int(112, self.test_number)
        self.outbox.end()
        return 0

    cdef int begin_message(self, uint32_t msg_type, int64_t now_ns) except -1 nogil:
        self.sent_ns = now_ns
        return self.outbox.begin(msg_type, OUT_APPLICATION, now_ns)

    cdef const Outgoing *end_message(self) except NULL nogil:
        return self.outbox.end()

    cdef int begin_reply(self, uint32_t msg_type, int64_t now_ns) except -1 nogil:
        self.begin_message(msg_type, now_ns)
        return self.add_routing()

    cdef int add_routing(self) except -1 nogil:
        """FIX-16: whom the message was on behalf of, an answer is delivered to, and the other way round.

        Each tag once, no longer than a CompID, and an id: what is answered must be a message that anyone can parse.
        """
        cdef uint32_t i
        cdef uint32_t back
        cdef uint32_t given = 0     # a bit a tag, from 115 on
        if not self.message.routed:
            return 0
        for i in range(self.message.count):
            back = self.message.fields[i].tag
            back = 128 if back == 115 else 129 if back == 116 else 115 if back == 128 else 116 if back == 129 else 0
            if not back or given & (<uint32_t> 1 << (back - 115)):
                continue
            if self.message.fields[i].length <= MAX_COMP_ID and self.has_id(i):
                given |= <uint32_t> 1 << (back - 115)
                self.outbox.add_bytes(back, self.message.value(i), self.message.fields[i].length)
        return 0

    cdef bint has_id(self, uint32_t index) noexcept nogil:
        """Whether a field's value may be repeated: not every message was held against the rules before its answer."""
        return is_id(self.message.value(index), self.message.fields[index].length)

    cdef int reject(self, int reason, uint32_t ref_tag, const char *text, size_t size) except -1 nogil:
        self.begin_admin(c"3")
        self.add_routing()
        self.outbox.add_int(45, self.message.msg_seq_num)
        if ref_tag:
            self.outbox.add_int(371, ref_tag)
        if self.has_id(2):
            self.outbox.add_bytes(372, self.message.value(2), self.message.fields[2].length)
        if reason == REJECT_TEXT:
            self.outbox.add_int(373, REJECT_DATA_FORMAT)
        elif self.version != 42 or reason <= LAST_REASON_OF_42:
            self.outbox.add_int(373, reason)
        if size == 0:
            text = words(reason)
            size = strlen(text)
        self.outbox.add_bytes(58, text, min(size, <size_t> MAX_TEXT))
        self.outbox.end()
        return 0

    cdef int business_reject(
        self, int reason, const char *ref_id, size_t ref_size, const char *text, size_t size
    ) except -1 nogil:
        self.begin_reply(c"j", self.now_ns)
        self.outbox.add_int(45, self.message.msg_seq_num)
        self.outbox.add_bytes(372, self.message.value(2), self.message.fields[2].length)
        if ref_size:
            self.outbox.add_bytes(379, ref_id, ref_size)
        self.outbox.add_int(380, reason)
        if size:
            self.outbox.add_bytes(58, text, min(size, <size_t> MAX_TEXT))
        self.outbox.end()
        return 0

    cdef int fill_to(self, uint32_t new_seq_no) except -1 nogil:
        """Say that the numbers from the next to repeat to `new_seq_no` - 1 hold nothing to repeat."""
        if self.resend_next >= new_seq_no:
            return 0
        self.outbox.begin_at(c"4", OUT_REPEAT, self.resend_next, self.now_ns)
        self.outbox.add_char(43, c"Y")
        self.outbox.add_utc(122, self.now_ns, MILLIS)
        self.outbox.add_char(123, c"Y")
        self.outbox.add_int(36, new_seq_no)
        self.outbox.end()
        self.resend_next = new_seq_no
        return 0

    cdef int repeat(self, uint32_t msg_seq_num, const char *stored, size_t size, int64_t now_ns) except -1 nogil:
        """FIX-5: the stored message under its number, with PossDupFlag, OrigSendingTime and a new SendingTime."""
        cdef uint32_t i
        cdef uint32_t tag
        cdef int sent
        if not self.resend_next <= msg_seq_num <= self.resend_end:
            return 0
        self.now_ns = self.sent_ns = now_ns
        self.fill_to(msg_seq_num)
        if parse(self.message, stored, size) != <int> size or self.message.at[AT_SENDING_TIME] == 0:
            with gil:
                raise ValueError(f"stored message {msg_seq_num} is no FIX message of {size} bytes")
        self.outbox.begin_at(self.message.msg_type, OUT_REPEAT, msg_seq_num, now_ns)
        self.outbox.add_char(43, c"Y")
        sent = self.message.at[AT_SENDING_TIME]
        self.outbox.add_bytes(122, self.message.value(sent), self.message.fields[sent].length)
        for i in range(3, self.message.count - 1):
            tag = self.message.fields[i].tag
            if tag not in (34, 43, 49, 52, 56, 122):
                self.outbox.add_bytes(tag, self.message.value(i), self.message.fields[i].length)
        self.outbox.end()
        self.resend_next = msg_seq_num + 1
        return 0
