"""The router's own events: refusals, confirmations, definitions, epochs and balances, written into its event ring.

It words what the sequencer decided; an event's bytes are a function of the log alone.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.procs.router.factors cimport RECOVERY_RECORDS
from lockstep.procs.router.keys cimport count_of_records, key_at
from lockstep.procs.router.extensions cimport before, extension_of, leg_of
from lockstep.procs.router.sequencer cimport Sequencer
from lockstep.procs.router.transfers cimport owner_of
from lockstep.procs.router.verdicts cimport client_id_of
from lockstep.shm.ring cimport Producer

# What a rejection repeats of these lies in one place,
assert <size_t> &(<AccountRecord *> NULL).name == <size_t> &(<ApiKeyRecord *> NULL).name
assert <size_t> &(<AccountRecord *> NULL).name == <size_t> &(<KeyRevocationRecord *> NULL).name
assert <size_t> &(<AccountRecord *> NULL).name == <size_t> &(<FactorUseRecord *> NULL).request
# and an extension has one number as a command and as an event.
assert <int> MAX_FLUSH >= <int> EVENTS_OF_KEY
assert <int> CMD_EXT_KEY_MATERIAL == <int> EVT_EXT_KEY_MATERIAL and <int> CMD_EXT_ADDRESSES == <int> EVT_EXT_ADDRESSES
assert <int> CMD_EXT_RECOVERY == <int> EVT_EXT_RECOVERY and <int> CMD_EXT_DESTINATION == <int> EVT_EXT_DESTINATION


cdef class Announcer:
    """Events claimed in `ring` and shown to its consumers by `publish`. Contract: ask `room` first."""

    def __cinit__(self, Producer ring):
        self.ring = ring

    cdef uint64_t room(self, uint64_t wanted) noexcept nogil:
        """How many more events fit."""
        return self.ring.free(wanted + self.claimed) - self.claimed

    cdef uint64_t next_number(self) noexcept nogil:
        """The number of the next event."""
        return self.ring.next + self.claimed

    cdef void publish(self) noexcept nogil:
        if self.claimed:
            self.ring.publish(self.ring.next + self.claimed - 1)
            self.claimed = 0

    cdef char *begin(self, const CommandRecord *cause, uint8_t type, uint32_t instrument) noexcept nogil:
        cdef uint64_t number = self.next_number()
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
        """The outcome of the record that `core` has just sequenced."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef BalanceRecord *balance
        cdef uint64_t i
        if verdict != CODE_OK:
            if header.type != CMD_ACTIVATE:  # its matcher cancels the order, and says so
                self.reject(record, verdict, core)
            return
        if is_told(header):
            if header.type == CMD_SNAPSHOT:
                self.tell_snapshot(<const SnapshotRecord *> record)
            elif header.type == CMD_RESERVATION:
                self.tell_reservation(<const ReservationRecord *> record)
            elif header.type == CMD_API_KEY:
                self.tell_key(<const ApiKeyRecord *> record, core)
            elif header.type == CMD_KEY_REVOCATION:
                self.tell_revocation(<const KeyRevocationRecord *> record, core)
            elif header.type == CMD_SECOND_FACTOR:
                self.tell_factor(<const SecondFactorRecord *> record, core)
            elif header.type == CMD_FACTOR_USE:
                self.tell_use(<const FactorUseRecord *> record)
            elif header.type == CMD_WITHDRAWAL_REQUEST:
                self.tell_request(header, core)
            elif header.type == CMD_WITHDRAWAL_DECISION:
                self.tell_decision(<const WithdrawalDecisionRecord *> record, core)
            elif header.type == CMD_PASSWORD_RESET:
                self.tell_reset(<const PasswordResetRecord *> record)
            elif header.type >= CMD_MASS_CANCEL or header.type == CMD_DEPOSIT:
                self.confirm(record)
            else:
                self.define(record, core)
        for i in range(core.flushed_count):
            balance = <BalanceRecord *> self.begin(header, EVT_BALANCE, 0)
            balance.account = core.flushed[i].account
            balance.asset = core.flushed[i].asset
            balance.free = core.flushed[i].free
            balance.held = core.flushed[i].held
            self.end(<char *> balance)
        if core.tells_settled:
            self.tell_settled(header, core)

    cdef void reject(self, const char *record, uint16_t verdict, Sequencer core) noexcept nogil:
        """A refusal says what was refused: as the sender knows it and, if the target is known, as the venue does."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef const NewOrderRecord *order = <const NewOrderRecord *> record
        cdef const ReplaceRecord *replace = <const ReplaceRecord *> record
        cdef const ExtLegRecord *leg
        cdef RejectedRecord *event
        cdef ExtClientIdEventRecord *meant
        if header.type == CMD_NEW_ORDER:
            self.reject_order(header, order, verdict)
            leg = leg_of(&core.extensions, order)
            if leg != NULL:
                self.reject_order(header, <const NewOrderRecord *> leg, verdict)
            return
        if header.type != CMD_CANCEL and header.type != CMD_REPLACE:
            self.reject_other(record, verdict)
            return
        meant = <ExtClientIdEventRecord *> self.begin(header, EVT_EXT_CLIENT_ID, replace.instrument)
        memcpy(meant.orig_cl_ord_id, core.meant_id, CL_ORD_ID_SIZE)
        self.end(<char *> meant)
        # Cancels and replaces have instrument and MsgSeqNum in the same places.
        event = self.begin_rejected(header, verdict, replace.instrument)
        memcpy(event.cl_ord_id, core.own_id, CL_ORD_ID_SIZE)
        event.order_id = core.target.order_id
        event.price_ticks = core.target.price_ticks if header.type == CMD_CANCEL else replace.price_ticks
        event.quantity_lots = core.target.quantity_lots if header.type == CMD_CANCEL else replace.quantity_lots
        event.side = core.target.side
        event.msg_seq_num = replace.msg_seq_num
        if event.side == 0 and header.type == CMD_CANCEL:
            event.side = (<const CancelRecord *> record).side
        self.end(<char *> event)

    cdef RejectedRecord *begin_rejected(
        self, const CommandRecord *cause, uint16_t verdict, uint32_t instrument
    ) noexcept nogil:
        cdef RejectedRecord *event = <RejectedRecord *> self.begin(cause, EVT_REJECTED, instrument)
        event.account = cause.account
        event.session = cause.session
        event.command = cause.type
        event.code = verdict
        return event

    cdef void reject_order(
        self, const CommandRecord *cause, const NewOrderRecord *order, uint16_t verdict
    ) noexcept nogil:
        """One order, alone or of a list: its own record's sequence is its order id."""
        cdef RejectedRecord *event = self.begin_rejected(cause, verdict, order.instrument)
        memcpy(event.cl_ord_id, order.cl_ord_id, CL_ORD_ID_SIZE)
        event.order_id = order.seq
        event.price_ticks = order.price_ticks
        event.quantity_lots = order.quantity_lots
        event.side = order.side
        event.ord_type = order.ord_type
        event.time_in_force = order.time_in_force
        event.msg_seq_num = order.msg_seq_num
        self.end(<char *> event)

    cdef void reject_other(self, const char *record, uint16_t verdict) noexcept nogil:
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef RejectedRecord *event = self.begin_rejected(header, verdict, instrument_of(record))
        cdef const char *id = client_id_of(record)
        if header.type in (CMD_ACCOUNT, CMD_API_KEY, CMD_KEY_REVOCATION, CMD_FACTOR_USE):
            id = &(<const AccountRecord *> record).name[0]  # or a key's name, or the request's, in the same place
        if id != NULL:
            memcpy(event.cl_ord_id, id, CL_ORD_ID_SIZE)
        if header.type in (CMD_DEPOSIT, CMD_WITHDRAWAL, CMD_WITHDRAWAL_REQUEST):
            event.quantity_lots = (<const DepositRecord *> record).amount
        elif header.type == CMD_ADJUSTMENT:
            event.quantity_lots = (<const AdjustmentRecord *> record).amount
        elif header.type == CMD_MASS_CANCEL:
            event.side = (<const MassCancelRecord *> record).side
            event.msg_seq_num = (<const MassCancelRecord *> record).msg_seq_num
        self.end(<char *> event)

    cdef void confirm(self, const char *record) noexcept nogil:
        """A command without its own event was carried out."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef ConfirmedRecord *event
        cdef const char *id
        if header.type == CMD_ACTIVATE:
            return
        if header.type == CMD_CORRECTION:
            self.tell_correction(<const CorrectionRecord *> record)
            return
        event = <ConfirmedRecord *> self.begin(header, EVT_CONFIRMED, instrument_of(record))
        event.account = header.account
        event.session = header.session
        event.command = header.type
        id = client_id_of(record)
        if id != NULL:
            memcpy(event.cl_ord_id, id, CL_ORD_ID_SIZE)
        detail(event, record)
        self.end(<char *> event)

    cdef void tell_snapshot(self, const SnapshotRecord *record) noexcept nogil:
        cdef SnapshotTakenRecord *event = <SnapshotTakenRecord *> self.begin(
            <const CommandRecord *> record, EVT_SNAPSHOT, 0
        )
        memcpy(event.event_numbers, record.event_numbers, sizeof(record.event_numbers))
        self.end(<char *> event)

    cdef void tell_reservation(self, const ReservationRecord *record) noexcept nogil:
        cdef ReservedRecord *event = <ReservedRecord *> self.begin(<const CommandRecord *> record, EVT_RESERVED, 0)
        event.session = record.session
        event.generation = record.generation
        event.first = record.first
        event.end = record.end
        event.fix_version = record.fix_version
        self.end(<char *> event)

    cdef void tell_settled(self, const CommandRecord *cause, Sequencer core) noexcept nogil:
        cdef SettledRecord *event = <SettledRecord *> self.begin(cause, EVT_SETTLED, 0)
        memcpy(event.event_numbers, core.administration.transfers.settled, sizeof(event.event_numbers))
        self.end(<char *> event)

    cdef void tell_key(self, const ApiKeyRecord *record, Sequencer core) noexcept nogil:
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef KeyDefinedRecord *event
        cdef int back
        for back in range(count_of_records(record), 0, -1):
            self.repeat_extension(header, before(&core.extensions, header, back))
        event = <KeyDefinedRecord *> self.begin(header, EVT_KEY_DEFINED, 0)
        memcpy(event.name, record.name, CL_ORD_ID_SIZE)
        event.key = record.key
        event.expiry_ns = record.expiry_ns
        event.account = record.target
        event.kind = record.kind
        event.scopes = record.scopes
        event.networks = record.networks
        event.asked_by = record.account
        event.session = record.session
        self.end(<char *> event)

    cdef void repeat_extension(self, const CommandRecord *cause, const char *extension) noexcept nogil:
        """An extension of a key or a second factor: its body lies alike in command and event."""
        cdef char *event = self.begin(cause, (<const CommandRecord *> extension).type, 0)
        memcpy(event + sizeof(EventRecord), extension + sizeof(CommandRecord), RECORD_SIZE - sizeof(CommandRecord))
        self.end(event)

    cdef void tell_revocation(self, const KeyRevocationRecord *record, Sequencer core) noexcept nogil:
        cdef KeyRevokedRecord *event = <KeyRevokedRecord *> self.begin(
            <const CommandRecord *> record, EVT_KEY_REVOKED, 0
        )
        memcpy(event.name, record.name, CL_ORD_ID_SIZE)
        event.key = record.key
        event.account = key_at(core.administration.keys, record.key).account
        event.asked_by = record.account
        event.session = record.session
        self.end(<char *> event)

    cdef void tell_factor(self, const SecondFactorRecord *record, Sequencer core) noexcept nogil:
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef FactorDefinedRecord *event
        cdef int back
        if record.size != 0:
            for back in range(RECOVERY_RECORDS, 0, -1):
                self.repeat_extension(header, before(&core.extensions, header, back))
        event = <FactorDefinedRecord *> self.begin(header, EVT_FACTOR_DEFINED, 0)
        event.account = record.target
        event.asked_by = record.account
        event.session = record.session
        event.size = record.size
        memcpy(event.secret, record.secret, record.size)
        self.end(<char *> event)

    cdef void tell_use(self, const FactorUseRecord *record) noexcept nogil:
        cdef FactorUsedRecord *event = <FactorUsedRecord *> self.begin(
            <const CommandRecord *> record, EVT_FACTOR_USED, 0
        )
        memcpy(event.request, record.request, CL_ORD_ID_SIZE)
        event.account = record.account
        event.step = record.step
        event.session = record.session
        event.code = record.code
        self.end(<char *> event)

    cdef void tell_reset(self, const PasswordResetRecord *record) noexcept nogil:
        cdef PasswordResetChangedRecord *event = <PasswordResetChangedRecord *> self.begin(
            <const CommandRecord *> record, EVT_PASSWORD_RESET, 0
        )
        event.account = record.target
        event.asked_by = record.account
        event.session = record.session
        event.takes_factor = record.takes_factor
        event.is_approved = record.proposal != 0
        event.proposal = record.proposal if record.proposal != 0 else record.seq
        memcpy(event.cl_ord_id, record.cl_ord_id, CL_ORD_ID_SIZE)
        memcpy(event.code_hash, record.code_hash, sizeof(event.code_hash))
        self.end(<char *> event)

    cdef void tell_request(self, const CommandRecord *header, Sequencer core) noexcept nogil:
        cdef const WithdrawalRequestRecord *record = <const WithdrawalRequestRecord *> header
        cdef WithdrawalChangedRecord *event
        self.repeat_extension(header, before(&core.extensions, header, 1))
        event = <WithdrawalChangedRecord *> self.begin(header, EVT_WITHDRAWAL, 0)
        event.withdrawal = record.seq
        event.amount = record.amount
        event.account = event.asked_by = record.account
        event.asset = record.asset
        event.session = record.session
        event.state = core.ledger.withdrawals.state
        memcpy(event.cl_ord_id, record.cl_ord_id, CL_ORD_ID_SIZE)
        self.end(<char *> event)

    cdef void tell_decision(self, const WithdrawalDecisionRecord *record, Sequencer core) noexcept nogil:
        cdef WithdrawalChangedRecord *event = <WithdrawalChangedRecord *> self.begin(
            <const CommandRecord *> record, EVT_WITHDRAWAL, 0
        )
        event.withdrawal = record.withdrawal
        event.amount = record.amount
        event.account = record.target
        event.asset = record.asset
        event.asked_by = record.account
        event.session = record.session
        event.state = core.ledger.withdrawals.state
        event.step = record.step
        memcpy(event.cl_ord_id, record.cl_ord_id, CL_ORD_ID_SIZE)
        self.end(<char *> event)

    cdef void tell_correction(self, const CorrectionRecord *record) noexcept nogil:
        cdef CorrectedRecord *event = <CorrectedRecord *> self.begin(
            <const CommandRecord *> record, EVT_CORRECTED, record.instrument
        )
        event.header_flags = asked_by_api(<const CommandRecord *> record)
        event.trade_id = record.trade_id
        event.price_ticks = record.price_ticks
        event.quantity_lots = record.quantity_lots
        event.new_price_ticks = record.new_price_ticks
        event.buyer = record.buyer
        event.seller = record.seller
        event.matcher = record.matcher
        if record.new_price_ticks != 0:  # a trade that is undone costs no fees
            event.buyer_fee = record.buyer_fee
            event.seller_fee = record.seller_fee
        self.end(<char *> event)

    cdef void define(self, const char *record, Sequencer core) noexcept nogil:
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef const char *credential
        cdef char *event
        if header.type == CMD_ASSET:
            event = self.begin(header, EVT_ASSET_DEFINED, 0)
            (<EventRecord *> event).header_flags = asked_by_api(header)
            memcpy((<AssetDefinedRecord *> event).name, (<const AssetRecord *> record).name, SYMBOL_SIZE)
            (<AssetDefinedRecord *> event).asset = (<const AssetRecord *> record).asset
            (<AssetDefinedRecord *> event).scale = (<const AssetRecord *> record).scale
        elif header.type == CMD_INSTRUMENT:
            event = self.begin(header, EVT_INSTRUMENT_DEFINED, (<const InstrumentRecord *> record).instrument)
            (<EventRecord *> event).header_flags = asked_by_api(header)
            define_instrument(<InstrumentDefinedRecord *> event, <const InstrumentRecord *> record)
        elif header.type == CMD_ACCOUNT:
            credential = extension_of(&core.extensions, header, 1, CMD_EXT_CREDENTIAL)
            event = self.begin(header, EVT_EXT_CREDENTIAL, 0)
            # The extension's body, from the salt on, is laid out alike in command and event.
            memcpy((<ExtCredentialEventRecord *> event).salt, (<const ExtCredentialRecord *> credential).salt, 60)
            self.end(event)
            event = self.begin(header, EVT_ACCOUNT_DEFINED, 0)
            (<AccountDefinedRecord *> event).account = header.account
            if header.ingress == API_RING:
                (<AccountDefinedRecord *> event).account = (<const AccountRecord *> record).target
                (<AccountDefinedRecord *> event).asked_by = header.account
                (<AccountDefinedRecord *> event).session = header.session
            (<AccountDefinedRecord *> event).takes_factor = (<const AccountRecord *> record).takes_factor
            (<AccountDefinedRecord *> event).role = (<const AccountRecord *> record).role
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


cdef bint is_told(const CommandRecord *header) noexcept nogil:
    """Whether a command that was carried out has an event of the router's. A deposit has where the api asked for it and
    waits for that, and where it takes two operators. Others are told by their balance alone, as they always were.
    """
    if header.type != CMD_DEPOSIT:
        return CMD_DEPOSIT < header.type < CMD_EXT_CLIENT_ID
    return header.ingress == API_RING or is_of_two(<const DepositRecord *> header)


cdef uint16_t asked_by_api(const CommandRecord *header) noexcept nogil:
    """The flag of an event that has no room for who asked: the api knows its own requests by it."""
    return EVENT_FLAG_API if header.ingress == API_RING else 0


cdef uint32_t instrument_of(const char *record) noexcept nogil:
    """The instrument that a command is about, 0 for none or for all."""
    cdef uint8_t type = (<const CommandRecord *> record).type
    if type == CMD_MASS_CANCEL:
        return (<const MassCancelRecord *> record).instrument
    if type == CMD_PHASE:
        return (<const PhaseChangeRecord *> record).instrument
    if type == CMD_SCHEDULE:
        return (<const ScheduleRecord *> record).instrument
    if type == CMD_LIMITS:
        return (<const LimitsRecord *> record).instrument
    if type == CMD_INSTRUMENT:
        return (<const InstrumentRecord *> record).instrument
    if type == CMD_CORRECTION or type == CMD_CORRECTION_PROPOSAL:
        return (<const CorrectionRecord *> record).instrument
    return 0


cdef bint is_of_two(const DepositRecord *record) noexcept nogil:
    """Whether a deposit is one that two operators make, of which both have an event. The flag is the router's own."""
    return record.flags & DEPOSIT_FLAG_PROPOSAL or record.proposal != 0


