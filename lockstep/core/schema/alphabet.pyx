"""Which characters a text may have, wherever it comes from: FIX, operators' commands, the configuration.

An id (a client order id, a name, a key) is printable ASCII, with no space at either end. A text for people is UTF-8
without control characters. Both have at least one character; each field has its own greatest length.

Journals from before this rule have ids of any bytes, which can't be displayed: `shown` writes them as ASCII, `unshown`
reads that back. A byte that is not printable becomes `\\xHH`, and so does a backslash before an `x`; all else stays.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

cdef enum:
    FIRST_PRINTABLE = 0x20
    LAST_PRINTABLE = 0x7E
    LAST_CONTROL = 0x9F             # of those behind ASCII, which begin with DEL
    ESCAPE_SIZE = 4                 # "\xHH"

cdef const char *HEX = b"0123456789ABCDEF"


cdef inline bint is_printable(char c) noexcept nogil:
    return FIRST_PRINTABLE <= <uint8_t> c <= LAST_PRINTABLE


cdef size_t printable(const char *text, size_t size) noexcept nogil:
    """How many bytes at the beginning are printable ASCII."""
    cdef size_t i
    for i in range(size):
        if not is_printable(text[i]):
            return i
    return size


cdef bint is_id(const char *text, size_t size) noexcept nogil:
    return size > 0 and text[0] != c" " and text[size - 1] != c" " and printable(text, size) == size


cdef size_t character(const uint8_t *text, size_t size) noexcept nogil:
    """The size of the UTF-8 character at `text`; 0 if there is none, or a control character."""
    cdef uint32_t value = text[0]
    cdef size_t length = 1 if value < 0x80 else 2 if value < 0xE0 else 3 if value < 0xF0 else 4
    cdef size_t i
    if length == 1:
        return FIRST_PRINTABLE <= value <= LAST_PRINTABLE
    if length > size or not 0xC2 <= value <= 0xF4:
        return 0
    value &= 0x7F >> length
    for i in range(1, length):
        if text[i] & 0xC0 != 0x80:
            return 0
        value = value << 6 | text[i] & 0x3F
    if value <= LAST_CONTROL or length == 3 and value < 0x800 or 0xD800 <= value <= 0xDFFF:
        return 0
    return 0 if length == 4 and not 0x10000 <= value <= 0x10FFFF else length


cdef size_t characters(const char *text, size_t size) noexcept nogil:
    """How many bytes at the beginning are whole UTF-8 characters other than control characters."""
    cdef size_t at = 0
    cdef size_t length
    while at < size:
        length = character(<const uint8_t *> text + at, size - at)
        if length == 0:
            return at
        at += length
    return at


cdef bint is_text(const char *text, size_t size) noexcept nogil:
    return size > 0 and characters(text, size) == size


cdef size_t put_shown(char *out, const char *padded, size_t most) noexcept nogil:
    """Write an id that zeros fill up to `most` bytes; how long that is."""
    cdef size_t size = most
    cdef size_t used = 0
    cdef size_t i
    while size and padded[size - 1] == 0:
        size -= 1
    for i in range(size):
        if is_printable(padded[i]) and not (padded[i] == c"\\" and i + 1 < size and padded[i + 1] == c"x"):
            out[used] = padded[i]
            used += 1
        else:
            memcpy(out + used, b"\\x", 2)
            out[used + 2] = HEX[<uint8_t> padded[i] >> 4]
            out[used + 3] = HEX[padded[i] & 15]
            used += ESCAPE_SIZE
    return used


def fault_of_id(text: str | bytes) -> str:
    """Why a text is no id, worded to follow the field's name; empty if it is one."""
    cdef bytes data = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    cdef size_t good = printable(data, len(data))
    if is_id(data, len(data)):
        return ""
    if not data:
        return "is empty"
    if good < len(data):
        return f"has the byte 0x{data[good]:02X} at position {good + 1}: printable ASCII is allowed"
    return "begins or ends with a space"


def fault_of_text(text: str | bytes) -> str:
    """Likewise, why it is no text for people."""
    cdef bytes data = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    cdef size_t good = characters(data, len(data))
    if is_text(data, len(data)):
        return ""
    if not data:
        return "is empty"
    return f"has the byte 0x{data[good]:02X} at position {good + 1}: UTF-8 without control characters is allowed"


def shown(identifier: bytes) -> str:
    """An id, whatever its bytes, as printable ASCII; no two ids look alike."""
    cdef bytearray out = bytearray(ESCAPE_SIZE * len(identifier) + 1)
    return out[:put_shown(out, identifier, len(identifier))].decode("ascii")


def unshown(text: str) -> bytes:
    """The id that `shown` writes like this. ValueError if there is none."""
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at:at + 2] == "\\x":
            out.append(int(text[at + 2:at + ESCAPE_SIZE], 16))
            at += ESCAPE_SIZE
        else:
            out.append(ord(text[at]))
            at += 1
    if shown(bytes(out)) != text:
        raise ValueError(f"no id is shown as {text!r}")
    return bytes(out)
