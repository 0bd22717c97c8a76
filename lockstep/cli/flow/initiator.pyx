"""A compiled FIX 4.4 initiator for one session and one instrument, made to send orders as fast as a venue takes them.

It speaks FIX over a real socket and knows nothing of the venue's insides; it does not resend, so it is for throw-away
sessions: each logon resets the numbers.
"""

import socket
import time

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy, memmove, strerror

from lockstep.core.schema.decimals cimport SHORT_ROOM, put_short
from lockstep.core.schema.digits cimport put_digits, put_uint

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void *data, size_t size, int flags) noexcept
    ssize_t send(int fd, const void *data, size_t size, int flags) noexcept
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout_ms) noexcept
    short POLLIN
    short POLLOUT

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    cdef struct tm:
        pass
    int clock_gettime(int clock, timespec *t) noexcept
    int CLOCK_REALTIME
    tm *gmtime_r(const long *t, tm *out) noexcept
    size_t strftime(char *out, size_t size, const char *form, const tm *parts) noexcept

cdef enum:
    SOH = 1
    LONGEST = 512           # of the messages sent here
    BODY_DIGITS = 4
    TRAILER = 7             # 10=nnn and its separator
    STAMP = 21              # YYYYMMDD-HH:MM:SS.sss

cdef char *REFERENCE = "F"


class LogonRefused(ConnectionError):
    """The venue closed the connection or logged out instead of answering the logon."""


