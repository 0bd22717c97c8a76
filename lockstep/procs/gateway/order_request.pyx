"""Points at the fields of an order message, by their places in the parsed FIX message; it checks none of them."""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from lockstep.procs.gateway.fix.message cimport (
    AT_CL_ORD_ID,
    AT_ORD_TYPE,
    AT_ORDER_QTY,
    AT_ORIG_CL_ORD_ID,
    AT_PRICE,
    AT_SIDE,
    AT_SYMBOL,
    AT_TERMS,
    AT_TIME_IN_FORCE,
    Field,
    Message,
)

cdef void read_form(Message message, Form *form) noexcept nogil:
    """Point `form` at the fields of a D, F or G; it is valid as long as the message is."""
    cdef uint32_t i
    form.msg_type = <char> message.msg_type
    form.poss_resend = message.poss_resend
    form.msg_seq_num = message.msg_seq_num
    form.cl_ord_id = text_at(message, AT_CL_ORD_ID)
    form.orig_cl_ord_id = text_at(message, AT_ORIG_CL_ORD_ID)
    form.symbol = text_at(message, AT_SYMBOL)
    form.side = text_at(message, AT_SIDE)
    form.ord_type = text_at(message, AT_ORD_TYPE)
    form.time_in_force = text_at(message, AT_TIME_IN_FORCE)
    form.price = text_at(message, AT_PRICE)
    form.quantity = text_at(message, AT_ORDER_QTY)
    if form.poss_resend:
        form.transact_time = field_of(message, 60)
    form.has_terms = message.at[AT_TERMS] != 0
    if form.has_terms:
        memset(&form.stop_price, 0, sizeof(Form) - (<char *> &form.stop_price - <char *> form))
        for i in range(message.at[AT_TERMS], message.count):
            put_term(form, message.fields[i].tag, text_of(message, i))


cdef uint32_t read_entries(Message message, Form *forms, uint32_t most) noexcept nogil:
    """Point up to `most` forms at the entries of a list (E), which begin with a ClOrdID; how many there are."""
    cdef uint32_t count = 0
    cdef uint32_t i
    cdef uint32_t tag
    cdef Form *form = NULL
    for i in range(message.count):
        tag = message.fields[i].tag
        if tag == 11:
            count += 1
            if count <= most:
                form = &forms[count - 1]
                memset(form, 0, sizeof(Form))
                form.msg_type = <char> message.msg_type
                form.poss_resend = message.poss_resend
                form.msg_seq_num = message.msg_seq_num
                form.has_terms = True
        if form != NULL and count <= most:
            put_plain(form, tag, text_of(message, i))
            put_term(form, tag, text_of(message, i))
    return count


cdef void put_plain(Form *form, uint32_t tag, Text text) noexcept nogil:
    if tag == 11:
        form.cl_ord_id = text
    elif tag == 38:
        form.quantity = text
    elif tag == 40:
        form.ord_type = text
    elif tag == 44:
        form.price = text
    elif tag == 54:
        form.side = text
    elif tag == 55:
        form.symbol = text
    elif tag == 59:
        form.time_in_force = text
    elif tag == 60:
        form.transact_time = text


cdef void put_term(Form *form, uint32_t tag, Text text) noexcept nogil:
    if tag == 99:
        form.stop_price = text
    elif tag == 211:
        form.trail = text
    elif tag == 836:
        form.trail_kind = text
    elif tag == 111 or tag == 1138:
        form.display = text
    elif tag == 110:
        form.minimum = text
    elif tag == 126:
        form.expire_time = text
    elif tag == 432:
        form.expire_date = text
    elif tag == 18:
        form.exec_inst = text
    elif tag == 152:
        form.budget = text
    elif tag == 2964:
        form.self_trade = text
    elif tag == 9479:
        form.slide = text


cdef inline Text text_of(Message message, uint32_t index) noexcept nogil:
    cdef Text text
    text.at = message.data + message.fields[index].offset
    text.size = message.fields[index].length
    return text


cdef Text field_of(Message message, uint32_t tag) noexcept nogil:
    """The value of the first field with this tag."""
    cdef Text text
    cdef int index = message.find(tag)
    if index >= 0:
        return text_of(message, index)
    text.at = NULL
    text.size = 0
    return text


cdef inline Text text_at(Message message, int place) noexcept nogil:
    """The value of the field that `message.at` has in this place."""
    cdef Text text
    cdef const Field *field = &message.fields[message.at[place]]
    text.at = NULL
    text.size = 0
    if message.at[place]:
        text.at = message.data + field.offset
        text.size = field.length
    return text
