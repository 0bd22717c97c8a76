"""Orders in the venue's own terms: from the fields of a request to the forms that commands are made of.

A form's fields have FIX's characters, as those of a gateway have; numbers are read by the venue's own checks. It knows
neither HTTP nor JSON.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.intake.order_form cimport Form, Refusal, Text
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE
from lockstep.procs.api.commands cimport Commands


class OrderRefusedError(Exception):
    """The venue's checks refuse a request; nothing was sent. `field` is what they found wrong, "" if it is none."""

    def __init__(self, code, field):
        super().__init__(code)
        self.code = code
        self.field = field


cdef Text text_of(bytes value) noexcept:
    """A value as a form has it; absent where there is none. Its bytes must be kept."""
    cdef Text text
    text.at = NULL
    text.size = 0
    if value is not None:
        text.at = value
        text.size = len(value)
    return text


cdef int fill(Form *form, char msg_type, dict fields) except -1:
    """Point a form at the values of its fields, which must be kept."""
    memset(form, 0, sizeof(Form))
    form.msg_type = msg_type
    form.has_terms = True
    form.cl_ord_id = text_of(fields.get("client_order_id"))
    form.orig_cl_ord_id = text_of(fields.get("orig_client_order_id"))
    form.symbol = text_of(fields.get("symbol"))
    form.side = text_of(fields.get("side"))
    form.ord_type = text_of(fields.get("type"))
    form.time_in_force = text_of(fields.get("time_in_force"))
    form.price = text_of(fields.get("price"))
    form.quantity = text_of(fields.get("quantity"))
    form.stop_price = text_of(fields.get("stop_price"))
    form.trail = text_of(fields.get("trail"))
    form.display = text_of(fields.get("display"))
    form.minimum = text_of(fields.get("minimum"))
    form.expire_time = text_of(fields.get("expire_time"))
    form.exec_inst = text_of(fields.get("exec_inst"))
    form.budget = text_of(fields.get("budget"))
    form.self_trade = text_of(fields.get("self_trade"))
    form.slide = text_of(fields.get("slide"))
    form.valid_until_ns = int(fields.get("valid_until") or 0)
    return 0


cdef object refused(const Refusal *refusal, dict fields):
    """What was refused, and which field is wrong: the one whose bytes the checks point at."""
    cdef const char *at
    for name, value in fields.items():
        if value is not None:
            at = <bytes> value
            if at == refusal.sent.at:
                return OrderRefusedError(refusal.code, name)
    return OrderRefusedError(refusal.code, "")


cdef object refused_of_list(const Refusal *refusal, bytes kind, dict first, dict second):
    """The same of a list; a field of an order has its place before it: `orders[1].price`."""
    cdef int i
    if <const char *> kind == refusal.sent.at:
        return OrderRefusedError(refusal.code, "kind")
    for i, fields in enumerate((first, second)):
        error = refused(refusal, fields)
        if error.field:
            return OrderRefusedError(refusal.code, f"orders[{i}].{error.field}")
    return OrderRefusedError(refusal.code, "")


cdef class OrderEntry:
    """Sends what people ask for. Each method returns the request, whose outcome comes. OrderRefusedError.

    `ticket` is the caller's, as in IngressWriter.
    """

    cdef Commands commands

    def __init__(self, Commands commands not None):
        self.commands = commands

    def place(self, uint32_t account, uint64_t ticket, dict fields not None):
        """A new order."""
        cdef Form form
        cdef Refusal refusal
        fill(&form, c"D", fields)
        request = self.commands.place(&form, account, 0, ticket, &refusal)
        if request is None:
            raise refused(&refusal, fields)
        return request

    def place_list(
        self, uint32_t account, uint64_t ticket, bytes kind not None, dict first not None, dict second not None
    ):
        """Two new orders; `kind` is b"1" where one cancels the other, b"2" where the first one triggers the second."""
        cdef Form forms[2]
        cdef Refusal refusal
        fill(&forms[0], c"E", first)
        fill(&forms[1], c"E", second)
        request = self.commands.place_list(forms, text_of(kind), NULL, account, 0, ticket, &refusal)
        if request is None:
            raise refused_of_list(&refusal, kind, first, second)
        return request

    def replace(self, uint32_t account, uint64_t ticket, dict fields not None):
        """Other terms for an order, which gets a new client id."""
        cdef Form form
        cdef Refusal refusal
        fill(&form, c"G", fields)
        request = self.commands.replace(&form, account, 0, ticket, &refusal)
        if request is None:
            raise refused(&refusal, fields)
        return request

    def cancel(
        self, uint32_t account, uint64_t ticket, uint32_t instrument, int side, bytes client_order_id,
        bytes orig_client_order_id
    ):
        """A cancel under an id of its own."""
        cdef char own_id[CL_ORD_ID_SIZE]
        cdef char orig_id[CL_ORD_ID_SIZE]
        cdef Refusal refusal
        pad(client_order_id, own_id)
        pad(orig_client_order_id, orig_id)
        request = self.commands.cancel(instrument, side, own_id, orig_id, account, 0, ticket, &refusal)
        if request is None:
            raise OrderRefusedError(refusal.code, "")
        return request


cdef int pad(bytes client_id, char *out) except -1:
    cdef size_t size = min(len(client_id), CL_ORD_ID_SIZE)
    memset(out, 0, CL_ORD_ID_SIZE)
    memcpy(out, <const char *> client_id, size)
    return 0
