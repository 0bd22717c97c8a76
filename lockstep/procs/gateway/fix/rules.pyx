"""Checks the fields of a message against the dictionary, and says which types are supported (FIX-15).

It knows tags, formats and order, and never what a value means to the venue or the session.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from lockstep.core.intake.utc cimport parse_utc
from lockstep.core.schema.alphabet cimport is_id, is_text
from lockstep.procs.gateway.fix import dictionary
from lockstep.procs.gateway.fix.encode import packed
from lockstep.procs.gateway.fix.message cimport Message, parse_uint

cdef enum:
    PLACE_HEADER = 1
    PLACE_BODY = 2
    PLACE_TRAILER = 4
    PLACE_GROUP = 8             # counts the entries of a repeating group

cdef enum:
    FORMAT_ID = 0               # any text that is not for people: printable ASCII
    FORMAT_LENGTH = 1
    FORMAT_SEQNUM = 2
    FORMAT_INT = 3
    FORMAT_FLOAT = 4
    FORMAT_CHAR = 5
    FORMAT_BOOL = 6
    FORMAT_UTC = 7
    FORMAT_TEXT = 8
    FORMAT_DATA = 9             # any bytes

cdef enum:
    MAX_GROUPS = 8
    MAX_MEMBERS = 64
    GROUP_FIRST = 1             # begins an entry
    GROUP_MEMBER = 2            # at most once in an entry
    GROUP_NESTED = 3            # of a group inside: any number of times

cdef struct Group:
    uint32_t count_tag
    uint32_t size
    uint32_t members[MAX_MEMBERS]
    uint8_t roles[MAX_MEMBERS]

FORMAT_NAMES = ("id", "length", "seqnum", "int", "float", "char", "bool", "utc", "text", "data")

# A tag's place in the tables: itself, or for one above MAX_TAG that the dictionary has, a slot behind all others.
cdef uint32_t[MAX_FAR] FAR
cdef uint32_t far_count = 0
for far_tag in dictionary.FAR:
    assert far_count < MAX_FAR and far_tag >= MAX_TAG
    FAR[far_count] = far_tag
    far_count += 1


cdef uint32_t slot_of(uint32_t tag) noexcept nogil:
    """0 where it has none."""
    cdef uint32_t i
    if tag < MAX_TAG:
        return tag
    for i in range(far_count):
        if FAR[i] == tag:
            return MAX_TAG + i
    return 0


cdef Group[MAX_GROUPS] GROUPS
cdef uint32_t group_count = 0
for count_tag, group_text in dictionary.GROUPS.items():
    GROUPS[group_count].count_tag = count_tag
    for word in group_text.split():
        assert GROUPS[group_count].size < MAX_MEMBERS
        GROUPS[group_count].members[GROUPS[group_count].size] = int(word)
        GROUPS[group_count].roles[GROUPS[group_count].size] = (
            GROUP_FIRST if GROUPS[group_count].size == 0
            else GROUP_NESTED if int(word) in dictionary.numbers(dictionary.NESTED)
            else GROUP_MEMBER
        )
        GROUPS[group_count].size += 1
    group_count += 1


cdef const char *words(int reason) noexcept nogil:
    """The Text of a Reject."""
    if reason == REJECT_INVALID_TAG:
        return b"Invalid tag number"
    if reason == REJECT_REQUIRED_TAG_MISSING:
        return b"Required tag missing"
    if reason == REJECT_TAG_NOT_FOR_MESSAGE:
        return b"Tag not defined for this message type"
    if reason == REJECT_TAG_WITHOUT_VALUE:
        return b"Tag specified without a value"
    if reason == REJECT_INCORRECT_VALUE:
        return b"Value is incorrect (out of range) for this tag"
    if reason == REJECT_DATA_FORMAT:
        return b"Incorrect data format for value"
    if reason == REJECT_TEXT:
        return b"TEXT_NOT_ALLOWED: ids are printable ASCII, with no space at either end; texts UTF-8, no controls"
    if reason == REJECT_COMP_ID:
        return b"CompID problem"
    if reason == REJECT_SENDING_TIME:
        return b"SendingTime accuracy problem"
    if reason == REJECT_MSG_TYPE:
        return b"Invalid MsgType"
    if reason == REJECT_REPEATED_TAG:
        return b"Tag appears more than once"
    if reason == REJECT_TAG_ORDER:
        return b"Tag specified out of required order"
    if reason == REJECT_GROUP_COUNT:
        return b"Incorrect NumInGroup count for repeating group"
    return b"Rejected"


cdef inline bint fail(Fault *fault, RejectReason reason, uint32_t tag) noexcept nogil:
    fault.reason = reason
    fault.tag = tag
    return False


cdef bint is_float(const char *text, size_t size) noexcept nogil:
    """Digits with at most one point, behind at most one minus."""
    cdef size_t i
    cdef size_t digits = 0
    cdef size_t points = 0
    for i in range(size):
        if text[i] == c".":
            points += 1
        elif c"0" <= text[i] <= c"9":
            digits += 1
        elif text[i] != c"-" or i > 0:
            return False
    return digits > 0 and points <= 1


cdef bint is_int(const char *text, size_t size) noexcept nogil:
    if size > 0 and text[0] == c"-":
        return parse_uint(text + 1, size - 1) >= 0
    return parse_uint(text, size) >= 0


cdef inline bint has_format(uint8_t format, const char *text, size_t size) noexcept nogil:
    """Whether a value has a format that is none of text."""
    if format == FORMAT_CHAR:
        return size == 1 and is_id(text, size)
    if format == FORMAT_FLOAT:
        return is_float(text, size)
    if format == FORMAT_UTC:
        return parse_utc(text, size) >= 0
    if format == FORMAT_BOOL:
        return size == 1 and (text[0] == c"Y" or text[0] == c"N")
    if format == FORMAT_INT:
        return is_int(text, size)
    return parse_uint(text, size) >= 0


cdef inline bint is_textual(uint8_t format) noexcept nogil:
    return format == FORMAT_ID or format >= FORMAT_TEXT


cdef inline bint has_alphabet(uint8_t format, const char *text, size_t size, bint is_plain) noexcept nogil:
    """Whether a text has characters that it may have (`schema.alphabet`); of a plain message most is known."""
    if format == FORMAT_ID:
        return text[0] != c" " and text[size - 1] != c" " if is_plain else is_id(text, size)
    return is_plain or format != FORMAT_TEXT or is_text(text, size)


cdef uint8_t role_in(const Group *group, uint32_t tag) noexcept nogil:
    cdef uint32_t i
    for i in range(group.size):
        if group.members[i] == tag:
            return group.roles[i]
    return 0


cdef const Group *group_of(uint32_t count_tag) noexcept nogil:
    cdef uint32_t i
    for i in range(group_count):
        if GROUPS[i].count_tag == count_tag:
            return &GROUPS[i]
    return NULL


cdef class Rules:
    """The dictionary's tables. The application supports the types `supported`, in each version that has them."""

    def __init__(self, object supported):
        for name, text in dictionary.FORMATS.items():
            for tag in dictionary.numbers(text):
                self.formats[slot_of(tag)] = FORMAT_NAMES.index(name)
        for index, (tag, characters) in enumerate(dictionary.VALUES.items(), start=1):
            self.value_sets[slot_of(tag)] = index
            for character in characters.encode():
                self.sets[index][character // 64] |= <uint64_t> 1 << (character % 64)
        unknown = set(supported).difference(*(known.split() for known in dictionary.KNOWN_TYPES.values()))
        if unknown:
            raise ValueError(f"no message type of any version: {sorted(unknown)}")
        for index, version in enumerate(dictionary.VERSIONS):
            self._fill(&self.versions[index], version, set(supported))

    cdef int _fill(self, VersionRules *rules, int version, set supported) except -1:
        rules.last_tag = dictionary.LAST_TAG[version]
        known = dictionary.KNOWN_TYPES[version].split()
        types = dictionary.TYPES[version]
        assert len(known) <= MAX_KNOWN and len(types) <= MAX_TYPES
        for name in known:
            rules.known[rules.known_count] = packed(name)
            rules.supported[rules.known_count] = name in supported or name in dictionary.ADMIN
            rules.known_count += 1
        for name, definition in types.items():
            fill_type(&rules.types[rules.type_count], name, definition)
            rules.type_count += 1
        return 0

    cdef Standing standing(self, int version, uint32_t msg_type) noexcept nogil:
        cdef VersionRules *rules = &self.versions[version == 44]
        cdef uint32_t i
        for i in range(rules.known_count):
            if rules.known[i] == msg_type:
                return TYPE_SUPPORTED if rules.supported[i] else TYPE_UNSUPPORTED
        return TYPE_UNKNOWN

    cdef bint check(self, int version, Message message, Fault *fault) noexcept nogil:
        """Whether a message of a type with rules obeys them; else the first fault in the order of the wire."""
        cdef VersionRules *version_rules = &self.versions[version == 44]
        cdef TypeRules *rules = NULL
        cdef uint32_t i
        cdef uint32_t tag
        cdef uint32_t slot
        cdef uint8_t place
        cdef uint8_t reached = PLACE_HEADER
        cdef int group_end
        cdef bint known
        for i in range(version_rules.type_count):
            if version_rules.types[i].msg_type == message.msg_type:
                rules = &version_rules.types[i]
                break
        self.stamp += 1
        if self.stamp == 0:  # after 2**32 messages old stamps would count again
            memset(self.seen, 0, sizeof(self.seen))
            self.stamp = 1
        i = 0
        while i < message.count:
            tag = message.fields[i].tag
            slot = tag if tag < MAX_TAG else slot_of(tag)
            place = PLACE_BODY
            if rules != NULL:
                place = rules.places[slot]
            if place == 0 or (slot == 0 and tag):
                if tag < FIRST_USER_TAG:
                    known = 0 < tag <= version_rules.last_tag or slot >= MAX_TAG
                    return fail(fault, REJECT_TAG_NOT_FOR_MESSAGE if known else REJECT_INVALID_TAG, tag)
                place = PLACE_BODY
            if not self.check_field(message, i, fault):
                return False
            if (place & 7) < reached:
                return fail(fault, REJECT_TAG_ORDER, tag)
            reached = place & 7
            i += 1
            if place & PLACE_GROUP:
                group_end = self.check_group(message, i - 1, fault)
                if group_end < 0:
                    return False
                i = group_end
        return rules == NULL or self.check_required(rules, fault)

    cdef bint check_field(self, Message message, uint32_t index, Fault *fault) noexcept nogil:
        """One field by itself: a value of the right format and set, and its tag not seen before."""
        cdef uint32_t tag = message.fields[index].tag
        cdef uint32_t slot = tag if tag < MAX_TAG else slot_of(tag)
        cdef uint32_t length = message.fields[index].length
        cdef const char *value = message.value(index)
        cdef uint8_t value_set
        if length == 0:
            return fail(fault, REJECT_TAG_WITHOUT_VALUE, tag)
        if slot == 0:
            return has_alphabet(FORMAT_TEXT, value, length, message.is_plain) or fail(fault, REJECT_TEXT, tag)
        if self.seen[slot] == self.stamp:
            return fail(fault, REJECT_REPEATED_TAG, tag)
        self.seen[slot] = self.stamp
        if is_textual(self.formats[slot]):
            return has_alphabet(self.formats[slot], value, length, message.is_plain) or fail(fault, REJECT_TEXT, tag)
        if not has_format(self.formats[slot], value, length):
            return fail(fault, REJECT_DATA_FORMAT, tag)
        value_set = self.value_sets[slot]
        if value_set and not (0 < value[0] < 127 and self.sets[value_set][value[0] >> 6] >> (value[0] & 63) & 1):
            return fail(fault, REJECT_INCORRECT_VALUE, tag)
        return True

    cdef bint check_required(self, const TypeRules *rules, Fault *fault) noexcept nogil:
        cdef uint32_t i
        for i in range(rules.required_count):
            if self.seen[rules.required[i]] != self.stamp:
                return fail(fault, REJECT_REQUIRED_TAG_MISSING, rules.required[i])
        return True

    cdef int check_group(self, Message message, uint32_t index, Fault *fault) noexcept nogil:
        """Walk the entries behind a counting field; the index after the last one, or -1."""
        cdef const Group *group = group_of(message.fields[index].tag)
        cdef uint32_t i = index + 1
        cdef int64_t entries = 0
        cdef uint8_t role
        while i < message.count:
            role = role_in(group, message.fields[i].tag)
            if role == 0 or (entries == 0 and role != GROUP_FIRST):
                break
            if role == GROUP_FIRST or role == GROUP_NESTED:
                self.seen[slot_of(message.fields[i].tag)] = 0
            if role == GROUP_FIRST:
                entries += 1
                forget(self, group)
            if not self.check_field(message, i, fault):
                return -1
            i += 1
        if entries != parse_uint(message.value(index), message.fields[index].length):
            fail(fault, REJECT_GROUP_COUNT, group.count_tag)
            return -1
        return i

    def verdict(self, int version, Message message) -> tuple[int, int] | None:
        """`check`, for Python callers: None, or (SessionRejectReason, RefTagID)."""
        cdef Fault fault
        return None if self.check(version, message, &fault) else (fault.reason, fault.tag)


cdef void forget(Rules rules, const Group *group) noexcept nogil:
    """A new entry of a group may have every member again."""
    cdef uint32_t i
    for i in range(group.size):
        rules.seen[slot_of(group.members[i])] = 0


cdef int fill_type(TypeRules *rules, str name, object definition) except -1:
    required = dictionary.numbers(dictionary.REQUIRED_HEADER) + [int(word) for word in definition.required.split()]
    assert len(required) <= MAX_REQUIRED
    rules.msg_type = packed(name)
    for place, text in (
        (PLACE_BODY, definition.allowed), (PLACE_HEADER, dictionary.HEADER), (PLACE_TRAILER, dictionary.TRAILER)
    ):
        for tag in dictionary.numbers(text):
            rules.places[slot_of(tag)] = place | (PLACE_GROUP if tag in dictionary.GROUPS else 0)
    for tag in required:
        rules.required[rules.required_count] = tag
        rules.required_count += 1
    return 0
