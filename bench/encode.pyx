"""Encodes the workload's commands as the venue's records: as a gateway does, or as the router does.

It never asks what became of a command: it names the orders that the stream names.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from bench.simple_book cimport BUY
from bench.workload cimport CANCEL, LIMIT, MARKET, MOVE, Step, Workload
from lockstep.core.schema.client_ids cimport join_ids
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, ORD_TYPE_LIMIT, ORD_TYPE_MARKET, RECORD_SIZE, SIDE_BUY,
    SIDE_SELL, STP_NONE, TIF_GTC, TIF_IOC, CancelRecord, CommandRecord, NewOrderRecord, ReplaceRecord,
)

cdef enum:
    USERS = 1000
    MAKER_PPM = 1000
    TAKER_PPM = 2000
    DIGITS = 8
    LINE_SIZE = 64

ACCOUNTS = USERS
MAKER_FEE_PPM = MAKER_PPM
TAKER_FEE_PPM = TAKER_PPM

cdef const char *HEX = b"0123456789abcdef"


cdef void write_id(char *out, char letter, uint64_t number) noexcept nogil:
    """A client id: a letter that says whether it is an order's or a request's, and its number."""
    cdef int i
    memset(out, 0, CL_ORD_ID_SIZE)
    out[0] = letter
    for i in range(DIGITS):
        out[DIGITS - i] = HEX[number & 15]
        number >>= 4


cdef class Encoder:
    """One pass over a workload. A command takes one record: its client ids are short (`schema.client_ids`).

    What is `sequenced` begins at `first_seq` of a log that has nothing else in it from there on.
    """

    def __cinit__(self, Workload workload not None, uint64_t first_seq=2):
        self.workload = workload
        self.targets = <uint64_t *> calloc(workload.count + 1, sizeof(uint64_t))
        self.msg_seq_nums = <uint32_t *> calloc(USERS + 1, sizeof(uint32_t))
        if self.targets == NULL or self.msg_seq_nums == NULL:
            raise MemoryError("no memory for the workload's order ids")
        self.number(first_seq)

    def __dealloc__(self):
        free(self.targets)
        free(self.msg_seq_nums)

    cdef int number(self, uint64_t seq) except -1:
        """Find out beforehand which sequences orders take: looked up while the clock runs, it would be charged."""
        cdef uint64_t *order_ids = <uint64_t *> calloc(self.workload.orders + 1, sizeof(uint64_t))
        cdef const Step *step
        cdef int64_t i
        if order_ids == NULL:
            raise MemoryError("no memory for the workload's order ids")
        for i in range(self.workload.count):
            step = &self.workload.steps[i]
            if step.kind == LIMIT or step.kind == MARKET:
                order_ids[step.id] = seq
            self.targets[i] = order_ids[step.id]
            seq += 1
        free(order_ids)
        return 0

    cdef void request(self, char *out) noexcept nogil:
        """The next command as a gateway encodes it, its time left to the sender."""
        cdef const Step *step = &self.workload.steps[self.next]
        if step.kind == LIMIT or step.kind == MARKET:
            self.order(step, out)
        else:
            self.follow_up(step, out)
        self.next += 1

    cdef void sequenced(self, char *out, uint64_t seq) noexcept nogil:
        """The next command as the router sequences it at `seq`. Nothing is checked, so nothing is refused."""
        cdef const Step *step = &self.workload.steps[self.next]
        cdef CommandRecord *head = <CommandRecord *> out
        self.request(out)
        head.seq = head.time_ns = seq
        head.epoch = 1
        if step.kind == CANCEL:
            (<CancelRecord *> out).order_id = self.targets[self.next - 1]
        elif step.kind == MOVE:
            (<ReplaceRecord *> out).order_id = self.targets[self.next - 1]
        else:
            (<NewOrderRecord *> out).maker_fee_ppm = MAKER_PPM
            (<NewOrderRecord *> out).taker_fee_ppm = TAKER_PPM
            if step.kind == MARKET:
                (<NewOrderRecord *> out).price_ticks = INT64_MAX if step.side == BUY else 1

    cdef void head(self, char *out, int type, uint32_t account) noexcept nogil:
        # In two parts: the compiler makes of one this long a string instruction, which takes five times as long.
        memset(out, 0, LINE_SIZE)
        memset(out + LINE_SIZE, 0, RECORD_SIZE - LINE_SIZE)
        (<CommandRecord *> out).type = type
        (<CommandRecord *> out).version = 1
        (<CommandRecord *> out).account = (<CommandRecord *> out).session = account

    cdef void order(self, const Step *step, char *out) noexcept nogil:
        cdef NewOrderRecord *order = <NewOrderRecord *> out
        self.head(out, CMD_NEW_ORDER, step.uid)
        write_id(order.cl_ord_id, c"o", step.id)
        order.instrument = step.instrument
        order.side = SIDE_BUY if step.side == BUY else SIDE_SELL
        order.ord_type = ORD_TYPE_LIMIT if step.kind == LIMIT else ORD_TYPE_MARKET
        order.time_in_force = TIF_GTC if step.kind == LIMIT else TIF_IOC
        order.stp = STP_NONE
        order.price_ticks = step.price if step.kind == LIMIT else 0
        order.quantity_lots = step.size
        self.msg_seq_nums[step.uid] += 1
        order.msg_seq_num = self.msg_seq_nums[step.uid]

    cdef void follow_up(self, const Step *step, char *out) noexcept nogil:
        cdef CancelRecord *cancel = <CancelRecord *> out
        cdef ReplaceRecord *replace = <ReplaceRecord *> out
        cdef char own_id[CL_ORD_ID_SIZE]
        cdef char meant_id[CL_ORD_ID_SIZE]
        self.head(out, CMD_CANCEL if step.kind == CANCEL else CMD_REPLACE, step.uid)
        write_id(own_id, c"r", self.next)
        write_id(meant_id, c"o", step.id)
        join_ids(replace, own_id, meant_id)
        self.msg_seq_nums[step.uid] += 1
        if step.kind == CANCEL:
            cancel.instrument = step.instrument
            cancel.side = SIDE_BUY if step.side == BUY else SIDE_SELL
            cancel.msg_seq_num = self.msg_seq_nums[step.uid]
            return
        replace.instrument = step.instrument
        replace.price_ticks = step.price
        replace.quantity_lots = step.size
        replace.msg_seq_num = self.msg_seq_nums[step.uid]
