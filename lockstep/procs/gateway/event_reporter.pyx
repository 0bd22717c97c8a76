"""Turns released events into the sessions' reports, and rebuilds all that the gateway knows of the venue from them.

It reports each side of each event once over all restarts (LOG-15: the store's watermarks), and never waits: a session
that is away gets its reports stored. Its reader decides which events it takes, and when
(lockstep/core/edge/released_events.pyx).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.intake.orders cimport ClientOrder
from lockstep.core.schema.records cimport (
    API_SESSION,
    CMD_CANCEL,
    CMD_EXT_LEG,
    CMD_KILL_SWITCH,
    CMD_MASS_CANCEL,
    CMD_NEW_ORDER,
    CMD_REPLACE,
    CMD_RESERVATION,
    CODE_DUPLICATE_CLIENT_ID,
    EVT_ACCEPTED,
    EVT_ACCOUNT_DEFINED,
    EVT_ASSET_DEFINED,
    EVT_CANCELLED,
    EVT_CONFIRMED,
    EVT_EXT_CLIENT_ID,
    EVT_EXT_CREDENTIAL,
    EVT_EXT_TERMS,
    EVT_INSTRUMENT_DEFINED,
    EVT_REJECTED,
    EVT_RESERVED,
    EVT_REPLACED,
    EVT_RESTATED,
    EVT_TRADED,
    EVT_TRIGGERED,
    EVENT_FLAG_API,
    KILL_SCOPE_ACCOUNT,
    SIDE_BUY,
    SIDE_SELL,
    AcceptedRecord,
    AccountDefinedRecord,
    AssetDefinedRecord,
    ConfirmedRecord,
    EventRecord,
    ExtClientIdEventRecord,
    ExtCredentialEventRecord,
    ExtTermsEventRecord,
    InstrumentDefinedRecord,
    ReservedRecord,
    RestatedRecord,
    TriggeredRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.gateway.followed cimport note_reservation, tell_followed
from lockstep.shm.ring cimport Consumer, record_at

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.authentication import Account, Accounts, Credential

cdef enum:
    TAG_POSS_RESEND = 97
    REPORT = 56                      # MsgType 8: ExecutionReport
    CANCEL_REJECT = 57               # MsgType 9: OrderCancelReject
    MASS_REPORT = 114                # MsgType r: OrderMassCancelReport
    FIRST_OF_MATCHERS = 200          # code of a refusal; those below it are the router's


cdef inline uint32_t session_told_of(const ClientOrder *order) noexcept:
    """The FIX session of the order's account, if the order came by it; else the api's, which no gateway tells."""
    return API_SESSION if order.by_api else order.account


def accounts_in(Loader part not None) -> list[Account]:
    """The accounts that a part has, from behind its store's section. DamagedPart."""
    cdef uint64_t handled[RINGS]
    part.get(handled, sizeof(handled))
    return part.object(list[Account])


