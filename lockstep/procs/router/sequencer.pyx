"""The venue's state as a function of its log: decides each record's verdict (LOG-1), stamps and applies it.

It sees one record after another and knows no ring, clock or process: a leading router, a replay and a test get the
same from it. It is given whatever depends on anything outside the log: the time, and verdicts imposed because a
command came too late or the journal's disk is full.

Records of one request follow each other: extensions first, then the main record, which carries the verdict.
"""

from cython cimport final
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.client_ids cimport copy_meant_id, copy_own_id, has_both_ids
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport ACCOUNT_BLOCKED, SESSION_ENDED, Account, account_at, session_line
from lockstep.procs.router.administration cimport EXTENSIONS
from lockstep.procs.router.authority cimport is_of_fix
from lockstep.procs.router.balances cimport BALANCE_CHANGED, MAX_TAKEN, balance_at
from lockstep.procs.router.extensions cimport MAX_GROUP, before, extension_of, keep, lacks_name, leg_of
from lockstep.procs.router.holds cimport NOTHING, Cost, Listing, is_limited
from lockstep.procs.router.ids cimport CLOSED, find_id, id_at, is_id, tag_of_id
from lockstep.procs.router.new_orders cimport judge_list, judge_order, prepare_leg, stamp
from lockstep.procs.router.orders cimport order_at
from lockstep.procs.router.replaces cimport judge_replace
from lockstep.procs.router.transfers cimport OPERATORS_RING
from lockstep.procs.router.verdicts cimport verdict_of
from lockstep.shm.board cimport MAX_SESSIONS

from lockstep.procs.router.settlement import ReplayError

RULES = int(RULES_VERSION)  # for tools: under which rules this build begins an epoch

assert MAX_GROUP & (MAX_GROUP - 1) == 0
assert <int> MAX_FLUSH <= <int> MAX_TAKEN


