"""API keys: whose they are, what they may be used for and until when; which names are taken.

It judges a key by its number, on the path of orders that a key has signed. Who may define or revoke one,
`identity` decides (LOG-30).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport pool_close, pool_load, pool_open, pool_save, pool_take
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.verdicts cimport crc_of_body

cdef enum:
    FIRST_KEYS = 256
    ALL_SCOPES = KEY_SCOPE_READ | KEY_SCOPE_TRADE | KEY_SCOPE_WITHDRAW
    IPV6_BITS = 128


cdef class Keys:
    """Keys by number. None is ever forgotten, so that no name is given twice."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Key), FIRST_KEYS)
        self.names = {}
        self.materials = {}
        self.counts = {}

    def __dealloc__(self):
        pool_close(&self.pool)

    cdef uint16_t judge(self, uint32_t account, uint32_t key, uint8_t scope, uint64_t time_ns) noexcept nogil:
        """Why a request of that account, signed by that key, may not ask for what needs `scope`; OK if it may."""
        cdef const Key *line
        if key == 0 or key >= self.pool.used or key_at(self, key).account != account:
            return CODE_KEY_UNKNOWN
        line = key_at(self, key)
        if line.is_revoked:
            return CODE_KEY_REVOKED
        if line.expiry_ns != 0 and line.expiry_ns <= time_ns:
            return CODE_KEY_EXPIRED
        return CODE_OK if line.scopes & scope else CODE_KEY_SCOPE

    cdef uint16_t define(self, ApiKeyRecord *record, const char **extensions) except? 9999:
        """A new key of an account that is there; stamps its number. `extensions` are before it, the last first."""
        cdef bytes name = record.name[:CL_ORD_ID_SIZE].rstrip(b"\0")
        cdef uint32_t item
        cdef Key *line
        record.key = 0
        if not is_whole(record, extensions) or not is_name(name):
            return CODE_INVALID_DEFINITION
        if name in self.names:
            return CODE_NAME_USED
        living, ever = self.counts.get(record.target, (0, 0))
        if living >= MAX_KEYS_OF_ACCOUNT or ever >= MAX_NAMES_OF_ACCOUNT or self.pool.used > MAX_KEYS:
            return CODE_TOO_MANY_KEYS
        item = pool_take(&self.pool)
        line = key_at(self, item)
        memset(line, 0, sizeof(Key))
        line.expiry_ns = record.expiry_ns
        line.account = record.target
        line.scopes = record.scopes
        line.kind = record.kind
        line.networks = record.networks
        record.key = item
        self.names[name] = item
        self.counts[record.target] = living + 1, ever + 1
        self.materials[item] = [extensions[i][:RECORD_SIZE] for i in range(count_of_records(record))]
        return CODE_OK

    cdef uint16_t revoke(self, uint32_t key) except? 9999:
        """End a key that is there, and forget what proves its signatures."""
        cdef Key *line = key_at(self, key)
        if line.is_revoked:
            return CODE_KEY_REVOKED
        line.is_revoked = True
        living, ever = self.counts[line.account]
        self.counts[line.account] = living - 1, ever
        del self.materials[key]
        return CODE_OK

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        cdef uint64_t one
        cdef const Key *line
        for name, key in self.names.items():
            line = key_at(self, key)
            one = scramble(crc32c(key, <const char *> (<bytes> name), len(name)), line.expiry_ns)
            one = scramble(one, <uint64_t> line.account << 32 | line.scopes << 24 | line.kind << 16 | line.is_revoked)
            for record in self.materials.get(key, ()):
                one = scramble(one, crc_of_body(0, <const char *> (<bytes> record)))
            digest += one
        return digest

    cdef int save(self, Saver saver) except -1:
        pool_save(&self.pool, saver)
        for table in (self.names, self.materials, self.counts):
            saver.object(list(table.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        pool_load(&self.pool, loader)
        self.names = dict(loader.object(list[tuple[bytes, int]]))
        self.materials = dict(loader.object(list[tuple[int, list[bytes]]]))
        self.counts = dict(loader.object(list[tuple[int, tuple[int, int]]]))
        return 0

    def of(self, uint32_t key) -> dict[str, int]:
        """What is known of a key, by `Key`'s names. KeyError if there is none such."""
        if key == 0 or key >= self.pool.used:
            raise KeyError(key)
        return key_at(self, key)[0]


cdef bint is_name(bytes name):
    """What a client can send in a header: letters, digits, dots, dashes and underscores."""
    return len(name) > 0 and all(chr(each).isalnum() and each < 128 or each in b"._-" for each in name)


cdef bint is_whole(const ApiKeyRecord *record, const char **extensions) noexcept nogil:
    """Whether a definition says what a key needs, and the extensions that it needs are there."""
    if record.scopes == 0 or record.scopes & ~<int> ALL_SCOPES or record.networks > MAX_NETWORKS:
        return False
    if record.expiry_ns != 0 and record.expiry_ns <= record.time_ns:
        return False
    return has_material(record, extensions) and has_networks(record, extensions)


cdef bint has_material(const ApiKeyRecord *record, const char **extensions) noexcept nogil:
    """Whether what proves signatures is there, as long as a key of that kind needs it."""
    cdef const ExtKeyMaterialRecord *part
    cdef int i
    cdef int size = 0
    if record.more_materials >= MAX_MATERIALS:
        return False
    for i in range(1 + record.more_materials):
        part = <const ExtKeyMaterialRecord *> extensions[i]
        if part == NULL or part.type != CMD_EXT_KEY_MATERIAL or not 1 <= part.size <= MATERIAL_SIZE:
            return False
        if i and part.size != MATERIAL_SIZE:  # the last of them is the first here
            return False
        size += part.size
    if record.kind == KEY_KIND_HMAC:
        return record.more_materials == 0 and size > SEAL_SIZE
    if record.kind == KEY_KIND_ED25519:
        return record.more_materials == 0 and size == PUBLIC_KEY_SIZE
    return record.kind == KEY_KIND_RSA and MIN_MODULUS <= size <= MAX_MODULUS


cdef bint has_networks(const ApiKeyRecord *record, const char **extensions) noexcept nogil:
    """Whether the networks that it names are there."""
    cdef const ExtAddressesRecord *addresses
    cdef int count = count_of_records(record)
    cdef int i, j, expected
    for i in range(count - 1 - record.more_materials):
        addresses = <const ExtAddressesRecord *> extensions[count - 1 - i]
        expected = min(record.networks - i * NETWORKS_OF_RECORD, <int> NETWORKS_OF_RECORD)
        if addresses == NULL or addresses.type != CMD_EXT_ADDRESSES or addresses.count != expected:
            return False
        for j in range(expected):
            if addresses.prefixes[j] > IPV6_BITS:
                return False
    return True
