from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport ApiKeyRecord
from lockstep.core.tables.pool cimport Pool, pool_at
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    MAX_KEYS = 1_048_576          # that were ever defined: each takes its name for ever
    MAX_KEYS_OF_ACCOUNT = 64      # that are not revoked
    MAX_NAMES_OF_ACCOUNT = 4096   # that were ever defined
    PUBLIC_KEY_SIZE = 32
    MIN_MODULUS = 256           # bytes: an RSA key has 2048 to 4096 bits
    MAX_MODULUS = 512
    MATERIAL_SIZE = 64            # bytes of an EXT_KEY_MATERIAL record
    MAX_MATERIALS = 8
    SEAL_SIZE = 16                # that sealing adds to a secret
    MAX_NETWORKS = 8
    NETWORKS_OF_RECORD = 4

# All that a request is judged by.
cdef struct Key:
    uint64_t expiry_ns            # 0: never
    uint32_t account
    uint8_t scopes
    uint8_t kind
    uint8_t is_revoked
    uint8_t networks

cdef class Keys:
    cdef Pool pool                # by number, from 1
    cdef readonly dict names      # number by name
    cdef readonly dict materials  # of those not revoked: the extensions that prove signatures, then their networks'
    cdef dict counts              # by account: how many are not revoked, and how many ever were
    cdef uint16_t judge(self, uint32_t account, uint32_t key, uint8_t scope, uint64_t time_ns) noexcept nogil
    cdef uint16_t define(self, ApiKeyRecord *record, const char **extensions) except? 9999
    cdef uint16_t revoke(self, uint32_t key) except? 9999
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1


cdef inline Key *key_at(Keys keys, uint32_t key) noexcept nogil:
    return <Key *> pool_at(&keys.pool, key)


cdef inline int count_of_records(const ApiKeyRecord *record) noexcept nogil:
    """How many extensions a key has: its material, and what its networks take."""
    return 1 + record.more_materials + (record.networks + NETWORKS_OF_RECORD - 1) // NETWORKS_OF_RECORD