cdef class EventReporter(ReleasedEvents):
    """The reader of a gateway's rings. `attach` comes first, after `load` if there is a part.

    Its part of a snapshot is saved with `snapshots`. Of sessions that `home_of` has at another gateway than `gateway`
    it reports nothing; their orders it knows as all others.
    """

    def __init__(
        self, Store store not None, Reports reports not None, int gateway, object home_of, bytes comp_id not None
    ):
        self.sessions = [None]
        self.ended = []
        self.accounts = Accounts()
        self.store = store
        self.orders = reports.orders
        self.listings = reports.listings
        self.reports = reports
        self.gateway = gateway
        self.home_of = home_of
        self.comp_id = comp_id
        self.recovering = store.other_boot
        self.is_bounded = store.is_emptied

    cdef int64_t report(self, int64_t now_ns) except -1:
        """Handle what is released, a bounded number of each ring; returns how many events that were."""
        cdef int64_t work
        self.now_ns = now_ns
        work = self.drain()
        if self.mark:
            self.store.flush()
            if not self.store.is_full:  # else no snapshot: its parts would have no space either
                self.snapshots.save(self.mark, f"gateway.{self.gateway}", self.save)
            self.mark = 0
        return work

    cdef uint64_t apply_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0 nogil:
        with gil:
            return self.handle_all(ring, consumer, first, count)

    cdef uint64_t handle_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0:
        cdef const EventRecord *event
        cdef uint64_t seq
        for seq in range(first, first + count):
            if self.store.is_full:
                return seq - first
            if seq + EVENTS_AHEAD <= consumer.seen:  # a hint to the processor, also of what is not released yet
                event = <const EventRecord *> record_at(consumer, seq + EVENTS_AHEAD)
                if event.type == EVT_ACCEPTED:
                    self.orders.expect(<const AcceptedRecord *> event)
            self.handle(ring, record_at(consumer, seq))
        return count

    cdef void show_released(self):
        """Publish on the board how far this gateway has reported to its clients (LOG-12)."""
        cdef int ring
        for ring in range(1, RINGS):
            if self.by_ring[ring] != NULL:
                self.board.set_released(self.gateway - 1, ring, self.handled[ring])

    cdef int handle(self, int ring, const char *record) except -1:
        cdef int event_type = (<const EventRecord *> record).type
        cdef const AcceptedRecord *accepted
        cdef const ClientOrder *order
        cdef FixSession session
        if event_type == EVT_ACCEPTED:
            accepted = <const AcceptedRecord *> record
            order = self.orders.accepted(accepted, self.take_terms(ring))
            if self.due(ring, accepted, accepted.side, accepted.session):
                session = self.session_of(accepted.session)
                self.reports.accepted(self.begin_report(session, REPORT), order, ring, accepted)
                session.end_report(ring, accepted.number, accepted.side)
        elif event_type == EVT_TRADED:
            self.traded(ring, <const TradedRecord *> record)
        elif event_type == EVT_CANCELLED:
            self.cancelled(ring, <const CancelledRecord *> record)
        elif event_type == EVT_REPLACED:
            self.replaced(ring, <const ReplacedRecord *> record)
        elif event_type == EVT_REJECTED:
            self.rejected(ring, <const RejectedRecord *> record)
        elif event_type == EVT_EXT_CLIENT_ID:
            memcpy(self.orig_cl_ord_id[ring], (<const ExtClientIdEventRecord *> record).orig_cl_ord_id, CL_ORD_ID_SIZE)
        elif event_type == EVT_EXT_TERMS:
            self.terms[ring] = (<const ExtTermsEventRecord *> record)[0]
            self.has_terms[ring] = True
        elif event_type == EVT_TRIGGERED:
            self.triggered(ring, <const TriggeredRecord *> record)
        elif event_type == EVT_RESTATED:
            self.restated(ring, <const RestatedRecord *> record)
        elif event_type == EVT_RESERVED:
            self.reserved(<const ReservedRecord *> record)
        elif event_type == EVT_CONFIRMED:
            self.confirmed(ring, <const ConfirmedRecord *> record)
        else:
            self.define(event_type, record)
        return 0

    cdef const ExtTermsEventRecord *take_terms(self, int ring) noexcept:
        """The terms that the ring's event before this one gave its order; NULL if there was no such event."""
        if not self.has_terms[ring]:
            return NULL
        self.has_terms[ring] = False
        return &self.terms[ring]

    cdef bint due(self, int ring, const void *event, int side, uint32_t session) noexcept:
        """Whether this side of the event is to be reported here, and never was. Within an event the buyer comes first.
        What came by the api is reported to no session (LOG-31).

        Where all messages are gone, what its session was told long before the loss is not repeated either.
        """
        cdef const EventRecord *header = <const EventRecord *> event
        if session >= API_SESSION or self.store.reservations.elsewhere[session]:
            return False
        if 2 * header.number + (side == SIDE_SELL) <= self.store.watermark(ring):
            return False
        return not self.is_bounded or header.cause > self.store.reservations.rows[session].told_before

    cdef Outbox begin_report(self, FixSession session, uint32_t msg_type):
        cdef Outbox out
        tell_followed(session, self.now_ns)
        out = session.begin(msg_type, self.now_ns)
        if self.recovering or self.store.follows:
            out.add_char(TAG_POSS_RESEND, c"Y")
        return out

    cdef FixSession session_of(self, uint32_t number):
        if number >= <uint32_t> len(self.sessions) or self.sessions[number] is None:
            raise LookupError(f"an event names session {number}, which no event has defined")
        return <FixSession> self.sessions[number]

    cdef int traded(self, int ring, const TradedRecord *event) except -1:
        self.traded_side(ring, event, SIDE_BUY)
        return self.traded_side(ring, event, SIDE_SELL)

    cdef int traded_side(self, int ring, const TradedRecord *event, int side) except -1:
        cdef bint is_taker = event.taker_side == side
        cdef uint64_t order_id = event.taker_order_id if is_taker else event.maker_order_id
        cdef int64_t leaves = event.taker_leaves_lots if is_taker else event.maker_leaves_lots
        cdef const ClientOrder *order = self.orders.filled(order_id, event.quantity_lots, event.price_ticks, leaves)
        cdef FixSession session
        if self.due(ring, event, side, session_told_of(order)):
            session = self.session_of(order.account)
            self.reports.traded(self.begin_report(session, REPORT), order, ring, event)
            session.end_report(ring, event.number, side)
        return 0

    cdef int cancelled(self, int ring, const CancelledRecord *event) except -1:
        cdef const ClientOrder *order = self.orders.cancelled(event)
        cdef bint asked = 0 < event.session < API_SESSION
        cdef uint32_t number = event.session if asked else session_told_of(order)
        cdef FixSession session
        if self.due(ring, event, order.side, number):
            session = self.session_of(number)
            self.reports.cancelled(self.begin_report(session, REPORT), order, ring, event)
            session.end_report(ring, event.number, order.side)
        return 0

    cdef int replaced(self, int ring, const ReplacedRecord *event) except -1:
        cdef char old_cl_ord_id[CL_ORD_ID_SIZE]
        cdef const ClientOrder *order = self.orders.find(event.order_id)
        cdef bint asked = event.header_flags & EVENT_FLAG_API == 0
        cdef FixSession session
        if order != NULL:
            memcpy(old_cl_ord_id, order.cl_ord_id, CL_ORD_ID_SIZE)
        order = self.orders.replaced(event, self.take_terms(ring))
        if self.due(ring, event, order.side, order.account if asked else session_told_of(order)):
            session = self.session_of(order.account)
            self.reports.replaced(self.begin_report(session, REPORT), order, ring, event, old_cl_ord_id)
            session.end_report(ring, event.number, order.side)
        return 0

    cdef int triggered(self, int ring, const TriggeredRecord *event) except -1:
        cdef const ClientOrder *order = self.orders.triggered(event)
        cdef FixSession session
        if self.due(ring, event, order.side, session_told_of(order)):
            session = self.session_of(order.account)
            self.reports.triggered(self.begin_report(session, REPORT), order, ring, event)
            session.end_report(ring, event.number, order.side)
        return 0

    cdef int restated(self, int ring, const RestatedRecord *event) except -1:
        cdef const ClientOrder *order = self.orders.restated(event)
        cdef FixSession session
        if self.due(ring, event, order.side, session_told_of(order)):
            session = self.session_of(order.account)
            self.reports.restated(self.begin_report(session, REPORT), order, ring, event)
            session.end_report(ring, event.number, order.side)
        return 0

    cdef int confirmed(self, int ring, const ConfirmedRecord *event) except -1:
        """Report a mass cancel that came as a message, which an operator's, without a MsgSeqNum, did not. An account's
        kill switch ends its session unless its owner turned it on.
        """
        cdef FixSession session
        if event.command == CMD_KILL_SWITCH and event.side == KILL_SCOPE_ACCOUNT and event.is_on:
            if event.account != event.target and self.accounts.lock(event.target, event.cause):
                self.ended.append(event.target)
        if event.command == CMD_MASS_CANCEL and event.msg_seq_num and self.due(
            ring, event, event.side, event.session
        ):
            session = self.session_of(event.session)
            self.reports.mass_cancelled(self.begin_report(session, MASS_REPORT), event)
            session.end_report(ring, event.number, event.side)
        return 0

    cdef int reserved(self, const ReservedRecord *event) except -1:
        """What is released is committed: the next host knows of it."""
        if self.store.follows and self.has(event.session):
            note_reservation(self.store, event)
            self.session_of(event.session).address(self.comp_id, event.fix_version)
        self.store.reservations.note(
            event.session, event.generation, event.first, event.end, event.fix_version, event.cause, event.time_ns
        )
        self.store.reservations.release(event.session, event.generation, event.end)
        return 0

    cdef int rejected(self, int ring, const RejectedRecord *event) except -1:
        """Refusals of a session's messages; those of definitions and deposits are the operator's."""
        cdef FixSession session
        cdef bint is_order = event.command == CMD_NEW_ORDER or event.command == CMD_EXT_LEG
        cdef bint is_mass = event.command == CMD_MASS_CANCEL and event.msg_seq_num != 0
        if is_order:
            if event.code != CODE_DUPLICATE_CLIENT_ID:
                self.orders.rejected(event)
        elif event.command == CMD_RESERVATION:
            if self.has(event.session):
                log.error("numbers_refused", session=event.session, code=event.code)
            return 0
        elif event.command != CMD_CANCEL and event.command != CMD_REPLACE and not is_mass:
            return 0
        if not self.due(ring, event, event.side, event.session):
            return 0
        self.refused[event.code >= FIRST_OF_MATCHERS] += 1
        session = self.session_of(event.session)
        if is_order:
            self.reports.rejected(self.begin_report(session, REPORT), event, ring)
        elif is_mass:
            self.reports.mass_rejected(self.begin_report(session, MASS_REPORT), event)
        else:
            self.reports.cancel_rejected(
                self.begin_report(session, CANCEL_REJECT), self.orders.find(event.order_id), event,
                self.orig_cl_ord_id[ring]
            )
        return session.end_report(ring, event.number, event.side)

    cdef int define(self, int event_type, const char *record) except -1:
        cdef const ExtCredentialEventRecord *credential
        cdef const AccountDefinedRecord *account
        if event_type == EVT_ASSET_DEFINED:
            self.listings.add_asset(<const AssetDefinedRecord *> record)
        elif event_type == EVT_INSTRUMENT_DEFINED:
            self.listings.add_instrument(<const InstrumentDefinedRecord *> record)
        elif event_type == EVT_EXT_CREDENTIAL:
            credential = <const ExtCredentialEventRecord *> record
            self.credential = Credential(
                (<const char *> credential.salt)[:16], (<const char *> credential.hash)[:32],
                credential.memory_kib, credential.time_cost, credential.parallelism,
            )
        elif event_type == EVT_ACCOUNT_DEFINED:
            account = <const AccountDefinedRecord *> record
            self.add_account(
                account.account, account.name[:CL_ORD_ID_SIZE].rstrip(b"\0"), account.role, account.cause
            )
        return 0

    cdef int lead(self) except -1:
        """This node's gateway is the one that reports, from the next event on."""
        cdef FixSession session
        self.store.lead()
        self.recovering = self.store.other_boot
        for session in self.sessions:
            if session is not None:
                session.is_untold = True
        return 0

    cdef int add_account(self, uint32_t number, bytes name, int role, uint64_t seq) except -1:
        """Record `seq` defined an account, or gave it another password or role."""
        if self.credential is None:
            return 0  # the venue's own fee account: no client logs on as it
        if self.accounts.note(number, name.decode(), self.credential, role, seq):
            self.ended.append(number)
        self.credential = None
        self.add_session(number, name)
        return 0

    cdef int add_session(self, uint32_t number, bytes name) except -1:
        """There is a session for the account from now on."""
        cdef FixSession session
        self.store.reservations.elsewhere[number] = self.home_of(name.decode()) != self.gateway
        self.sessions.extend([None] * (number + 1 - len(self.sessions)))
        if self.sessions[number] is None:
            session = FixSession(number, name, self.comp_id, self.store)
            self.sessions[number] = session
            session.is_untold = not self.store.follows
        return 0

    cpdef bint has(self, uint32_t session) noexcept:
        """Whether a session is this gateway's."""
        return not self.store.reservations.elsewhere[session]

    def save(self, Saver saver) -> None:
        """Add to a part all that events have said, at a mark: no event is half applied there."""
        accounts = self.accounts.known()
        self.store.save(saver)
        self.save_position(saver)
        saver.object(accounts)
        self.listings.save(saver)
        self.orders.save(saver)

    def load(self, Loader loader) -> None:
        """Go on from a part, except the store's section, which comes first and is loaded by the store. DamagedPart."""
        self.load_position(loader)
        for account in loader.object(list[Account]):
            self.accounts.define(account)
            self.add_session(account.number, account.name.encode())
        self.listings.load(loader)
        self.orders.load(loader)

    def opened(self) -> None:
        """The venue leads: nothing reported from here on can have been sent before. OSError."""
        cdef int ring
        if self.is_bounded:
            for ring in range(RINGS):
                if self.handled[ring]:
                    self.store.pass_over(ring, self.handled[ring])
            self.is_bounded = False
        self.store.recovered()
        self.recovering = False
