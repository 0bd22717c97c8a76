"""Forms of the dialect put to the venue's own checks, for tests: what they mean, or what the client is told."""

from libc.string cimport memcpy, memset

from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_form cimport OrderTerms, Refusal
from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.core.intake.validation cimport Validator
from lockstep.core.schema.records cimport CODE_OK, AssetDefinedRecord, InstrumentDefinedRecord
from lockstep.procs.api.binance.order_forms cimport ListForm, OrderForm

ACCOUNT = 7


cdef class Probe:
    """A venue that lists BTCUSDT: ticks of 0.01 (8 decimals at most), lots of 0.0001."""

    cdef Validator validator

    def __init__(self):
        cdef Listings listings = Listings()
        cdef AssetDefinedRecord asset
        cdef InstrumentDefinedRecord instrument
        for number, name, scale in ((1, b"BTC", 8), (2, b"USDT", 8)):
            memset(&asset, 0, sizeof(asset))
            asset.asset = number
            asset.scale = scale
            memcpy(asset.name, <const char *> <bytes> name, len(name))
            listings.add_asset(&asset)
        memset(&instrument, 0, sizeof(instrument))
        instrument.instrument = 1
        memcpy(instrument.symbol, b"BTCUSDT", 7)
        instrument.base_asset, instrument.quote_asset = 1, 2
        instrument.tick_mantissa, instrument.price_scale = 1, 2
        instrument.lot_mantissa, instrument.quantity_scale = 1, 4
        instrument.unit_value, instrument.lot_units = 100, 10000
        listings.add_instrument(&instrument)
        self.validator = Validator(listings, RefusedIds(), None)

    def check(self, OrderForm form not None) -> dict:
        """What the order means, in the venue's numbers. ApiError."""
        cdef OrderTerms terms
        cdef Refusal refusal = self.validator.check_order(&form.form, ACCOUNT, &terms)
        if refusal.code != CODE_OK:
            raise form.error_of(&refusal)
        return meaning(&terms)

    def check_list(self, ListForm form not None) -> tuple:
        """What the two orders of a list mean. ApiError."""
        cdef OrderTerms[2] terms
        cdef Refusal refusal = self.validator.check_list(form.forms, form.kind, ACCOUNT, terms)
        if refusal.code != CODE_OK:
            raise form.error_of(&refusal)
        return meaning(&terms[0]), meaning(&terms[1])


cdef dict meaning(const OrderTerms *terms):
    return {
        "cl_ord_id": bytes(terms.order.cl_ord_id[:36]).rstrip(b"\0"),
        "side": terms.order.side,
        "ord_type": terms.order.ord_type,
        "time_in_force": terms.order.time_in_force,
        "stp": terms.order.stp,
        "flags": terms.order.flags,
        "price_ticks": terms.order.price_ticks,
        "quantity_lots": terms.order.quantity_lots,
        "stop_price_ticks": terms.more.stop_price_ticks,
        "display_lots": terms.more.display_lots,
    }
