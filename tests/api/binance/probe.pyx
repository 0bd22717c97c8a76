"""Forms of the dialect put to the venue's own checks, for tests: what they mean, or what the client is told."""

from fractions import Fraction

from libc.string cimport memcpy, memset

from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_request cimport FIELD_QUANTITY, Amount, OrderRequest, Refusal
from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.core.intake.validation cimport Validator
from lockstep.core.schema.records cimport CODE_OK, AssetDefinedRecord, InstrumentDefinedRecord
from lockstep.procs.api.binance.order_forms cimport AmendForm, ListForm, OrderForm

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
        cdef Refusal refusal = self.validator.check_order(&form.request, ACCOUNT)
        if refusal.code != CODE_OK:
            raise form.error_of(&refusal)
        return meaning(&form.request)

    def check_list(self, ListForm form not None) -> tuple:
        """What the two orders of a list mean. ApiError."""
        cdef Refusal refusal = self.validator.check_list(form.requests, form.kind, ACCOUNT)
        if refusal.code != CODE_OK:
            raise form.error_of(&refusal)
        return meaning(&form.requests[0]), meaning(&form.requests[1])

    def amendment(self, AmendForm form not None) -> tuple:
        """The quantity and the client id of an amendment."""
        cdef Amount quantity = form.request.amounts[FIELD_QUANTITY]
        cdef object decimals = quantity.value.decimals
        return Fraction(quantity.value.mantissa, 10 ** decimals), id_of(&form.request)


cdef bytes id_of(const OrderRequest *request):
    return bytes(request.order.cl_ord_id[:36]).rstrip(b"\0")


cdef dict meaning(const OrderRequest *request):
    return {
        "cl_ord_id": id_of(request),
        "side": request.order.side,
        "ord_type": request.order.ord_type,
        "time_in_force": request.order.time_in_force,
        "stp": request.order.stp,
        "flags": request.order.flags,
        "price_ticks": request.order.price_ticks,
        "quantity_lots": request.order.quantity_lots,
        "stop_price_ticks": request.more.stop_price_ticks,
        "display_lots": request.more.display_lots,
    }
