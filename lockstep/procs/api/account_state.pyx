"""The state of accounts, orders, fills and balances, as released events change it; and which requests they answer."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.orders cimport ClientOrder, ClientOrders
from lockstep.core.schema.records cimport *
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.api.balances cimport Balances
from lockstep.procs.api.commands cimport is_told_of_nobody
from lockstep.procs.api.fills cimport Fill, Fills
from lockstep.procs.api.listeners cimport (
    NOTICE_BALANCE, NOTICE_CANCELLED, NOTICE_NEW, NOTICE_REJECTED, NOTICE_REPLACED, NOTICE_RESTATED, NOTICE_TRADE,
    NOTICE_TRIGGERED, Listeners,
)
from lockstep.procs.api.recent_events cimport OPERATORS_CHAIN, PART_FIRST, PART_OPERATORS, PART_SECOND, RecentEvents
from lockstep.procs.api.requests cimport OF_ALL, Request, Requests
from lockstep.procs.api.settlement cimport Settlement
from lockstep.procs.api.tracked_orders cimport Tracked, TrackedOrders
from lockstep.shm.ring cimport Consumer, record_at

from lockstep.core.schema.layout import unpack_event
from lockstep.procs.api.people import People
from lockstep.procs.api.recent_events import KEPT as RECENT
from lockstep.procs.api.withdrawals import Waiting, Withdrawals

cdef char[CL_ORD_ID_SIZE] NO_ID  # of commands that an account has one of at a time
cdef uint64_t SECOND_NS = 1_000_000_000

cdef enum:
    OF_ROUTER = 0
    ANYBODY = 0                     # who asked, where an event does not say that


cdef class AccountState(ReleasedEvents):
    """The tables, and the reader of the api's rings that fills them.

    `future` makes what a request's outcome is set on. Memory keeps the last `kept` closed orders, as many fills, and no
    more of the last events.
    """

    def __init__(self, object future, uint32_t kept):
        self.listings = Listings()
        self.orders = ClientOrders(kept)
        self.tracked = TrackedOrders(self.orders)
        self.fills = Fills(kept)
        self.balances = Balances()
        self.recent = RecentEvents(min(kept, RECENT))
        self.people = People()
        self.accounts = self.people.accounts
        self.keys = self.people.keys
        self.withdrawals = Withdrawals()
        self.phases = {}
        self.references = {}
        self.definitions = {}
        self.cancel_after = {}
        self.requests = Requests(future)
        self.settlement = Settlement(future)
        self.listeners = Listeners()

    cdef uint64_t apply_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0 nogil:
        cdef uint64_t seq
        with gil:
            for seq in range(first, first + count):
                self.handle(ring, record_at(consumer, seq))
        return count

    cdef int handle(self, int ring, const char *record) except -1:
        cdef int kind = (<const EventRecord *> record).type
        if kind == EVT_ACCEPTED:
            self.accepted(ring, <const AcceptedRecord *> record)
        elif kind == EVT_TRADED:
            self.traded(ring, <const TradedRecord *> record)
        elif kind == EVT_CANCELLED:
            self.cancelled(ring, <const CancelledRecord *> record)
        elif kind == EVT_REPLACED:
            self.replaced(ring, <const ReplacedRecord *> record)
        elif kind == EVT_REJECTED:
            self.rejected(ring, <const RejectedRecord *> record)
        elif kind == EVT_BALANCE:
            self.balance(<const BalanceRecord *> record)
        elif kind == EVT_EXT_TERMS:
            self.terms[ring] = (<const ExtTermsEventRecord *> record)[0]
            self.has_terms[ring] = True
        elif kind == EVT_EXT_LIST_NAME:
            self.names[ring] = (<const ExtListNameEventRecord *> record)[0]
            self.has_name[ring] = True
        elif kind == EVT_TRIGGERED:
            self.triggered(ring, <const TriggeredRecord *> record)
        elif kind == EVT_RESTATED:
            self.restated(ring, <const RestatedRecord *> record)
        elif kind == EVT_PREVENTED:
            self.prevent(ring, <const PreventedRecord *> record)
        elif kind == EVT_CONFIRMED:
            self.confirmed(ring, <const ConfirmedRecord *> record)
        elif kind == EVT_CORRECTED:
            self.corrected(<const CorrectedRecord *> record)
        elif kind == EVT_SETTLED:
            self.settlement.reached(<const SettledRecord *> record)
        elif kind == EVT_PHASE_CHANGED:
            self.phases[(<const EventRecord *> record).instrument] = (<const PhaseChangedRecord *> record).phase
            self.references[(<const EventRecord *> record).instrument] = (
                (<const PhaseChangedRecord *> record).reference_price_ticks, (<const EventRecord *> record).time_ns
            )
        else:
            self.define(ring, kind, record)
        return 0

    cdef const ExtTermsEventRecord *take_terms(self, int ring) noexcept:
        """The terms that the ring's event before this one gave its order; NULL if there was no such event."""
        if not self.has_terms[ring]:
            return NULL
        self.has_terms[ring] = False
        return &self.terms[ring]

    cdef const char *take_name(self, int ring) noexcept:
        """The name of its list that the ring's events before this one gave its order; NULL if they gave none."""
        if not self.has_name[ring]:
            return NULL
        self.has_name[ring] = False
        return self.names[ring].name

    cdef int changed(
        self, int what, int ring, const EventRecord *event, const ClientOrder *order, uint64_t fill=0,
        int part=PART_FIRST
    ) except -1:
        """An order's event is applied to the table: note when, and tell its account's streams and listeners."""
        cdef uint32_t place = self.orders.place_of(order.order_id)
        self.tracked.update(place, event.time_ns, event.cause)
        self.recent.add(
            order.account, ring, event, order, self.tracked.at(place), self.orders.further_of(order), part
        )
        if what == NOTICE_NEW:
            self.settlement.held(order.account, event.cause)
        elif ring != OF_ROUTER and (what != NOTICE_TRIGGERED or self.is_repriced):
            self.settlement.changed(order.account, ring, event.number)
        return self.listeners.tell(order.account, what, order.order_id, ring, event, fill)

    cdef int accepted(self, int ring, const AcceptedRecord *event) except -1:
        cdef const ExtTermsEventRecord *terms = self.take_terms(ring)
        cdef const char *name = self.take_name(ring)
        cdef const ClientOrder *order = self.orders.accepted(event, terms)
        cdef uint32_t place = self.orders.place_of(order.order_id)
        cdef Request request
        self.tracked.begin(place, event.time_ns, event.cause)
        self.tracked.at(place).self_trade = event.stp
        if terms != NULL and terms.mate_order_id:
            self.tracked.at(place).mate_id = terms.mate_order_id
            self.tracked.at(place).list_kind = terms.list_kind
            if name != NULL and event.order_id > terms.mate_order_id:  # the first order's id is the list's number
                self.tracked.list_names.note(event.order_id, event.account, name)
        if event.session >= API_SESSION:
            request = self.requests.first_event(ring, event.cause, event.account, event.cl_ord_id, CMD_NEW_ORDER)
            if request is not None:
                request.order_id = event.order_id
        return self.changed(NOTICE_NEW, ring, <const EventRecord *> event, order)

    cdef int traded(self, int ring, const TradedRecord *event) except -1:
        self.traded_side(ring, event, SIDE_BUY)
        return self.traded_side(ring, event, SIDE_SELL)

    cdef int traded_side(self, int ring, const TradedRecord *event, int side) except -1:
        cdef bint is_taker = event.taker_side == side
        cdef uint64_t order_id = event.taker_order_id if is_taker else event.maker_order_id
        cdef int64_t leaves = event.taker_leaves_lots if is_taker else event.maker_leaves_lots
        cdef const ClientOrder *order = self.orders.filled(order_id, event.quantity_lots, event.price_ticks, leaves)
        cdef Fill *fill = self.fills.add(order.account, event.cause)
        cdef Request request
        fill.order_id = order_id
        fill.trade_id = event.number
        fill.time_ns = event.time_ns
        fill.price_ticks = event.price_ticks
        fill.quantity_lots = event.quantity_lots
        fill.fee = event.taker_fee if is_taker else event.maker_fee
        fill.instrument = event.instrument
        fill.side = side
        fill.is_maker = not is_taker
        fill.matcher = ring
        if is_taker:
            request = self.requests.of(event.cause)
            if request is not None and request.order_id == order_id:
                request.fills.append(self.fills.count)
        return self.changed(
            NOTICE_TRADE, ring, <const EventRecord *> event, order, self.fills.count,
            PART_FIRST if side == SIDE_BUY else PART_SECOND
        )

    cdef int cancelled(self, int ring, const CancelledRecord *event) except -1:
        cdef const ClientOrder *order = self.orders.cancelled(event)
        cdef Tracked *tracked = self.tracked.at(self.orders.place_of(order.order_id))
        cdef Request request = None
        tracked.end_reason = event.reason
        if event.reason == CANCEL_REASON_SELF_TRADE and not order.flags & ORDER_FLAG_BUDGET:
            tracked.prevented_lots += event.leaves_lots
        if event.session >= API_SESSION:
            request = self.requests.first_event(ring, event.cause, event.account, event.cl_ord_id, CMD_CANCEL)
        if request is None:
            request = self.requests.of(event.cause)
        if request is not None:
            request.orders.append(event.order_id)
            if request.command == CMD_CANCEL and not request.order_id:
                request.order_id = event.order_id
        return self.changed(NOTICE_CANCELLED, ring, <const EventRecord *> event, order)

    cdef int restated(self, int ring, const RestatedRecord *event) except -1:
        cdef const ClientOrder *order = self.orders.restated(event)
        if event.reason == RESTATE_REASON_SELF_TRADE:
            self.tracked.at(self.orders.place_of(order.order_id)).prevented_lots += (
                event.old_leaves_lots - event.leaves_lots
            )
        return self.changed(NOTICE_RESTATED, ring, <const EventRecord *> event, order)

    cdef int prevent(self, int ring, const PreventedRecord *event) except -1:
        """A trade was prevented. What both orders lose follows in events of their own."""
        self.prevented[ring] = event[0]
        self.recorded[ring] = event.number
        if event.mode != STP_CANCEL_OLDEST:
            self.tracked.at(self.orders.known(event.taker_order_id)).prevented_match = event.number
        if event.maker_lots:
            self.tracked.at(self.orders.known(event.maker_order_id)).prevented_match = event.number
        return 0

    cdef int replaced(self, int ring, const ReplacedRecord *event) except -1:
        cdef const ClientOrder *order = self.orders.find(event.order_id)
        cdef Request request = None
        if order != NULL:
            memcpy(self.replaced_id, order.cl_ord_id, CL_ORD_ID_SIZE)
        order = self.orders.replaced(event, self.take_terms(ring))
        self.recorded[ring] = event.number
        if event.header_flags & EVENT_FLAG_API:  # a FIX session may have asked under the same client id
            request = self.requests.first_event(ring, event.cause, order.account, event.cl_ord_id, CMD_REPLACE)
        if request is not None:
            request.order_id = event.order_id
        return self.changed(NOTICE_REPLACED, ring, <const EventRecord *> event, order)

    cdef int rejected(self, int ring, const RejectedRecord *event) except -1:
        cdef const ClientOrder *order
        cdef Request request
        cdef uint32_t asked_by
        cdef int command = CMD_NEW_ORDER if event.command == CMD_EXT_LEG else event.command
        self.take_terms(ring)
        if event.session >= API_SESSION:
            self.refused[1 + (ring != OF_ROUTER)] += 1
            asked_by = ANYBODY if is_told_of_nobody(command) else event.account
            request = self.requests.first_event(ring, event.cause, asked_by, event.cl_ord_id, command)
            if request is not None:
                request.code = event.code
                request.order_id = event.order_id
        if command == CMD_NEW_ORDER and event.code != CODE_DUPLICATE_CLIENT_ID:
            order = self.orders.rejected(event)
            self.tracked.begin(self.orders.place_of(order.order_id), event.time_ns, event.cause)
            self.changed(NOTICE_REJECTED, ring, <const EventRecord *> event, order)
        else:
            self.recent.add(event.account, ring, <const EventRecord *> event, NULL, NULL, NULL, PART_FIRST)
        return 0

    cdef int triggered(self, int ring, const TriggeredRecord *event) except -1:
        """It changes what its order holds only where its price is another one."""
        cdef const ClientOrder *order = self.orders.find(event.order_id)
        self.is_repriced = order != NULL and order.price_ticks != event.price_ticks
        return self.changed(NOTICE_TRIGGERED, ring, <const EventRecord *> event, self.orders.triggered(event))

    cdef int confirmed(self, int ring, const ConfirmedRecord *event) except -1:
        cdef Request request = None
        if event.command == CMD_REGISTRATION or event.command == CMD_WELCOME or event.command == CMD_DISMISSAL:
            self.people.note(unpack_event((<const char *> event)[:RECORD_SIZE]))
        elif event.command == CMD_CANCEL_AFTER and event.seconds:
            self.cancel_after[event.account] = event.time_ns + event.seconds * SECOND_NS
        elif event.command == CMD_CANCEL_AFTER or event.is_due:
            self.cancel_after.pop(event.target, None)
        if event.session >= API_SESSION:
            request = self.requests.first_event(ring, event.cause, event.account, event.cl_ord_id, event.command)
        if request is not None:
            request.proposal = event.proposal
            if event.command == CMD_MASS_CANCEL:
                request.ring = OF_ALL
        if event.command == CMD_KILL_SWITCH and event.side == KILL_SCOPE_ACCOUNT:
            if event.is_on and event.account != event.target:
                self.people.lock(event.target, event.cause)
            self.told_of_account(event.target, ring, <const EventRecord *> event)
        return 0

    cdef int corrected(self, const CorrectedRecord *event) except -1:
        """A trade was undone, or has another price: so do its fills that are kept."""
        self.told_of_nobody(CMD_CORRECTION, <const EventRecord *> event)
        cdef uint32_t account
        cdef Fill *fill
        cdef int sides = 0
        self.corrected_number = event.number
        for account in {event.buyer, event.seller}:
            fill = <Fill *> self.fills.last_of(account)
            while fill != NULL and not (fill.matcher == event.matcher and fill.trade_id < event.trade_id):
                if fill.matcher == event.matcher and fill.trade_id == event.trade_id:
                    sides += 1
                    fill.is_undone = event.new_price_ticks == 0
                    fill.price_ticks = event.new_price_ticks or fill.price_ticks
                    fill.fee = event.buyer_fee if fill.side == SIDE_BUY else event.seller_fee
                fill = <Fill *> self.fills.before(fill)
        if sides < 2:
            self.fills.corrected_seq = event.cause
        self.recent.add(event.buyer, OF_ROUTER, <const EventRecord *> event, NULL, NULL, NULL, PART_FIRST)
        self.recent.add(event.seller, OF_ROUTER, <const EventRecord *> event, NULL, NULL, NULL, PART_SECOND)
        return 0

    cdef int balance(self, const BalanceRecord *event) except -1:
        self.balances.note(event)
        self.recent.add(event.account, OF_ROUTER, <const EventRecord *> event, NULL, NULL, NULL, PART_FIRST)
        return self.listeners.tell(event.account, NOTICE_BALANCE, 0, OF_ROUTER, <const EventRecord *> event, 0)

    cdef int define(self, int ring, int kind, const char *record) except -1:
        """What is listed, and who may do what: told by the router."""
        if kind == EVT_ASSET_DEFINED:
            self.listings.add_asset(<const AssetDefinedRecord *> record)
            self.told_of_nobody(CMD_ASSET, <const EventRecord *> record)
        elif kind == EVT_INSTRUMENT_DEFINED:
            self.listings.add_instrument(<const InstrumentDefinedRecord *> record)
            self.told_of_nobody(CMD_INSTRUMENT, <const EventRecord *> record)
            self.definitions[(<const EventRecord *> record).instrument] = record[:RECORD_SIZE]
        elif is_of_people(kind):
            self.people.note(unpack_event(record[:RECORD_SIZE]))
            self.told_of_people(ring, kind, record)
        elif kind == EVT_WITHDRAWAL or kind == EVT_EXT_DESTINATION:
            self.withdrawals.note(unpack_event(record[:RECORD_SIZE]))
            self.withdrawn(kind, <const WithdrawalChangedRecord *> record)
        return 0

    cdef int told_of_nobody(self, int command, const EventRecord *event) except -1:
        """An event that does not say who asked: where the api did, it was the first of its requests of that kind."""
        if event.header_flags & EVENT_FLAG_API:
            self.requests.first_event(OF_ROUTER, event.cause, ANYBODY, NO_ID, command)
        return 0

    cdef int told_of_people(self, int ring, int kind, const char *record) except -1:
        """It may be what somebody has asked for."""
        cdef const AccountDefinedRecord *account = <const AccountDefinedRecord *> record
        cdef const KeyDefinedRecord *key = <const KeyDefinedRecord *> record
        cdef const KeyRevokedRecord *revoked = <const KeyRevokedRecord *> record
        cdef const FactorDefinedRecord *factor = <const FactorDefinedRecord *> record
        cdef const FactorUsedRecord *used = <const FactorUsedRecord *> record
        cdef const PasswordResetChangedRecord *reset = <const PasswordResetChangedRecord *> record
        cdef uint64_t seq = (<const EventRecord *> record).cause
        if kind == EVT_ACCOUNT_DEFINED and account.session >= API_SESSION:
            self.requests.first_event(ring, seq, account.asked_by, account.name, CMD_ACCOUNT)
        elif kind == EVT_KEY_DEFINED and key.session >= API_SESSION:
            self.requests.first_event(ring, seq, key.asked_by, key.name, CMD_API_KEY)
        elif kind == EVT_KEY_REVOKED and revoked.session >= API_SESSION:
            self.requests.first_event(ring, seq, revoked.asked_by, revoked.name, CMD_KEY_REVOCATION)
        elif kind == EVT_FACTOR_DEFINED and factor.session >= API_SESSION:
            self.requests.first_event(ring, seq, factor.asked_by, NO_ID, CMD_SECOND_FACTOR)
        elif kind == EVT_FACTOR_USED and used.session >= API_SESSION:
            self.requests.first_event(ring, seq, used.account, used.request, CMD_FACTOR_USE)
        elif kind == EVT_PASSWORD_RESET and reset.session >= API_SESSION:
            self.requests.first_event(ring, seq, reset.asked_by, reset.cl_ord_id, CMD_PASSWORD_RESET)
        if kind == EVT_ACCOUNT_DEFINED:
            self.told_of_account(account.account, ring, <const EventRecord *> record)
        elif kind == EVT_KEY_DEFINED:
            self.told_of_account(key.account, ring, <const EventRecord *> record)
        elif kind == EVT_KEY_REVOKED:
            self.told_of_account(revoked.account, ring, <const EventRecord *> record)
        elif kind == EVT_FACTOR_DEFINED:
            self.told_of_account(factor.account, ring, <const EventRecord *> record)
        return 0

    cdef int told_of_account(self, uint32_t account, int ring, const EventRecord *event) except -1:
        """What is no order's: its account is told, and operators are."""
        self.recent.add(account, ring, event, NULL, NULL, NULL, PART_FIRST)
        self.recent.add(OPERATORS_CHAIN, ring, event, NULL, NULL, NULL, PART_OPERATORS)
        return 0

    cdef int withdrawn(self, int kind, const WithdrawalChangedRecord *event) except -1:
        """The first event of a request is its outcome."""
        cdef int command = CMD_WITHDRAWAL_DECISION
        if kind == EVT_WITHDRAWAL:
            self.told_of_account(event.account, OF_ROUTER, <const EventRecord *> event)
        if kind == EVT_WITHDRAWAL and event.session >= API_SESSION:
            if event.state == WITHDRAWAL_STATE_REQUESTED:
                command = CMD_WITHDRAWAL_REQUEST
            self.requests.first_event(OF_ROUTER, event.cause, event.asked_by, event.cl_ord_id, command)
        return 0

    # What listeners ask while they are called.

    @property
    def replaced_client_id(self) -> bytes:
        """The client id that the order of the last REPLACED event had before it."""
        return (<bytes> self.replaced_id[:CL_ORD_ID_SIZE]).rstrip(b"\0")

    def prevented_match(self, int ring) -> bytes:
        """Return the ring's last PREVENTED event: the cause of a SELF_TRADE event that a listener is called with."""
        return (<const char *> &self.prevented[ring])[:RECORD_SIZE]

    def recorded_numbers(self) -> list[int]:
        """Return, by ring, the number of the last event that only the database keeps. No ring has any: all 0."""
        return [self.recorded[ring] for ring in range(RINGS)]

    # Parts of snapshots.

    def save(self, Saver saver not None) -> None:
        """Add to a part all that events have said, at a mark: no event is half applied there."""
        self.save_position(saver)
        self.people.save(saver)
        self.settlement.save(saver)
        saver.object(list(self.phases.items()))
        saver.object(list(self.references.items()))
        saver.object(list(self.definitions.items()))
        saver.object(list(self.cancel_after.items()))
        self.listings.save(saver)
        self.orders.save(saver)
        self.tracked.save(saver)
        self.fills.save(saver)
        self.balances.save(saver)
        self.recent.save(saver)
        saver.object(self.withdrawals.known())

    def load(self, Loader loader not None) -> None:
        """Go on from a part. DamagedPart."""
        self.load_position(loader)
        self.corrected_number = self.handled[0]  # any event before may have been a correction
        for ring in range(1, RINGS):  # or of those that only the database keeps
            self.recorded[ring] = self.handled[ring]
        self.people.load(loader)
        self.settlement.load(loader)
        self.phases = dict(loader.object(list[tuple[int, int]]))
        self.references = dict(loader.object(list[tuple[int, tuple[int, int]]]))
        self.definitions = dict(loader.object(list[tuple[int, bytes]]))
        self.cancel_after = dict(loader.object(list[tuple[int, int]]))
        self.listings.load(loader)
        self.orders.load(loader)
        self.tracked.load(loader)
        self.fills.load(loader)
        self.balances.load(loader)
        self.recent.load(loader)
        self.withdrawals.restore(loader.object(list[Waiting]))


cdef bint is_of_people(int kind) noexcept nogil:
    """Whether an event is about accounts, their passwords, API keys or second factors."""
    return (
        kind == EVT_ACCOUNT_DEFINED or kind == EVT_EXT_CREDENTIAL or EVT_KEY_DEFINED <= kind <= EVT_FACTOR_USED
        or kind == EVT_PASSWORD_RESET or EVT_EXT_KEY_MATERIAL <= kind <= EVT_EXT_RECOVERY
    )
