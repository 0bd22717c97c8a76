"""The parameters of a request, and the exact bytes that its signature is of.

REST: query and body are forms, whatever the body's type says; what is signed is both as they were sent, without the
signature. WebSocket API: an object whose members are signed sorted. It never says which parameters a request needs.
"""

from urllib.parse import quote_plus

import msgspec

from lockstep.procs.api.binance.errors import (
    duplicate_parameter,
    empty,
    illegal_characters,
    illegal_request,
    invalid,
    missing,
    too_many_parameters,
    unread_parameters,
)

from libc.stddef cimport size_t
from libc.string cimport memchr

from lockstep.core.schema.alphabet cimport is_text

cdef enum:
    MAX_PARAMETERS = 100
    MAX_NAME = 64
    MAX_VALUE = 16384                # a list of a thousand symbols, as JSON

INTEGER = "^[0-9]{1,20}$"

cdef object MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
cdef object STRING = msgspec.json.Decoder(str)


cdef class Parameters:
    """What was sent, by name. Each value is text of at least one character, without control characters."""

    cpdef bytes get(self, bytes name):
        """The value, or None where it was not sent."""
        return <bytes> self.values.get(name)

    cpdef bytes require(self, bytes name):
        cdef bytes value = <bytes> self.values.get(name)
        if value is None:
            raise missing(name.decode())
        return value

    cpdef int expect(self, frozenset known) except -1:
        """ApiError if something was sent that is not `known`: it would not be done, and the sender thinks it is."""
        cdef Py_ssize_t read = 0
        for name in self.values:
            read += name in known
        if read != len(self.values):
            raise unread_parameters(read, len(self.values))
        return 0

    def encoded(self):
        """What some clients of the WebSocket API sign instead: `signed` percent-encoded. None where it is no other."""
        cdef bytes encoded
        if not self.is_sorted:
            return None
        encoded = sorted_form(self.values, True)
        return None if encoded == self.signed else encoded

    def text(self, bytes name):
        """The value as str, or None."""
        cdef bytes value = <bytes> self.values.get(name)
        return None if value is None else value.decode()

    def integer(self, bytes name, low, high, default=None):
        """A whole number from `low` to `high`, or `default` where it was not sent. ApiError."""
        cdef bytes value = <bytes> self.values.get(name)
        if value is None:
            return default
        if len(value) > 20 or not value.isdigit():
            raise illegal_characters(name.decode(), INTEGER)
        number = int(value)
        if not low <= number <= high:
            raise invalid(name.decode())
        return number


def of_request(bytes query not None, bytes body not None) -> Parameters:
    """The parameters of a REST request. What the query has counts, whatever the body says. ApiError."""
    cdef Parameters found = Parameters.__new__(Parameters)
    cdef bytes signed_query
    found.values = {}
    signed_query = read_form(query, found)
    if not body:
        found.signed = signed_query
    else:
        found.signed = join_body(signed_query, body, found)
    if len(found.values) > MAX_PARAMETERS:
        raise too_many_parameters()
    return found


cdef bytes join_body(bytes signed_query, bytes body, Parameters found):
    """Read the body, whose parameters come behind the query's; the bytes that are signed of both."""
    cdef Parameters of_body = Parameters.__new__(Parameters)
    cdef bytes signed_body
    of_body.values = {}
    signed_body = read_form(body, of_body)
    for name, value in of_body.values.items():
        found.values.setdefault(name, value)
    if found.signature is None:
        found.signature = of_body.signature
    return signed_query + signed_body


cdef bytes read_form(bytes form, Parameters found):
    """Add a form's parameters to `found`; returns the form without its signature."""
    cdef const char *text = form
    cdef size_t size = len(form)
    cdef size_t at = 0
    cdef size_t end
    cdef size_t cut = 0
    cdef size_t cut_end = 0
    cdef const char *separator
    cdef Py_ssize_t count = 0
    while at < size:
        separator = <const char *> memchr(text + at, c"&", size - at)
        end = size if separator == NULL else separator - text
        if end > at:
            count += 1
            if count > MAX_PARAMETERS:
                raise too_many_parameters()
            if read_pair(text + at, end - at, found):
                cut, cut_end = at, end
        at = end + 1
    if cut_end == 0:
        return form
    # One of its separators goes with the signature: that before it, or that behind it where nothing is before it.
    if cut:
        return text[:cut - 1] + text[cut_end:size]
    return text[cut_end + 1:size] if cut_end < size else b""