cdef class Initiator:
    """One FIX session. Prices and quantities are integers of the instrument's smallest decimal.

    A venue that does not listen is tried again for `patience_s`.
    """

    def __cinit__(self, str host, int port, object party, object market, double patience_s=10):
        self.out = <char *> malloc(SEND_SIZE + LONGEST)
        self.received = <char *> malloc(RECEIVE_SIZE)
        if self.out == NULL or self.received == NULL:
            raise MemoryError()
        self.out_size = self.begin = self.end = 0
        self.next_out = 1
        head = b"\x0149=%b\x0156=%b\x0152=" % (party.sender.encode(), party.target.encode())
        if len(head) > HEAD_SIZE or len(market.symbol) > 16:
            raise ValueError("CompIDs and symbols are shorter than that")
        self.head_size = len(head)
        memcpy(self.head, <const char *> head, self.head_size)
        name = market.symbol.encode()
        self.symbol_size = len(name)
        memcpy(self.symbol, <const char *> name, self.symbol_size)
        self.price_decimals = market.price_decimals
        self.quantity_decimals = market.quantity_decimals
        self._connect(host, port, patience_s)
        self._log_on(party.sender.encode(), party.password.encode())

    def __dealloc__(self):
        free(self.out)
        free(self.received)

    def _connect(self, str host, int port, double patience_s) -> None:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                self.sock = socket.create_connection((host, port), timeout=10)
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)  # the venue may be about to listen: only trying again tells
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.fd = self.sock.fileno()

    def _log_on(self, bytes sender, bytes password) -> None:
        cdef Report report
        self.start_message(b"A")
        self.number(b"98=", 0)
        self.number(b"108=", 60)
        self.text(b"141=", b"Y", 1)
        self.text(b"553=", sender, len(sender))
        self.text(b"554=", password, len(password))
        self.finish_message()
        self.flush()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                self.receive(100)
            except ConnectionError as error:
                raise LogonRefused(f"the venue refused the logon of {sender.decode()}: {error}") from None
            if self.next_report(&report):
                if report.msg_type == c"A":
                    return
                raise LogonRefused(f"the venue refused the logon: {report.start[:report.size]!r}")
        raise LogonRefused("the venue did not answer the logon within 10 s")

    def close(self) -> None:
        """Log out and close the connection."""
        self.start_message(b"5")
        self.finish_message()
        self.flush()
        self.sock.close()

    cdef void new_order(self, uint64_t ref, bint buy, bint immediate, int64_t price, int64_t quantity) noexcept nogil:
        """Append a limit order, good till cancelled or immediate-or-cancel."""
        self.start_message(b"D")
        self.reference(b"11=", ref)
        self.instrument_and_side(buy)
        self.decimal(b"38=", quantity, self.quantity_decimals)
        self.raw(b"40=2\x01", 5)
        self.decimal(b"44=", price, self.price_decimals)
        self.raw(b"59=3\x01" if immediate else b"59=1\x01", 5)
        self.finish_message()

    cdef void cancel(self, uint64_t ref, uint64_t orig, bint buy) noexcept nogil:
        """Append a request to cancel the order sent with reference `orig`."""
        self.start_message(b"F")
        self.reference(b"11=", ref)
        self.reference(b"41=", orig)
        self.instrument_and_side(buy)
        self.finish_message()

    cdef void replace(self, uint64_t ref, uint64_t orig, bint buy, int64_t price, int64_t quantity) noexcept nogil:
        """Append a request to give an order this price and total quantity."""
        self.start_message(b"G")
        self.reference(b"11=", ref)
        self.reference(b"41=", orig)
        self.instrument_and_side(buy)
        self.decimal(b"38=", quantity, self.quantity_decimals)
        self.raw(b"40=2\x01", 5)
        self.decimal(b"44=", price, self.price_decimals)
        self.finish_message()

    cdef void test_request(self, uint64_t number) noexcept nogil:
        """Append a TestRequest: its Heartbeat says that the venue has taken everything before it."""
        self.start_message(b"1")
        self.number(b"112=", number)
        self.finish_message()

    cdef void instrument_and_side(self, bint buy) noexcept nogil:
        self.text(b"55=", self.symbol, self.symbol_size)
        self.raw(b"54=1\x01" if buy else b"54=2\x01", 5)
        self.raw(b"60=", 3)
        self.raw(self.stamp, STAMP)
        self.raw(b"\x01", 1)

    cdef bint is_full(self) noexcept nogil:
        """Whether the next message should wait until what is there has been sent."""
        return self.out_size >= SEND_SIZE - LONGEST

    cdef int flush(self) except -1 nogil:
        """Send everything appended. Receives meanwhile, or both ends could wait for ever."""
        cdef size_t sent = 0
        cdef ssize_t count
        cdef pollfd waiting
        while sent < self.out_size:
            count = send(self.fd, self.out + sent, self.out_size - sent, MSG_DONTWAIT | MSG_NOSIGNAL)
            if count >= 0:
                sent += count
            elif errno == EAGAIN:
                waiting.fd = self.fd
                waiting.events = POLLOUT | (POLLIN if self.end < RECEIVE_SIZE else 0)
                poll(&waiting, 1, 1000)
                if waiting.revents & POLLIN:
                    self.receive(0)
            elif errno != EINTR:
                with gil:
                    raise ConnectionError(f"sending to the venue failed: {strerror(errno).decode()}")
        self.out_size = 0
        return 0

    cdef int receive(self, int timeout_ms) except -1 nogil:
        """Take what has arrived, waiting for it at most `timeout_ms`. Messages come out of `next_report`."""
        cdef pollfd waiting
        cdef ssize_t count
        if self.begin > 0 and self.end > RECEIVE_SIZE // 2:
            memmove(self.received, self.received + self.begin, self.end - self.begin)
            self.end -= self.begin
            self.begin = 0
        if self.end == RECEIVE_SIZE:
            return 0
        count = recv(self.fd, self.received + self.end, RECEIVE_SIZE - self.end, MSG_DONTWAIT)
        if count < 0 and errno == EAGAIN and timeout_ms > 0:
            waiting.fd = self.fd
            waiting.events = POLLIN
            poll(&waiting, 1, timeout_ms)
            count = recv(self.fd, self.received + self.end, RECEIVE_SIZE - self.end, MSG_DONTWAIT)
        if count > 0:
            self.end += count
        elif count == 0:
            with gil:
                raise ConnectionError("the venue closed the connection")
        elif errno != EAGAIN and errno != EINTR:
            with gil:
                raise ConnectionError(f"receiving from the venue failed: {strerror(errno).decode()}")
        return 0

    cdef bint next_report(self, Report *out) noexcept nogil:
        """Parse the next whole message received; False if there is none."""
        cdef const char *start = self.received + self.begin
        cdef size_t ready = self.end - self.begin
        cdef size_t head = 0
        cdef size_t body = 0
        cdef const char *at
        cdef const char *stop
        if ready < 24:
            return False
        at = <const char *> memchr(start, SOH, ready)      # 8=FIX.4.4
        if at == NULL or at + 4 >= start + ready:
            return False
        at += 3                                            # 9=
        while at < start + ready and at[0] != SOH:
            body = body * 10 + (at[0] - c"0")
            at += 1
        head = at + 1 - start
        if ready < head + body + TRAILER:
            return False
        stop = start + head + body
        parse(start + head, stop, out)
        out.start = start
        out.size = head + body + TRAILER
        self.begin += out.size
        if self.begin == self.end:
            self.begin = self.end = 0
        return True

    cdef void start_message(self, const char *msg_type) noexcept nogil:
        if self.out_size == 0:
            self.read_clock()
        self.body = self.out_size + 10 + 2 + BODY_DIGITS + 1
        self.raw(b"8=FIX.4.4\x019=0000\x0135=", 10 + 2 + BODY_DIGITS + 1 + 3)
        self.raw(msg_type, 1)
        self.raw(b"\x0134=", 4)
        self.out_size = put_uint(self.out + self.out_size, self.next_out) - self.out
        self.next_out += 1
        self.raw(self.head, self.head_size)
        self.raw(self.stamp, STAMP)
        self.raw(b"\x01", 1)

    cdef void finish_message(self) noexcept nogil:
        cdef size_t size = self.out_size - self.body
        cdef size_t start = self.body - (10 + 2 + BODY_DIGITS + 1)
        cdef size_t i
        cdef unsigned char total = 0
        put_digits(self.out + self.body - BODY_DIGITS - 1, size, BODY_DIGITS)
        for i in range(start, self.out_size):
            total += <unsigned char> self.out[i]
        self.raw(b"10=", 3)
        put_digits(self.out + self.out_size, total, 3)
        self.out_size += 3
        self.raw(b"\x01", 1)

    cdef void read_clock(self) noexcept nogil:
        cdef timespec now
        cdef tm parts
        clock_gettime(CLOCK_REALTIME, &now)
        gmtime_r(&now.tv_sec, &parts)
        strftime(self.stamp, sizeof(self.stamp), b"%Y%m%d-%H:%M:%S.", &parts)
        put_digits(self.stamp + STAMP - 3, now.tv_nsec // 1_000_000, 3)

    cdef void text(self, const char *tag, const char *value, size_t size) noexcept nogil:
        cdef const char *at = tag
        while at[0]:
            self.out[self.out_size] = at[0]
            self.out_size += 1
            at += 1
        self.raw(value, size)
        self.raw(b"\x01", 1)

    cdef void number(self, const char *tag, uint64_t value) noexcept nogil:
        cdef char text[24]
        self.text(tag, text, put_uint(text, value) - text)

    cdef void reference(self, const char *tag, uint64_t ref) noexcept nogil:
        cdef char text[24]
        text[0] = REFERENCE[0]
        self.text(tag, text, put_uint(text + 1, ref) - text)

    cdef void decimal(self, const char *tag, int64_t value, int decimals) noexcept nogil:
        cdef char text[SHORT_ROOM]
        self.text(tag, text, put_short(text, value, decimals) - text)

    cdef void raw(self, const char *data, size_t size) noexcept nogil:
        memcpy(self.out + self.out_size, data, size)
        self.out_size += size


cdef const char *read_number(const char *at, const char *stop, uint64_t *out) noexcept nogil:
    cdef uint64_t value = 0
    while at < stop and c"0" <= at[0] <= c"9":
        value = value * 10 + (at[0] - c"0")
        at += 1
    out[0] = value
    return at


cdef void parse(const char *at, const char *stop, Report *out) noexcept nogil:
    """Take the few fields that a load client needs; `at` is the first byte of 35=."""
    cdef uint64_t tag, ring
    out.msg_type = out.exec_type = 0
    out.ref = out.event = out.test_id = 0
    out.ring = 0
    while at < stop:
        at = read_number(at, stop, &tag) + 1
        if tag == 35:
            out.msg_type = at[0]
        elif tag == 150:
            out.exec_type = at[0]
        elif tag == 11 and at[0] == REFERENCE[0]:
            read_number(at + 1, stop, &out.ref)
        elif tag == 17:
            at = read_number(at, stop, &ring) + 1
            out.ring = <uint32_t> ring
            at = read_number(at, stop, &out.event)
        elif tag == 112:
            read_number(at, stop, &out.test_id)
        at = <const char *> memchr(at, SOH, stop - at)
        if at == NULL:
            return
        at += 1