cdef void detail(ConfirmedRecord *event, const char *record) noexcept nogil:
    """What a confirmation says of its command beyond who asked: the fields that both have."""
    cdef uint8_t type = event.command
    if type == CMD_MASS_CANCEL:
        event.target = (<const MassCancelRecord *> record).target
        event.side = (<const MassCancelRecord *> record).side
        event.msg_seq_num = (<const MassCancelRecord *> record).msg_seq_num
        event.is_due = (<const MassCancelRecord *> record).ingress == 0
    elif type == CMD_CANCEL_AFTER:
        event.target = (<const CancelAfterRecord *> record).account
        event.seconds = (<const CancelAfterRecord *> record).seconds
    elif type == CMD_KILL_SWITCH:
        event.target = (<const KillSwitchRecord *> record).target
        event.side = (<const KillSwitchRecord *> record).scope
        event.is_on = (<const KillSwitchRecord *> record).is_on
    elif type == CMD_ACCOUNT_LIMITS:
        event.target = (<const AccountLimitsRecord *> record).target
    elif type == CMD_POSITION_LIMIT:
        event.target = (<const PositionLimitRecord *> record).target
        event.asset = (<const PositionLimitRecord *> record).asset
        event.amount = (<const PositionLimitRecord *> record).max_units
    elif type == CMD_DEPOSIT:
        event.target = owner_of(<const DepositRecord *> record)
        event.asset = (<const DepositRecord *> record).asset
        event.amount = (<const DepositRecord *> record).amount
        event.proposal = (<const DepositRecord *> record).proposal
        if event.proposal == 0 and is_of_two(<const DepositRecord *> record):
            event.proposal = event.cause
    elif type == CMD_DEPOSIT_LIMIT:
        event.asset = (<const DepositLimitRecord *> record).asset
        event.amount = (<const DepositLimitRecord *> record).amount
        event.proposal = (<const DepositLimitRecord *> record).proposal
    elif type == CMD_WITHDRAWAL:
        event.target = owner_of(<const DepositRecord *> record)
        event.asset = (<const WithdrawalRecord *> record).asset
        event.amount = (<const WithdrawalRecord *> record).amount
        event.proposal = (<const WithdrawalRecord *> record).proposal
    elif type == CMD_ADJUSTMENT:
        event.target = (<const AdjustmentRecord *> record).target
        event.asset = (<const AdjustmentRecord *> record).asset
        event.amount = (<const AdjustmentRecord *> record).amount
        event.proposal = (<const AdjustmentRecord *> record).proposal
        if event.proposal == 0:
            event.proposal = event.cause
    elif type == CMD_CORRECTION_PROPOSAL:
        event.proposal = event.cause
    elif type == CMD_DISMISSAL:
        event.proposal = (<const DismissalRecord *> record).proposal
    elif type == CMD_REGISTRATION:
        event.is_on = (<const RegistrationRecord *> record).mode
        event.proposal = (<const RegistrationRecord *> record).proposal
    elif type == CMD_WELCOME:
        event.asset = (<const WelcomeRecord *> record).asset
        event.amount = (<const WelcomeRecord *> record).amount
        event.proposal = (<const WelcomeRecord *> record).proposal
