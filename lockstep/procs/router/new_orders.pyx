"""What is wrong with a new order, or with a list of two, and what it would cost; and what is stamped into its record.

It sees terms, limits and balances. The sequencer checks client ids and sessions, and opens what is not refused.
"""

from libc.stdint cimport uint16_t, uint32_t

from lockstep.core.rules.order_terms cimport has_own_price, is_plain, list_fault, order_fault
from lockstep.core.schema.records cimport *
from lockstep.procs.router.accounts cimport Account, account_at
from lockstep.procs.router.administration cimport Administration
from lockstep.procs.router.collars cimport stamped_price
from lockstep.procs.router.extensions cimport Extensions, extension_of
from lockstep.procs.router.holds cimport NOTHING, Cost, Listing, Stake
from lockstep.procs.router.ledger cimport Ledger


cdef uint16_t judge_order(
    Ledger ledger, const Extensions *extensions, NewOrderRecord *record, bint is_leg, Cost *cost
) noexcept nogil:
    """The terms of a new order and its cost; stamps the price of one without its own.

    A leg has been stamped when it was sequenced, and is not written to.
    """
    cdef const Listing *listing
    cdef const ExtTermsRecord *terms = NULL
    cdef int fault
    if record.instrument == 0 or record.instrument > ledger.instrument_count:
        return CODE_UNKNOWN_INSTRUMENT
    listing = &ledger.listings[record.instrument]
    if listing.phase == PHASE_DELISTED:
        return CODE_DELISTED
    if not is_plain(record):
        if record.flags & (ORDER_FLAG_LIST | ORDER_FLAG_LIST_NAME) == ORDER_FLAG_LIST_NAME:
            return CODE_TERMS_MISSING
        if record.flags & ORDER_FLAG_TERMS:
            terms = <const ExtTermsRecord *> extension_of(extensions, <const CommandRecord *> record, 1, CMD_EXT_TERMS)
            if terms == NULL:
                return CODE_TERMS_MISSING
        fault = order_fault(record, terms)
        if fault != CODE_OK:
            return <uint16_t> fault
        if terms != NULL and terms.expire_ns != 0 and terms.expire_ns <= record.time_ns:
            return CODE_EXPIRE_TIME_PASSED
        if terms != NULL and terms.valid_until_ns != 0 and terms.valid_until_ns < record.time_ns:
            return CODE_VALID_UNTIL_PASSED
        if not is_leg and not has_own_price(record.ord_type):
            record.price_ticks = stamped_price(listing, record, terms)
        if record.price_ticks <= 0:
            return CODE_NO_REFERENCE_PRICE
    return ledger.cost_of(
        listing, record.side, record.flags & ORDER_FLAG_BUDGET != 0, record.price_ticks, record.quantity_lots, cost
    )


cdef uint16_t judge_list(
    Ledger ledger, const Extensions *extensions, NewOrderRecord *first, const ExtLegRecord *second
) noexcept nogil:
    """As for one order: what is wrong with either, with both together, then limits, then the balance."""
    cdef NewOrderRecord *leg = <NewOrderRecord *> second
    cdef const Listing *listing = &ledger.listings[second.instrument]
    cdef uint16_t verdict
    cdef uint32_t payer
    cdef Cost costs[2]
    cdef Stake ahead = NOTHING
    verdict = judge_order(ledger, extensions, first, False, &costs[0])
    if verdict == CODE_OK:
        verdict = judge_order(ledger, extensions, leg, True, &costs[1])
    if verdict == CODE_OK:
        verdict = <uint16_t> list_fault(first, second)
    if verdict == CODE_OK:
        verdict = ledger.accounts.fault(first.account, first.session, first.time_ns, 2, 2)
    if verdict == CODE_OK:
        verdict = ledger.can_bear(listing, first.account, first.side, &costs[0], &NOTHING)
    if verdict != CODE_OK:
        return verdict
    if second.list_kind == LIST_KIND_OCO:
        costs[0].held = max(costs[0].held, costs[1].held)
    else:
        ahead.incoming = costs[1].incoming  # brings nothing before it is activated
    verdict = ledger.can_bear(listing, first.account, second.side, &costs[1], &ahead)
    return verdict if verdict != CODE_OK else ledger.can_pay(
        first.account, listing.terms.quote_asset if first.side == SIDE_BUY else listing.terms.base_asset,
        costs[0].held, &payer,
    )


cdef void stamp(Ledger ledger, Administration administration, NewOrderRecord *record) noexcept nogil:
    """Stamp fee rates, and the self-trade mode if the order leaves it to its account (LOG-2)."""
    cdef const Listing *listing = &ledger.listings[record.instrument]
    cdef const Account *account = account_at(ledger.accounts, record.account)
    record.maker_fee_ppm = listing.terms.maker_fee_ppm
    record.taker_fee_ppm = listing.terms.taker_fee_ppm
    if account.fee_tier != 0 and administration.tiers[account.fee_tier].is_given:
        record.maker_fee_ppm = administration.tiers[account.fee_tier].maker_ppm
        record.taker_fee_ppm = administration.tiers[account.fee_tier].taker_ppm
    if record.stp == STP_DEFAULT:
        record.stp = account.self_trade if account.self_trade != STP_DEFAULT else STP_NONE


cdef void prepare_leg(
    Ledger ledger, Administration administration, const Extensions *extensions, ExtLegRecord *leg
) noexcept nogil:
    """Stamp what a leg's own record must have, though its verdict is its main record's, which comes later."""
    cdef NewOrderRecord *order = <NewOrderRecord *> leg
    cdef const char *terms = extension_of(extensions, <const CommandRecord *> leg, 1, CMD_EXT_TERMS)
    if leg.account == 0 or leg.account > ledger.accounts.count:
        return
    if leg.instrument == 0 or leg.instrument > ledger.instrument_count:
        return
    if not has_own_price(leg.ord_type):
        leg.price_ticks = stamped_price(
            &ledger.listings[leg.instrument], order,
            <const ExtTermsRecord *> terms if leg.flags & ORDER_FLAG_TERMS else NULL,
        )
    stamp(ledger, administration, order)