cdef bint read_pair(const char *text, size_t size, Parameters found) except -1:
    """Add one `name=value`; returns whether it is the signature."""
    cdef const char *equals = <const char *> memchr(text, c"=", size)
    cdef size_t name_size = size if equals == NULL else equals - text
    cdef bytes name
    cdef bytes value
    if not is_name(text, name_size):
        raise illegal_request()
    name = text[:name_size]
    if name_size + 1 >= size:
        raise empty(name.decode())
    value = decoded(text + name_size + 1, size - name_size - 1)
    check_value(name, value)
    if name == b"signature":
        if found.signature is not None:
            raise duplicate_parameter()
        found.signature = value
        return True
    if name in found.values:
        raise duplicate_parameter()
    found.values[name] = value
    return False


cdef bint is_name(const char *text, size_t size) noexcept nogil:
    cdef size_t i
    cdef char c
    if size == 0 or size > MAX_NAME:
        return False
    for i in range(size):
        c = text[i]
        if not (c"a" <= c <= c"z" or c"A" <= c <= c"Z" or c"0" <= c <= c"9" or c == c"_" or c == c"-" or c == c"."):
            return False
    return True


cdef int check_value(bytes name, bytes value) except -1:
    if len(value) > MAX_VALUE:
        raise invalid(name.decode())
    if not is_text(value, len(value)):
        raise illegal_request()
    return 0


cdef inline int hex_of(char c) noexcept nogil:
    if c"0" <= c <= c"9":
        return c - c"0"
    if c"a" <= c <= c"f":
        return c - c"a" + 10
    return c - c"A" + 10 if c"A" <= c <= c"F" else -1


cdef bytes decoded(const char *text, size_t size):
    """A value of a form: `+` is a space, `%` two hexadecimal digits. ApiError where those are missing."""
    cdef bytearray scratch
    cdef char *out
    cdef size_t i = 0
    cdef size_t used = 0
    if memchr(text, c"%", size) == NULL and memchr(text, c"+", size) == NULL:
        return text[:size]
    scratch = bytearray(size)
    out = scratch
    while i < size:
        if text[i] == c"%":
            if i + 2 >= size or hex_of(text[i + 1]) < 0 or hex_of(text[i + 2]) < 0:
                raise illegal_request()
            out[used] = <char> (hex_of(text[i + 1]) << 4 | hex_of(text[i + 2]))
            i += 3
        else:
            out[used] = c" " if text[i] == c"+" else text[i]
            i += 1
        used += 1
    return out[:used]


def of_json(bytes raw not None) -> Parameters:
    """The `params` of a WebSocket request: an object of strings, numbers, true and false, or lists of them. ApiError.

    A number is what was written; a list is its JSON.
    """
    cdef Parameters found = Parameters.__new__(Parameters)
    cdef bytes name
    found.values = {}
    try:
        members = MEMBERS.decode(raw)
    except msgspec.DecodeError:
        raise illegal_request() from None
    if count_members(raw) != len(members):
        raise duplicate_parameter()
    if len(members) > MAX_PARAMETERS:
        raise too_many_parameters()
    for key, member in members.items():
        name = (<str> key).encode("utf-8", "surrogatepass")
        if not is_name(name, len(name)):
            raise illegal_request()
        value = value_of(name, bytes(member))
        if name == b"signature":
            found.signature = value
        else:
            found.values[name] = value
    if found.values:
        found.signed = sorted_form(found.values, False)
        found.is_sorted = True
    else:
        found.signed = b""
    return found


cdef bytes value_of(bytes name, bytes member):
    """A member's value as text. ApiError."""
    cdef bytes value = member
    cdef const char *text = member
    cdef size_t size = len(member)
    if text[0] == c"n" or (text[0] == c'"' and size == 2):
        raise empty(name.decode())
    if text[0] == c"{":
        raise illegal_request()
    if text[0] == c'"':
        if memchr(text, c"\\", size) == NULL:
            value = text[1:size - 1]
        else:
            value = STRING.decode(member).encode("utf-8", "surrogatepass")
    check_value(name, value)
    return value


cdef bytes sorted_form(dict values, bint is_encoded):
    """The parameters as a form, sorted by name; their values as they are, or percent-encoded."""
    cdef list parts = []
    cdef bytes name
    for name in sorted(values):
        parts.append(name)
        parts.append(b"=")
        parts.append(quote_plus(<bytes> values[name]).encode() if is_encoded else values[name])
        parts.append(b"&")
    parts.pop()
    return b"".join(parts)


def count_members(bytes raw not None) -> int:
    """How many members an object has, those that come twice too, of JSON that is known to be right."""
    cdef const char *text = raw
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t size = len(raw)
    cdef Py_ssize_t count = 0
    cdef int depth = 0
    cdef bint in_string = False
    while i < size:
        if in_string:
            if text[i] == c"\\":
                i += 1
            elif text[i] == c'"':
                in_string = False
        elif text[i] == c'"':
            in_string = True
        elif text[i] == c"{" or text[i] == c"[":
            depth += 1
        elif text[i] == c"}" or text[i] == c"]":
            depth -= 1
        elif text[i] == c":" and depth == 1:
            count += 1
        i += 1
    return count