@final
cdef class Sequencer(State):
    """State, and the one way to change it: `sequence`."""

    def knows_id(self, uint32_t account, bytes text) -> bool:
        """Whether the account has used this client id, as far back as ids are kept."""
        cdef bytes padded = text.ljust(CL_ORD_ID_SIZE, b"\0")
        cdef const char *id = padded
        return find_id(self.ledger.ids, account, id, tag_of_id(self.ledger.ids, account, id)) != NIL

    cdef int sequence(self, char *record, int imposed) except -1 nogil:
        """Decide, apply and stamp the record after `last_seq`, in place; returns its verdict.

        Its seq, epoch, time and ingress position are stamped already. `imposed` is what it is refused with if
        nothing graver is wrong, or OK. `flushed` has the balances to announce with it afterwards.
        """
        cdef CommandRecord *header = <CommandRecord *> record
        cdef uint16_t *verdict
        cdef int decided
        self.flushed_count = 0
        self.tells_settled = False
        self.ledger.ids.now_ns = header.time_ns
        if header.type == CMD_EXT_CLIENT_ID:
            decided = CODE_OK
            self.seen_before = self.seen
        else:
            decided = self.decide(record, imposed)
            verdict = verdict_of(record)
            if verdict != NULL:
                verdict[0] = <uint16_t> decided
        header.crc = crc32c(0, record + 4, RECORD_SIZE - 4)
        self.last_seq = header.seq
        self.last_time_ns = header.time_ns
        self.seen = Glimpse(0, 0, NIL, 0)
        if 0 < header.ingress < INGRESS_RINGS:
            self.taken[header.ingress] = Taken(header.ingress_seq, header.ingress_incarnation)
        if header.type >= CMD_EXT_CLIENT_ID:
            keep(&self.extensions, record)
        return decided

    cdef int decide(self, char *record, int imposed) except -1 nogil:
        cdef uint8_t type = (<CommandRecord *> record).type
        if type == CMD_NEW_ORDER:
            return self.new_order(<NewOrderRecord *> record, imposed)
        if type == CMD_CANCEL:
            return self.cancel(<CancelRecord *> record, imposed)
        if type == CMD_REPLACE:
            return self.replace(<ReplaceRecord *> record, imposed)
        if type == CMD_EXT_LEG:
            prepare_leg(self.ledger, self.administration, &self.extensions, <ExtLegRecord *> record)
        elif type == CMD_SESSION:
            return self.session(<SessionRecord *> record)
        elif type == CMD_RESERVATION:
            return self.reserve(<const ReservationRecord *> record)
        elif type == CMD_MARKER or type == CMD_TICK:
            if type == CMD_MARKER:
                self.administration.transfers.note_marker(<MarkerRecord *> record)
                self.unsettled = True
            self.ledger.settle()
            if (<CommandRecord *> record).time_ns >= self.flushed_ns + FLUSH_REST_NS:
                self.flush(<CommandRecord *> record)
        elif type == CMD_EPOCH:
            return self.begin_epoch(<EpochRecord *> record)
        elif type == CMD_SNAPSHOT:
            return CODE_OK  # it says where the log is, and changes nothing
        elif type == CMD_ACTIVATE:
            return self.activate(<ActivateRecord *> record)
        elif type < CMD_EXT_CLIENT_ID:
            with gil:
                return self.administer(record, imposed)
        elif type > CMD_EXT_LIST_NAME:
            with gil:
                raise ValueError(f"a record of type {type} can't be sequenced: the schema has none such")
        return CODE_OK

    cdef int begin_epoch(self, const EpochRecord *record) except -1 nogil:
        """What follows was sequenced by these rules; others might give the same numbers to other events (LOG-23)."""
        if not self.rules <= record.rules_version <= RULES_VERSION or record.rules_version == 0:
            with gil:
                raise ReplayError(
                    f"record {record.seq} begins an epoch under rules version {record.rules_version}, after version "
                    f"{self.rules}; this code has versions 1 to {RULES_VERSION}, and an epoch never goes back to an "
                    "earlier one: start the version of the code that wrote it"
                )
        self.epoch = record.epoch
        self.rules = record.rules_version
        self.ledger.ids.keep_older(record.older_ids, <uint64_t> record.id_window_s * SECOND_NS)
        return CODE_OK

    cdef void flush(self, const CommandRecord *record) noexcept nogil:
        """Announce changed balances with this record (LOG-10): the first after those announced last."""
        self.flushed_count = self.ledger.balances.take_changed(self.flushed, MAX_FLUSH, self.flushed_key)
        self.flushed_ns = record.time_ns
        if self.ledger.balances.changed.count == 0:
            self.tells_settled = self.unsettled or self.flushed_count != 0
            self.unsettled = False
        if self.flushed_count:
            self.flushed_key = (
                <uint64_t> self.flushed[self.flushed_count - 1].account << 32
                | self.flushed[self.flushed_count - 1].asset
            )

    cdef int administer(self, char *record, int imposed) except -1:
        """A command that is not about one order; a balance that it moved is announced at once, by its own event."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef int verdict, i
        cdef uint32_t told
        cdef const char *extensions[EXTENSIONS]
        if header.type == CMD_MASS_CANCEL and header.ingress != OPERATORS_RING:
            self.note_session(header.session, (<const MassCancelRecord *> record).msg_seq_num)
        for i in range(EXTENSIONS):
            extensions[i] = before(&self.extensions, header, i + 1)
        verdict = self.administration.carry_out(record, imposed, extensions)
        told = self.administration.transfers.told
        if verdict == CODE_OK and told != NIL:
            balance_at(self.ledger.balances, told).flags &= ~BALANCE_CHANGED
            self.flushed[0] = balance_at(self.ledger.balances, told)[0]
            self.flushed_count = 1
        return verdict

    cdef uint16_t judge_request(self, const CommandRecord *record, const char *text, int imposed) noexcept nogil:
        """What can be wrong with any request that has a client id; notes the id's tag."""
        cdef uint16_t fault = CODE_OK
        if record.account == 0 or record.account > self.ledger.accounts.count:
            return CODE_UNKNOWN_ACCOUNT
        if record.session >= MAX_SESSIONS:
            fault = self.judge_key(record)
            if fault == CODE_UNKNOWN_ACCOUNT:
                return fault
        elif account_at(self.ledger.accounts, record.session).flags & SESSION_ENDED and is_of_fix(record):
            fault = CODE_SESSION_ENDED
        self.id_tag = self.seen.own_tag if self.seen.own_tag != 0 else tag_of_id(self.ledger.ids, record.account, text)
        if find_id(self.ledger.ids, record.account, text, self.id_tag) != NIL:
            return CODE_DUPLICATE_CLIENT_ID
        return fault if fault != CODE_OK else <uint16_t> imposed

    cdef uint16_t judge_key(self, const CommandRecord *record) noexcept nogil:
        """What the key of a command of the api may not do. UNKNOWN_ACCOUNT where it can be none of the api's (LOG-31).
        """
        if record.ingress != API_RING:
            return CODE_UNKNOWN_ACCOUNT
        if record.session == API_SESSION:
            return CODE_OK
        return self.administration.keys.judge(
            record.account, record.session - API_SESSION, KEY_SCOPE_TRADE, record.time_ns
        )

    cdef uint16_t judge_resend(self, const CommandRecord *record, uint64_t back) noexcept nogil:
        """Refuse a possible resend whose id may have been used and forgotten; its terms say when it was first made."""
        cdef const char *terms = extension_of(&self.extensions, record, back, CMD_EXT_TERMS)
        cdef uint64_t transact_ns = (<const ExtTermsRecord *> terms).transact_ns if terms != NULL else 0
        return CODE_RESENT_TOO_LATE if self.ledger.ids.may_be_forgotten(record.account, transact_ns) else CODE_OK

    cdef void note_session(self, uint32_t session, uint32_t msg_seq_num) noexcept nogil:
        if session < MAX_SESSIONS:
            account_at(self.ledger.accounts, session).msg_seq_num = msg_seq_num

    cdef int new_order(self, NewOrderRecord *record, int imposed) except -1 nogil:
        cdef uint16_t verdict
        cdef const Listing *listing
        cdef const Account *account
        cdef uint32_t payer = NIL
        cdef Cost cost
        if record.flags & ORDER_FLAG_LIST:
            return self.new_list(record, imposed)
        verdict = self.judge_request(<const CommandRecord *> record, record.cl_ord_id, imposed)
        self.note_session(record.session, record.msg_seq_num)
        if verdict == CODE_OK:
            if record.flags & ORDER_FLAG_POSS_RESEND:
                verdict = self.judge_resend(<const CommandRecord *> record, 1)
            if verdict == CODE_OK:
                verdict = judge_order(self.ledger, &self.extensions, record, False, &cost)
        elif is_unheard(verdict):
            return verdict
        listing = &self.ledger.listings[record.instrument]
        account = account_at(self.ledger.accounts, record.account)
        if verdict == CODE_OK and is_limited(
            account, account_at(self.ledger.accounts, session_line(record.session)), listing
        ):
            verdict = self.ledger.accounts.fault(record.account, record.session, record.time_ns, 1, 1)
            if verdict == CODE_OK:
                verdict = self.ledger.can_bear(listing, record.account, record.side, &cost, &NOTHING)
        if verdict == CODE_OK:
            verdict = self.ledger.can_pay(
                record.account, listing.terms.quote_asset if record.side == SIDE_BUY else listing.terms.base_asset,
                cost.held, &payer,
            )
        if verdict != CODE_OK:
            self.ledger.ids.add_closed(record.account, record.cl_ord_id, self.id_tag, record.seq)
            return verdict
        stamp(self.ledger, self.administration, record)
        self.ledger.open(record, payer, self.id_tag)
        if account.max_orders != 0:
            self.ledger.accounts.note_orders(record.account, record.time_ns, 1)
        return CODE_OK

    cdef int new_list(self, NewOrderRecord *record, int imposed) except -1 nogil:
        """Two orders, accepted or refused together. Refused, each of their ids that was not known is closed."""
        cdef const ExtLegRecord *leg = leg_of(&self.extensions, record)
        cdef uint16_t verdict = self.judge_request(<const CommandRecord *> record, record.cl_ord_id, imposed)
        cdef bint is_known = verdict == CODE_DUPLICATE_CLIENT_ID
        cdef bint is_leg_known = leg == NULL
        cdef uint32_t leg_tag = 0
        self.note_session(record.session, record.msg_seq_num)
        if verdict == CODE_UNKNOWN_ACCOUNT:
            return verdict
        if leg != NULL:
            leg_tag = tag_of_id(self.ledger.ids, leg.account, leg.cl_ord_id)
            is_leg_known = find_id(self.ledger.ids, leg.account, leg.cl_ord_id, leg_tag) != NIL
            if is_leg_known:
                verdict = CODE_DUPLICATE_CLIENT_ID
        if verdict == CODE_OK and record.flags & ORDER_FLAG_POSS_RESEND:
            verdict = self.judge_resend(<const CommandRecord *> record, 1)
        if verdict == CODE_OK:
            if leg == NULL or lacks_name(&self.extensions, record, leg):
                verdict = CODE_TERMS_MISSING
            else:
                verdict = judge_list(self.ledger, &self.extensions, record, leg)
        if verdict == CODE_OK:
            stamp(self.ledger, self.administration, record)
            self.ledger.open_list(record, self.id_tag, leg, leg_tag)
            self.ledger.accounts.note_orders(record.account, record.time_ns, 2)
            return CODE_OK
        if not is_leg_known:
            self.ledger.ids.add_closed(leg.account, leg.cl_ord_id, leg_tag, leg.seq)
            is_known = is_known or memcmp(leg.cl_ord_id, record.cl_ord_id, CL_ORD_ID_SIZE) == 0
        if not is_known:
            self.ledger.ids.add_closed(record.account, record.cl_ord_id, self.id_tag, record.seq)
        return verdict

    cdef int activate(self, ActivateRecord *record) except -1 nogil:
        """An order that waited for another's fill works if its account can bear it now; else its matcher ends it."""
        cdef uint32_t item = self.ledger.orders.find(record.order_id)
        cdef uint16_t verdict
        cdef OpenOrder *order = order_at(self.ledger.orders, item)
        if record.order_id == 0 or record.order_id != self.ledger.next_due():
            with gil:
                raise ValueError(f"order {record.order_id} is to be activated, and is not due")
        if account_at(self.ledger.accounts, order.account).flags & ACCOUNT_BLOCKED:
            verdict = CODE_KILL_SWITCH
        elif self.ledger.listings[order.instrument].phase == PHASE_DELISTED:
            verdict = CODE_DELISTED
        else:
            verdict = self.ledger.can_activate(item)
        self.ledger.activate(item, verdict == CODE_OK)
        return verdict

    cdef uint16_t begin_request(self, const ReplaceRecord *record, int imposed, uint32_t *item) noexcept nogil:
        """The start of a cancel or replace: its ids, its number, and the order that it means."""
        cdef const Glimpse *seen = self.read_ids(record)
        self.note_session(record.session, record.msg_seq_num)
        item[0] = self.resolve(record.account, seen)
        return self.judge_request(<const CommandRecord *> record, self.own_id, imposed)

    cdef const Glimpse *read_ids(self, const ReplaceRecord *record) noexcept nogil:
        """Both client ids of a cancel or replace; returns what was found of the one that it means."""
        cdef const char *found
        copy_own_id(self.own_id, record)
        if has_both_ids(record):
            copy_meant_id(self.meant_id, record)
            return &self.seen
        found = extension_of(&self.extensions, <const CommandRecord *> record, 1, CMD_EXT_CLIENT_ID)
        if found == NULL:
            memset(self.meant_id, 0, CL_ORD_ID_SIZE)
            return &self.seen
        memcpy(self.meant_id, (<const ExtClientIdRecord *> found).orig_cl_ord_id, CL_ORD_ID_SIZE)
        return &self.seen_before

    cdef uint32_t resolve(self, uint32_t account, const Glimpse *seen) noexcept nogil:
        """The open order of the account that `meant_id` means, or NIL; fills `target`."""
        cdef uint32_t id = seen.meant_id
        cdef uint32_t item = NIL
        cdef uint32_t tag = seen.meant_tag
        cdef const OpenOrder *order
        memset(&self.target, 0, sizeof(Target))
        if id == NIL or not is_id(self.ledger.ids, id, account, self.meant_id):
            if tag == 0:
                tag = tag_of_id(self.ledger.ids, account, self.meant_id)
            id = find_id(self.ledger.ids, account, self.meant_id, tag)
        if id != NIL and id_at(self.ledger.ids, id).order != CLOSED:
            item = id_at(self.ledger.ids, id).order
        if item != NIL:
            order = order_at(self.ledger.orders, item)
            self.target.order_id = order.order_id
            self.target.price_ticks = order.price_ticks
            self.target.quantity_lots = order.quantity_lots
            self.target.side = order.side
        return item

    cdef uint16_t judge_target(self, uint32_t item, uint32_t instrument, uint8_t side) noexcept nogil:
        if instrument == 0 or instrument > self.ledger.instrument_count:
            return CODE_UNKNOWN_INSTRUMENT
        if self.ledger.listings[instrument].phase == PHASE_DELISTED:
            return CODE_DELISTED
        if item == NIL:
            return CODE_UNKNOWN_ORDER
        if order_at(self.ledger.orders, item).instrument != instrument:
            return CODE_SYMBOL_MISMATCH
        if side != 0 and side != self.target.side:
            return CODE_SIDE_MISMATCH
        return CODE_OK

    cdef int cancel(self, CancelRecord *record, int imposed) except -1 nogil:
        """A cancel's own id is closed at once, whatever its verdict: it never means an order."""
        cdef uint32_t item
        cdef uint16_t verdict = self.begin_request(<const ReplaceRecord *> record, imposed, &item)
        record.order_id = self.target.order_id
        if verdict == CODE_OK:
            verdict = self.judge_target(item, record.instrument, record.side)
        elif is_unheard(verdict):
            return verdict
        self.ledger.ids.add_closed(record.account, self.own_id, self.id_tag, record.seq)
        return verdict

    cdef int replace(self, ReplaceRecord *record, int imposed) except -1 nogil:
        cdef const ExtTermsRecord *terms = NULL
        cdef uint64_t back = 1 if has_both_ids(record) else 2  # its terms are so many records before it
        cdef uint32_t item
        cdef uint16_t verdict = self.begin_request(record, imposed, &item)
        record.order_id = self.target.order_id
        if verdict == CODE_OK:
            verdict = self.judge_target(item, record.instrument, 0)
        elif is_unheard(verdict):
            return verdict
        if record.flags & ORDER_FLAG_TERMS:
            terms = <const ExtTermsRecord *> extension_of(
                &self.extensions, <const CommandRecord *> record, back, CMD_EXT_TERMS
            )
        if verdict == CODE_OK and record.flags & ORDER_FLAG_POSS_RESEND:
            verdict = self.judge_resend(<const CommandRecord *> record, back)
        if verdict == CODE_OK and record.flags & ORDER_FLAG_TERMS and terms == NULL:
            verdict = CODE_TERMS_MISSING
        if verdict == CODE_OK and terms != NULL and terms.valid_until_ns != 0 and terms.valid_until_ns < record.time_ns:
            verdict = CODE_VALID_UNTIL_PASSED
        if verdict == CODE_OK:
            verdict = judge_replace(self.ledger, record, item, terms)
        if verdict == CODE_OK:
            self.ledger.begin_replace(item, record, self.own_id, self.id_tag)
            self.ledger.shorten_ids(item)
            self.ledger.accounts.note_orders(record.account, record.time_ns, 1)
        else:
            self.ledger.ids.add_closed(record.account, self.own_id, self.id_tag, record.seq)
        return verdict

    cdef int session(self, SessionRecord *record) noexcept nogil:
        if record.account == 0 or record.account > self.ledger.accounts.count or record.session >= MAX_SESSIONS:
            return CODE_UNKNOWN_ACCOUNT
        if record.reset:
            self.note_session(record.session, record.next_msg_seq_num - 1)
        if record.up:
            account_at(self.ledger.accounts, record.session).gateway = <uint8_t> record.ingress
            self.ledger.accounts.log_on(record.session, record.rights)
        return CODE_OK

    cdef int reserve(self, const ReservationRecord *record) noexcept nogil:
        """A gateway's word for a session. However long it has waited: the session's messages wait for it."""
        if record.account == 0 or record.account > self.ledger.accounts.count or record.session != record.account:
            return CODE_UNKNOWN_ACCOUNT
        if record.ingress == OPERATORS_RING or record.ingress == 0:
            return CODE_INVALID_DEFINITION
        return self.ledger.accounts.reserve(record)

    cdef uint64_t digest(self):
        cdef uint64_t digest = scramble(self.ledger.state_hash() + self.administration.digest(), self.epoch)
        return scramble(scramble(digest, scramble(self.flushed_key, self.flushed_ns)), self.last_seq + self.unsettled)

    cdef int save(self, Saver saver) except -1:
        """Add to a part all that later decisions depend on. OSError."""
        cdef uint64_t numbers[7]
        self.ledger.save(saver)
        self.administration.save(saver)
        numbers = [
            self.last_seq, self.last_time_ns, self.epoch, self.rules, self.flushed_key, self.flushed_ns, self.unsettled,
        ]
        saver.put(numbers, sizeof(numbers))
        saver.put(self.taken, sizeof(self.taken))
        return saver.put(&self.extensions, sizeof(self.extensions))

    cdef int load(self, Loader loader) except -1:
        """Load a saved state. DamagedPart, MemoryError."""
        cdef uint64_t numbers[7]
        self.ledger.load(loader)
        self.administration.load(loader)
        loader.get(numbers, sizeof(numbers))
        self.last_seq, self.last_time_ns = numbers[0], numbers[1]
        self.epoch, self.rules = <uint32_t> numbers[2], <uint32_t> numbers[3]
        self.flushed_key, self.flushed_ns = numbers[4], numbers[5]
        self.unsettled = numbers[6] != 0
        loader.get(self.taken, sizeof(self.taken))
        return loader.get(&self.extensions, sizeof(self.extensions))

    def state_hash(self) -> int:
        """A digest of all that the log determines; equal for equal logs, wherever and whenever they were applied.

        Compare it at settled points only: between events applied and their marker the state belongs to no sequence.
        """
        return self.digest()


cdef inline bint is_unheard(uint16_t verdict) noexcept nogil:
    """Whether a request was refused before anything of it counts: its client id is not its own."""
    return verdict == CODE_UNKNOWN_ACCOUNT or verdict == CODE_DUPLICATE_CLIENT_ID
