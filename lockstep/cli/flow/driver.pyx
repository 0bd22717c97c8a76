"""Plays order flow through two FIX sessions, buyers on one and sellers on the other, in the flow's order.

Orders are pipelined: it waits neither for reports nor for books, only, where the side changes, for the venue's word
that it has taken what came before (a TestRequest answered), since two connections have no order between them.
"""

from libc.stdint cimport int64_t, uint64_t

from lockstep.cli.flow.initiator cimport Initiator, Report

cdef enum:
    KIND_NEW = 0
    KIND_IMMEDIATE = 1
    KIND_REDUCE = 2
    KIND_CANCEL = 3
    TIMEOUT_MS = 30_000
    REFUSED_ACK = -1

REFUSED = REFUSED_ACK
NEW, IMMEDIATE, REDUCE, CANCEL = KIND_NEW, KIND_IMMEDIATE, KIND_REDUCE, KIND_CANCEL


class Stalled(RuntimeError):
    """The venue took too long to answer: the flow was given up."""


cdef class Driver:
    """One play of a flow, through the sessions of a buyer and a seller.

    `acks[i]` is the number of the event that answered command i, or REFUSED; 0 before.

    The watcher of the books sets `seen`, which bounds how far orders run ahead; setting `stopping` ends the sending.
    Client order ids count from `first`: a play that goes on where another ended begins there.
    """

    cdef Initiator buyer
    cdef Initiator seller
    cdef const signed char[::1] kinds
    cdef const signed char[::1] buys
    cdef const int64_t[::1] orders
    cdef const int64_t[::1] prices
    cdef const int64_t[::1] quantities
    cdef int64_t[::1] acks
    cdef int64_t window
    cdef uint64_t first
    cdef uint64_t answered_test
    cdef public int64_t seen
    cdef public bint stopping
    cdef readonly int64_t sent
    cdef readonly int64_t answered
    cdef readonly int64_t refused
    cdef readonly list refusals

    def __init__(
        self, tuple sessions not None, object flow, acks, int64_t window, uint64_t first=0
    ):
        self.buyer, self.seller = sessions
        self.kinds, self.buys, self.orders = flow.kinds, flow.buys, flow.orders
        self.prices, self.quantities, self.acks = flow.prices, flow.quantities, acks
        self.window = window
        self.first = first
        self.answered_test = 0
        self.seen = self.sent = self.answered = self.refused = 0
        self.refusals = []

    def run(self) -> None:
        """Send every command and wait until each that was sent is answered. Stalled where the venue stops answering."""
        cdef Initiator current = self.buyer
        cdef Initiator wanted
        cdef int64_t total = len(self.kinds)
        cdef int64_t i
        for i in range(total):
            wanted = self.buyer if self.buys[i] else self.seller
            if wanted is not current:
                self._barrier(current, i + 1)
                current = wanted
            if i - self.seen >= self.window:
                current.flush()
                self._await_seen(i)
            if self.stopping:
                total = i
                break
            with nogil:
                self._append(wanted, i)
                if wanted.is_full():
                    wanted.flush()
                    self._take_answers(0)
            self.sent = i + 1
        current.flush()
        self._await_answers(total)

    cdef int _append(self, Initiator session, int64_t i) except -1 nogil:
        cdef uint64_t ref = self.first + i + 1
        cdef bint buy = self.buys[i]
        if self.kinds[i] == KIND_CANCEL:
            session.cancel(ref, self.first + self.orders[i] + 1, buy)
        elif self.kinds[i] == KIND_REDUCE:
            session.replace(ref, self.first + self.orders[i] + 1, buy, self.prices[i], self.quantities[i])
        else:
            session.new_order(ref, buy, self.kinds[i] == KIND_IMMEDIATE, self.prices[i], self.quantities[i])
        return 0

    cdef int _barrier(self, Initiator session, uint64_t number) except -1:
        """Let the venue say that it has taken everything sent on `session` so far."""
        cdef int waited_ms = 0
        with nogil:
            session.test_request(number)
            session.flush()
            self.take(session, 0)
            while self.answered_test != number and waited_ms < TIMEOUT_MS:
                self.take(session, 10)
                waited_ms += self.answered_test != number
        if self.answered_test != number:
            raise Stalled(f"TestRequest {number} was not answered")
        return 0

    def _await_seen(self, int64_t i) -> None:
        cdef int waited_ms = 0
        while i - self.seen >= self.window and not self.stopping:
            with nogil:
                self._take_answers(1)
            waited_ms += 1
            if waited_ms > TIMEOUT_MS:
                raise Stalled(f"the books stopped at command {self.seen} of {i} sent")

    def _await_answers(self, int64_t total) -> None:
        cdef int64_t before = -1
        cdef int waited_ms = 0
        while self.answered < total:
            if self.answered != before:
                before, waited_ms = self.answered, 0
            with nogil:
                self._take_answers(1)
            waited_ms += 1
            if waited_ms > TIMEOUT_MS:
                raise Stalled(f"{total - self.answered} of {total} commands were not answered")

    cdef int _take_answers(self, int timeout_ms) except -1 nogil:
        self.take(self.buyer, timeout_ms)
        self.take(self.seller, 0)
        return 0

    cdef int take(self, Initiator session, int timeout_ms) except -1 nogil:
        cdef Report report
        session.receive(timeout_ms)
        while session.next_report(&report):
            if report.msg_type == c"0":
                self.answered_test = report.test_id
            elif report.msg_type == c"8" and report.exec_type in (c"0", c"4", c"5"):
                # New, Canceled or Replaced under the command's own id. The rest of an IOC is Canceled under its order's
                # id too, and came after its New.
                if report.ref > self.first and self.acks[report.ref - self.first - 1] == 0:
                    self.acks[report.ref - self.first - 1] = report.event
                    self.answered += 1
            elif not (report.msg_type == c"8" and report.exec_type in (c"F", c"1", c"2")):
                if report.ref > self.first:
                    self.acks[report.ref - self.first - 1] = REFUSED_ACK
                with gil:
                    self._note_refusal(report.start[:report.size])
        return 0

    def _note_refusal(self, bytes message) -> None:
        self.refused += 1
        self.answered += 1
        if len(self.refusals) < 5:
            self.refusals.append(message.decode("latin-1").replace("\x01", "|"))
