"""The FIX session of an acceptor on one connection, FIX.4.2 and FIX.4.4: numbers, logon, gaps, heartbeats, rejects.

It is given bytes and the time, says step by step what the caller is to do, and writes only into its outbox.

Source of the rules: the FIX Trading Community's session-layer specification; docs/protocols/fix.md lists each.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, strlen

from lockstep.core.intake.utc cimport parse_utc
from lockstep.core.schema.alphabet cimport is_id
from lockstep.procs.gateway.fix.encode cimport MAX_COMP_ID, MAX_TEXT, OUT_REPEAT, Outbox
from lockstep.procs.gateway.fix.message cimport (
    AT_ORIG_SENDING_TIME, AT_SENDER_COMP_ID, AT_SENDING_TIME, AT_TARGET_COMP_ID,
)
from lockstep.procs.gateway.fix.message cimport GARBLED, NEED_MORE, TOO_LONG, Message, parse
from lockstep.procs.gateway.fix.queue cimport Queue, Queued
from lockstep.procs.gateway.fix.rules cimport (
    REJECT_COMP_ID,
    REJECT_INCORRECT_VALUE,
    REJECT_MSG_TYPE,
    REJECT_REQUIRED_TAG_MISSING,
    REJECT_SENDING_TIME,
    TYPE_SUPPORTED,
    TYPE_UNKNOWN,
    Fault,
    Rules,
    words,
)
from lockstep.procs.gateway.fix.session_writer cimport SessionWriter

from lockstep.procs.gateway.fix.timing import Timing

cdef enum:
    UNSUPPORTED_TYPE = 3        # BusinessRejectReason
    TEXT_SIZE = 160
    NEVER = 0x7FFFFFFFFFFFFFFF
    NS_PER_SECOND = 1_000_000_000

NS = NS_PER_SECOND
ANY_TIMING = Timing()


cdef class Connection(SessionWriter):
    """A session that waits for its Logon since `now_ns`. accept() sets the numbers that `outbox` goes on with."""

    def __init__(self, str comp_id, Rules rules, Outbox outbox, int64_t now_ns, object timing=ANY_TIMING):
        name = comp_id.encode("ascii")
        if not 1 <= len(name) <= MAX_COMP_ID:
            raise ValueError(f"a CompID has 1 to {MAX_COMP_ID} characters: {comp_id!r}")
        memcpy(self.comp_id, <const char *> name, len(name))
        self.comp_id_size = len(name)
        self.message = Message()
        self.queue = Queue()
        self.rules = rules
        self.outbox = outbox
        self.limits.min_heartbeat_s = timing.min_heartbeat_s
        self.limits.max_heartbeat_s = timing.max_heartbeat_s
        self.limits.logon_timeout_ns = <int64_t> (timing.logon_timeout_s * NS)
        self.limits.logout_timeout_ns = <int64_t> (timing.logout_timeout_s * NS)
        self.limits.gap_timeout_ns = <int64_t> (timing.gap_timeout_s * NS)
        self.limits.sending_time_accuracy_ns = <int64_t> (timing.sending_time_accuracy_s * NS)
        self.phase, self.next_in = PHASE_CONNECTED, 1
        self.connected_ns = self.received_ns = self.sent_ns = now_ns

    cdef Step receive(self, const char *data, size_t size, int64_t now_ns) except? STEP_ERROR nogil:
        cdef Step step
        cdef int found
        self.consumed = 0
        self.now_ns = now_ns
        if self.phase == PHASE_CLOSED:
            return STEP_DISCONNECT
        if self.phase == PHASE_LOGON:
            return STEP_NEED_MORE
        step = self.from_queue()
        if step != STEP_NEED_MORE:
            return step
        found = parse(self.message, data, size)
        if found == NEED_MORE:
            return STEP_NEED_MORE
        if found == GARBLED:  # FIX-8: it uses no number
            self.consumed = self.message.skip
            return self.close(REASON_NOT_LOGON) if self.phase == PHASE_CONNECTED else STEP_HANDLED
        if found == TOO_LONG:
            self.consumed = size
            if self.phase == PHASE_CONNECTED:
                return self.close(REASON_TOO_LONG)
            return self.leave(REASON_TOO_LONG, b"Message too long")
        self.consumed = found
        self.received_ns = now_ns
        self.test_pending = False
        return self.first_message() if self.phase == PHASE_CONNECTED else self.take()

    # ── Logon ──

    cdef Step first_message(self) except? STEP_ERROR nogil:
        """FIX-9: what is no Logon to us gets no answer."""
        cdef int sender = self.message.at[AT_SENDER_COMP_ID]
        cdef const char *problem
        if self.message.msg_type != c"A":
            return self.close(REASON_NOT_LOGON)
        if self.message.equals(0, b"FIX.4.4", 7):
            self.version = 44
        elif self.message.equals(0, b"FIX.4.2", 7):
            self.version = 42
        else:
            return self.close(REASON_IDENTITY)
        if not self.message.equals(self.message.at[AT_TARGET_COMP_ID], self.comp_id, self.comp_id_size) or sender == 0:
            return self.close(REASON_IDENTITY)
        self.peer_size = self.message.fields[sender].length
        if self.peer_size > MAX_COMP_ID or not is_id(self.message.value(sender), self.peer_size):
            return self.close(REASON_IDENTITY)
        memcpy(self.peer, self.message.value(sender), self.peer_size)
        if self.message.msg_seq_num == 0:
            return self.close(REASON_NO_SEQ_NUM)
        self.outbox.address(self.version, self.comp_id, self.comp_id_size, self.peer, self.peer_size)
        problem = self.check_logon()
        if problem != NULL:
            self.refuse(problem, strlen(problem), self.now_ns)
            self.reason = REASON_BAD_LOGON
            return STEP_DISCONNECT
        self.logon_seq_num = self.message.msg_seq_num
        self.phase = PHASE_LOGON
        return STEP_LOGON

    cdef const char *check_logon(self) noexcept nogil:
        """What is wrong with a Logon, as the Text of the Logout that refuses it; NULL if nothing is."""
        cdef Fault fault
        cdef int64_t heartbeat_s
        if not self.rules.check(self.version, self.message, &fault):
            return words(fault.reason)
        if not self.message.is_timely(self.now_ns, self.limits.sending_time_accuracy_ns):
            return words(REJECT_SENDING_TIME)
        if self.message.number(98) != 0:
            return b"EncryptMethod must be 0"
        heartbeat_s = self.message.number(108)
        if heartbeat_s != 0 and not self.limits.min_heartbeat_s <= heartbeat_s <= self.limits.max_heartbeat_s:
            return b"HeartBtInt outside the accepted range"
        self.heartbeat_s = <uint32_t> heartbeat_s
        self.reset = self.message.flag(141)
        if self.reset and self.message.msg_seq_num != 1:
            return b"MsgSeqNum must be 1 with ResetSeqNumFlag"
        self.next_expected = <uint32_t> max(self.message.number(789), 0)
        return NULL

    cdef Step accept(self, uint32_t next_in, uint32_t next_out, int64_t now_ns) except? STEP_ERROR nogil:
        """Take the Logon: the peer's numbers go on from `next_in`, ours from `next_out`, or both from 1 if asked.

        The reply comes first (FIX-10), then what either side has missed.
        """
        self.now_ns = self.received_ns = now_ns
        self.next_in = 1 if self.reset else next_in
        if self.reset:
            self.outbox.reset_numbers()
        else:
            self.outbox.next_out = next_out
        self.phase = PHASE_ACTIVE
        if self.logon_seq_num < self.next_in:
            return self.take_below()
        if self.next_expected > self.outbox.next_out and not self.reset:
            return self.leave(REASON_BAD_LOGON, b"NextExpectedMsgSeqNum too high")
        if self.logon_seq_num == self.next_in:
            self.next_in += 1
            self.send_logon(self.next_expected != 0)
        else:
            self.send_logon(self.next_expected != 0)
            self.queue.push(self.logon_seq_num, NULL, 0, True)
            self.gap_end = self.logon_seq_num - 1
            self.gap_progress_ns = now_ns
            if self.next_expected == 0:  # else our own 789 asked already
                self.ask_resend()
        if self.next_expected and not self.reset and self.next_expected < self.outbox.next_out - 1:
            self.resend_begin = self.resend_next = self.next_expected
            self.resend_end = self.outbox.next_out - 2
            return STEP_RESEND
        return STEP_HANDLED

    cdef Step refuse(self, const char *text, size_t size, int64_t now_ns) except? STEP_ERROR nogil:
        """Answer the Logon with a Logout. It uses up no number: whoever sent it has not shown who they are."""
        self.now_ns = now_ns
        self.outbox.begin_at(c"5", OUT_REPEAT, 1, now_ns)
        if size:
            self.outbox.add_bytes(58, text, min(size, <size_t> MAX_TEXT))
        self.outbox.end()
        return self.close(REASON_REFUSED)

    cdef Step take_logon(self) except? STEP_ERROR nogil:
        """A Logon inside a session: a reset of both numbers (FIX-11), a repeat, or a second one: the end (FIX-9)."""
        cdef const char *problem
        if self.message.poss_dup and self.message.msg_seq_num < self.next_in:
            return STEP_HANDLED
        if not self.message.flag(141):
            return self.close(REASON_SECOND_LOGON)
        problem = self.check_logon()
        if problem != NULL:
            return self.leave(REASON_BAD_LOGON, problem)
        self.outbox.reset_numbers()
        self.next_in = 2
        self.gap_end = self.resend_next = 0
        self.gap_wanted = False
        self.queue.clear()
        self.send_logon(self.next_expected != 0)
        return STEP_HANDLED

    # ── Messages of a session ──

    cdef Step take(self) except? STEP_ERROR nogil:
        """A well-framed message: who and when first, then its number."""
        if not self.message.equals(0, b"FIX.4.4" if self.version == 44 else b"FIX.4.2", 7):
            return self.close(REASON_IDENTITY)
        if self.message.msg_seq_num == 0:
            return self.leave(REASON_NO_SEQ_NUM, b"MsgSeqNum missing or no positive number")
        if self.phase == PHASE_LOGOUT and self.comes_too_late():
            return STEP_HANDLED
        if not self.names_us():
            return self.bounce(REASON_IDENTITY, REJECT_COMP_ID, 0)
        if not self.message.is_timely(self.now_ns, self.limits.sending_time_accuracy_ns):
            return self.bounce(REASON_SENDING_TIME, REJECT_SENDING_TIME, 52)
        if self.message.msg_type == c"A":
            return self.take_logon()
        if self.message.msg_type == c"4" and not self.message.flag(123):
            return self.take_reset()
        if self.message.msg_seq_num == self.next_in:
            return self.take_in_sequence(False)
        return self.take_above() if self.message.msg_seq_num > self.next_in else self.take_below()

    cdef Step take_in_sequence(self, bint served) except? STEP_ERROR nogil:
        cdef uint32_t msg_type = self.message.msg_type
        cdef Fault fault
        cdef int64_t new_seq_no
        cdef int index
        self.advance_to(self.next_in + 1)
        if not self.dates_hold(&fault):
            if fault.reason == REJECT_SENDING_TIME:
                return self.bounce(REASON_SENDING_TIME, fault.reason, fault.tag)
            self.reject(fault.reason, fault.tag, NULL, 0)
            return STEP_HANDLED
        if not (c"0" <= msg_type <= c"5"):
            return self.take_application()
        if not self.rules.check(self.version, self.message, &fault):
            self.reject(fault.reason, fault.tag, NULL, 0)
        elif msg_type == c"1":
            index = self.message.find(112)
            self.begin_admin(c"0")
            self.outbox.add_bytes(112, self.message.value(index), self.message.fields[index].length)
            self.outbox.end()
        elif msg_type == c"2" and not served:
            return self.serve_resend()
        elif msg_type == c"4":
            new_seq_no = self.message.number(36)
            if new_seq_no < self.next_in or new_seq_no > 0x7FFFFFFF:
                self.reject(REJECT_INCORRECT_VALUE, 36, NULL, 0)
            else:
                self.advance_to(<uint32_t> new_seq_no)
        elif msg_type == c"5":
            return self.take_logout()
        return STEP_HANDLED

    cdef void advance_to(self, uint32_t next_in) noexcept nogil:
        """What is below `next_in` has come; a gap is closed when all of it has."""
        self.next_in = next_in
        self.gap_progress_ns = self.now_ns
        if next_in > self.gap_end:
            self.gap_end = 0

    cdef Step take_application(self) except? STEP_ERROR nogil:
        cdef Fault fault
        cdef int standing = self.rules.standing(self.version, self.message.msg_type)
        if standing == TYPE_SUPPORTED:
            if self.rules.check(self.version, self.message, &fault):
                return STEP_APPLICATION
            self.reject(fault.reason, fault.tag, NULL, 0)
        elif standing == TYPE_UNKNOWN:
            self.reject(REJECT_MSG_TYPE, 0, NULL, 0)
        elif self.message.msg_type != c"j":  # a reject is not answered with another
            self.business_reject(UNSUPPORTED_TYPE, NULL, 0, b"Unsupported Message Type", 24)
        return STEP_HANDLED

    cdef Step take_reset(self) except? STEP_ERROR nogil:
        """SequenceReset in reset mode: its own number does not matter (FIX-3)."""
        cdef Fault fault
        cdef int64_t new_seq_no = self.message.number(36)
        if not self.rules.check(self.version, self.message, &fault):
            self.reject(fault.reason, fault.tag, NULL, 0)
        elif new_seq_no < self.next_in or new_seq_no > 0x7FFFFFFF:
            self.reject(REJECT_INCORRECT_VALUE, 36, NULL, 0)
        else:
            self.next_in = <uint32_t> new_seq_no
            self.gap_end = 0
            self.gap_wanted = False
        return STEP_HANDLED

    cdef Step take_logout(self) except? STEP_ERROR nogil:
        """FIX-13: reply, then wait for the peer to close; its answer to our own Logout ends the session."""
        if self.phase == PHASE_LOGOUT:
            return self.close(REASON_LOGOUT)
        self.send_logout(NULL, 0)
        return STEP_HANDLED

    cdef bint comes_too_late(self) noexcept nogil:
        """FIX-13: behind a Logout of either side, all but its answer, signs of life and what a resend needs.

        What is passed over keeps its number: the next logon's ResendRequest asks for it.
        """
        cdef uint32_t msg_type = self.message.msg_type
        if msg_type == c"2" or msg_type == c"5":
            return False
        return not (c"0" <= msg_type <= c"4") or self.message.msg_seq_num > self.next_in

    cdef Step take_below(self) except? STEP_ERROR nogil:
        """FIX-2, FIX-6 and FIX-7: a repeated message that is known is dropped, anything else ends the session."""
        cdef char text[TEXT_SIZE]
        cdef Fault fault
        cdef uint32_t received = self.logon_seq_num
        if self.message.msg_type != c"A":
            received = self.message.msg_seq_num
            if self.message.poss_dup:
                if self.message.msg_type != c"4" and not self.dates_hold(&fault):
                    if fault.reason == REJECT_SENDING_TIME:
                        return self.bounce(REASON_SENDING_TIME, fault.reason, fault.tag)
                    self.reject(fault.reason, fault.tag, NULL, 0)
                return STEP_HANDLED
        snprintf(text, TEXT_SIZE, b"MsgSeqNum too low, expecting %u but received %u", self.next_in, received)
        return self.leave(REASON_TOO_LOW, text)

    cdef Step take_above(self) except? STEP_ERROR nogil:
        """FIX-1, FIX-7, FIX-13: keep the message, ask once for what is missing. ResendRequest, Logout act at once."""
        cdef Fault fault
        cdef bint served = self.message.msg_type == c"2" and self.rules.check(self.version, self.message, &fault)
        if self.message.msg_type == c"5":
            return self.take_logout()
        self.queue.push(self.message.msg_seq_num, self.message.data, self.message.size, served)
        if self.gap_end == 0:
            self.gap_end = self.message.msg_seq_num - 1
            self.gap_progress_ns = self.now_ns
            self.gap_wanted = True
        if served and self.serve_resend() == STEP_RESEND:
            return STEP_RESEND
        if self.gap_wanted:
            self.ask_resend()
        return STEP_HANDLED

    cdef Step from_queue(self) except? STEP_ERROR nogil:
        """The step of the first kept message that is in sequence now; STEP_NEED_MORE where there is none."""
        cdef const Queued *queued
        while True:
            queued = self.queue.pop(self.next_in)
            if queued == NULL:
                return STEP_NEED_MORE
            if queued.size:
                parse(self.message, self.queue.data + queued.offset, queued.size)
                return self.take_in_sequence(queued.served)
            self.advance_to(self.next_in + 1)

    cdef int ask_resend(self) except -1 nogil:
        self.gap_wanted = False
        return self.ask_again(self.next_in) if self.phase == PHASE_ACTIVE else 0

    cdef Step serve_resend(self) except? STEP_ERROR nogil:
        """FIX-4: EndSeqNo 0 is infinity, and nothing is sent again that was never sent."""
        cdef int64_t begin = self.message.number(7)
        cdef int64_t end = self.message.number(16)
        cdef uint32_t last = self.outbox.next_out - 1
        if begin < 1 or begin > last or (end != 0 and end < begin):
            self.reject(REJECT_INCORRECT_VALUE, 7, NULL, 0)
            return STEP_HANDLED
        self.resend_begin = self.resend_next = <uint32_t> begin
        self.resend_end = last if end == 0 or end > last else <uint32_t> end
        return STEP_RESEND

    cdef int end_repeat(self, int64_t now_ns) except -1 nogil:
        """The rest of the range holds nothing to repeat; then a gap of the peer's is asked for (FIX-1)."""
        self.now_ns = self.sent_ns = now_ns
        if self.resend_next:
            self.fill_to(self.resend_end + 1)
        self.resend_next = 0
        if self.gap_wanted:
            self.ask_resend()
        return 0

    # ── Time ──

    cdef Step tick(self, int64_t now_ns) except? STEP_ERROR nogil:
        """FIX-12: Heartbeat after one interval of our silence; TestRequest after 1.2 of theirs, the end after 2.4."""
        cdef int64_t interval_ns = <int64_t> self.heartbeat_s * NS_PER_SECOND
        self.now_ns = now_ns
        if self.phase == PHASE_CLOSED:
            return STEP_DISCONNECT
        if self.phase == PHASE_LOGOUT:
            return self.close(REASON_LOGOUT_TIMEOUT) if now_ns >= self.next_deadline_ns() else STEP_HANDLED
        if self.phase != PHASE_ACTIVE:
            return self.close(REASON_LOGON_TIMEOUT) if now_ns >= self.next_deadline_ns() else STEP_HANDLED
        if self.gap_end and now_ns - self.gap_progress_ns >= self.limits.gap_timeout_ns:
            return self.leave(REASON_GAP, b"Missing messages were not resent")
        if interval_ns == 0:
            return STEP_HANDLED
        if now_ns - self.received_ns >= interval_ns * 12 // 5:
            return self.close(REASON_NO_ANSWER)
        if now_ns - self.received_ns >= interval_ns * 6 // 5 and not self.test_pending:
            self.probe(now_ns)
        if now_ns - self.sent_ns >= interval_ns:
            self.begin_admin(c"0")
            self.outbox.end()
        return STEP_HANDLED

    cdef int64_t next_deadline_ns(self) noexcept nogil:
        """When tick() has something to do at the latest, on the clock that it is given."""
        cdef int64_t interval_ns = <int64_t> self.heartbeat_s * NS_PER_SECOND
        cdef int64_t deadline_ns = NEVER
        if self.phase == PHASE_CLOSED:
            return NEVER
        if self.phase == PHASE_LOGOUT:
            return self.logout_ns + self.limits.logout_timeout_ns
        if self.phase != PHASE_ACTIVE:
            return self.connected_ns + self.limits.logon_timeout_ns
        if interval_ns:
            deadline_ns = self.received_ns + interval_ns * (12 if self.test_pending else 6) // 5
            deadline_ns = min(deadline_ns, self.sent_ns + interval_ns)
        if self.gap_end:
            deadline_ns = min(deadline_ns, self.gap_progress_ns + self.limits.gap_timeout_ns)
        return deadline_ns

    cdef int send_logon(self, bint with_next) except -1 nogil:
        return self.say_logon(self.heartbeat_s, self.reset, self.next_in if with_next else 0)

    cdef int send_logout(self, const char *text, size_t size) except -1 nogil:
        self.say_logout(text, size)
        self.phase = PHASE_LOGOUT
        self.logout_ns = self.now_ns
        self.gap_end = 0
        self.queue.clear()
        return 0

    cdef int logout(self, const char *text, size_t size, int64_t now_ns) except -1 nogil:
        self.now_ns = now_ns
        return self.send_logout(text, size) if self.phase == PHASE_ACTIVE else 0

    cdef Step close(self, Reason reason) noexcept nogil:
        self.reason = reason
        self.phase = PHASE_CLOSED
        self.gap_end = 0
        self.queue.clear()
        return STEP_DISCONNECT

    cdef Step leave(self, Reason reason, const char *text) except? STEP_ERROR nogil:
        """A Logout that says why, and the end at once: what the peer sent makes no sense to go on with."""
        if self.phase == PHASE_ACTIVE:
            self.send_logout(text, strlen(text))
        return self.close(reason)

    cdef Step bounce(self, Reason reason, int reject_reason, uint32_t ref_tag) except? STEP_ERROR nogil:
        """FIX-6, FIX-14: Reject, Logout and the end. The message counts as received where it was the next one."""
        if self.message.msg_seq_num == self.next_in:
            self.next_in += 1
        self.reject(reject_reason, ref_tag, NULL, 0)
        return self.leave(reason, words(reject_reason))

    cdef bint names_us(self) noexcept nogil:
        return (
            self.message.equals(self.message.at[AT_SENDER_COMP_ID], self.peer, self.peer_size)
            and self.message.equals(self.message.at[AT_TARGET_COMP_ID], self.comp_id, self.comp_id_size)
        )

    cdef bint dates_hold(self, Fault *fault) noexcept nogil:
        """FIX-6: a repeated message says when it was first sent, and that was not after this time."""
        cdef int original = self.message.at[AT_ORIG_SENDING_TIME]
        cdef int sent = self.message.at[AT_SENDING_TIME]
        fault.tag = 122
        if not self.message.poss_dup:
            return True
        if original == 0:
            fault.reason = REJECT_REQUIRED_TAG_MISSING
            return False
        fault.reason = REJECT_SENDING_TIME
        return sent == 0 or (
            parse_utc(self.message.value(original), self.message.fields[original].length)
            <= parse_utc(self.message.value(sent), self.message.fields[sent].length)
        )
