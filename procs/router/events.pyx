"""The router's own events: refusals, definitions, epochs and balances, written into its event ring.

It words what the sequencer decided and decides nothing; an event's bytes are a function of the log alone.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from procs.router.sequencer cimport Sequencer
from shm.crc32c cimport crc32c
from shm.records cimport *
from shm.ring cimport Producer


cdef class Announcer:
    """Events claimed in `ring` and shown to its consumers by `publish`. Contract: ask `room` first."""

    def __cinit__(self, Producer ring):
        self.ring = ring

    cdef uint64_t room(self, uint64_t wanted) noexcept nogil:
        """How many more events fit."""
        return self.ring.free(wanted + self.claimed) - self.claimed

    cdef void publish(self) noexcept nogil:
        if self.claimed:
            self.ring.publish(self.ring.next + self.claimed - 1)
            self.claimed = 0

    cdef char *begin(self, const CommandRecord *cause, uint8_t type, uint32_t instrument) noexcept nogil:
        cdef uint64_t number = self.ring.next + self.claimed
        cdef char *event = self.ring.claim(number)
        cdef EventRecord *header = <EventRecord *> event
        memset(event, 0, RECORD_SIZE)
        header.type = type
        header.version = 1
        header.cause = cause.seq
        header.time_ns = cause.time_ns
        header.number = number
        header.epoch = cause.epoch
        header.instrument = instrument
        return event

    cdef void end(self, char *event) noexcept nogil:
        (<EventRecord *> event).crc = crc32c(0, event + 4, RECORD_SIZE - 4)
        self.claimed += 1

    cdef void announce(self, const char *record, uint16_t verdict, Sequencer core) noexcept nogil:
        """What came of the record that `core` has just sequenced."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef BalanceRecord *balance
        cdef uint64_t i
        if verdict != CODE_OK:
            self.reject(record, verdict, core)
            return
        for i in range(core.flushed_count):
            balance = <BalanceRecord *> self.begin(header, EVT_BALANCE, 0)
            balance.account = core.flushed[i].account
            balance.asset = core.flushed[i].asset
            balance.free = core.flushed[i].free
            balance.held = core.flushed[i].held
            self.end(<char *> balance)
        if header.type >= CMD_ASSET:
            self.define(record, core)

    cdef void reject(self, const char *record, uint16_t verdict, Sequencer core) noexcept nogil:
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef const NewOrderRecord *order = <const NewOrderRecord *> record
        cdef const CancelRecord *cancel = <const CancelRecord *> record
        cdef const ReplaceRecord *replace = <const ReplaceRecord *> record
        cdef RejectedRecord *event
        cdef ExtClientIdEventRecord *meant
        cdef bint requests = header.type == CMD_CANCEL or header.type == CMD_REPLACE
        cdef bint traded = requests or header.type == CMD_NEW_ORDER
        # New orders, cancels and replaces have client id and instrument in the same place.
        cdef uint32_t instrument = order.instrument if traded else 0
        if requests:
            meant = <ExtClientIdEventRecord *> self.begin(header, EVT_EXT_CLIENT_ID, instrument)
            if core.extended_by(header, CMD_EXT_CLIENT_ID):
                memcpy(
                    meant.orig_cl_ord_id, (<const ExtClientIdRecord *> core.extension).orig_cl_ord_id, CL_ORD_ID_SIZE
                )
            self.end(<char *> meant)
        event = <RejectedRecord *> self.begin(header, EVT_REJECTED, instrument)
        event.account = header.account
        event.session = header.session
        event.command = header.type
        event.code = verdict
        if traded or header.type == CMD_DEPOSIT or header.type == CMD_ACCOUNT:
            memcpy(event.cl_ord_id, order.cl_ord_id, CL_ORD_ID_SIZE)
        if header.type == CMD_NEW_ORDER:
            event.order_id = header.seq
            event.price_ticks = order.price_ticks
            event.quantity_lots = order.quantity_lots
            event.side = order.side
            event.ord_type = order.ord_type
            event.time_in_force = order.time_in_force
            event.msg_seq_num = order.msg_seq_num
        elif requests:
            event.order_id = core.target.order_id
            event.price_ticks = core.target.price_ticks if header.type == CMD_CANCEL else replace.price_ticks
            event.quantity_lots = core.target.quantity_lots if header.type == CMD_CANCEL else replace.quantity_lots
            event.side = core.target.side
            event.msg_seq_num = cancel.msg_seq_num
            if event.side == 0 and header.type == CMD_CANCEL:
                event.side = cancel.side
        elif header.type == CMD_DEPOSIT:
            event.quantity_lots = (<const DepositRecord *> record).amount
        self.end(<char *> event)

    cdef void define(self, const char *record, Sequencer core) noexcept nogil:
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef char *event
        if header.type == CMD_ASSET:
            event = self.begin(header, EVT_ASSET_DEFINED, 0)
            memcpy((<AssetDefinedRecord *> event).name, (<const AssetRecord *> record).name, SYMBOL_SIZE)
            (<AssetDefinedRecord *> event).asset = (<const AssetRecord *> record).asset
            (<AssetDefinedRecord *> event).scale = (<const AssetRecord *> record).scale
        elif header.type == CMD_INSTRUMENT:
            event = self.begin(header, EVT_INSTRUMENT_DEFINED, (<const InstrumentRecord *> record).instrument)
            define_instrument(<InstrumentDefinedRecord *> event, <const InstrumentRecord *> record)
        elif header.type == CMD_ACCOUNT:
            event = self.begin(header, EVT_EXT_CREDENTIAL, 0)
            # The extension's body, from the salt on, is laid out alike in command and event.
            memcpy((<ExtCredentialEventRecord *> event).salt, (<const ExtCredentialRecord *> core.extension).salt, 60)
            self.end(event)
            event = self.begin(header, EVT_ACCOUNT_DEFINED, 0)
            (<AccountDefinedRecord *> event).account = header.account
            memcpy((<AccountDefinedRecord *> event).name, (<const AccountRecord *> record).name, CL_ORD_ID_SIZE)
        elif header.type == CMD_EPOCH:
            event = self.begin(header, EVT_EPOCH_BEGUN, 0)
            # rules_version, members and boot id lie together in both.
            memcpy(&(<EpochBegunRecord *> event).rules_version, &(<const EpochRecord *> record).rules_version, 24)
        else:
            return
        self.end(event)


cdef void define_instrument(InstrumentDefinedRecord *event, const InstrumentRecord *record) noexcept nogil:
    memcpy(event.symbol, record.symbol, SYMBOL_SIZE)
    event.base_asset = record.base_asset
    event.quote_asset = record.quote_asset
    event.tick_mantissa = record.tick_mantissa
    event.lot_mantissa = record.lot_mantissa
    event.price_scale = record.price_scale
    event.quantity_scale = record.quantity_scale
    event.matcher = record.matcher
    event.collar_bps = record.collar_bps
    event.maker_fee_ppm = record.maker_fee_ppm
    event.taker_fee_ppm = record.taker_fee_ppm
    event.reference_price_ticks = record.reference_price_ticks
    event.unit_value = record.unit_value
    event.lot_units = record.lot_units
