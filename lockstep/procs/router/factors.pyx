"""Accounts' second factors: what proves them, and which one-time codes and recovery codes were used.

It sees that each counts once, in the order of the log (LOG-30). Whether a code is right, those say who can open the
secret.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver

assert RECOVERY_RECORDS * CODES_OF_RECORD == RECOVERY_CODES


cdef class Factors:
    """Second factors by account."""

    def __cinit__(self):
        self.by_account = {}
        self.used = {}

    cdef uint16_t define(self, const SecondFactorRecord *record, const char **extensions) except? 9999:
        """One in place of the one before; without a secret, none. `extensions` are those before it, the last first."""
        cdef const ExtRecoveryRecord *recovery
        cdef bytes hashes = b""
        cdef int i
        if record.size == 0:
            if record.target not in self.by_account:
                return CODE_FACTOR_UNKNOWN
            self.drop(record.target)
            return CODE_OK
        if record.size > sizeof(record.secret):
            return CODE_INVALID_DEFINITION
        for i in range(RECOVERY_RECORDS):
            recovery = <const ExtRecoveryRecord *> extensions[i]
            if recovery == NULL or recovery.type != CMD_EXT_RECOVERY or recovery.count != CODES_OF_RECORD:
                return CODE_INVALID_DEFINITION
            hashes = (<const char *> recovery.hashes)[:sizeof(recovery.hashes)] + hashes
        self.by_account[record.target] = (<const char *> record.secret)[:record.size], hashes
        self.used[record.target] = 0, 0
        return CODE_OK

    cdef int drop(self, uint32_t account) except -1:
        """Take away the one that the account has."""
        del self.by_account[account]
        del self.used[account]
        return 0

    cdef uint16_t use(self, const FactorUseRecord *record) except? 9999:
        """Steps of time are used in their order; a recovery code is used once."""
        known = self.used.get(record.account)
        if known is None or record.code > RECOVERY_CODES or (record.step == 0) == (record.code == 0):
            return CODE_FACTOR_UNKNOWN
        step, codes = known
        if record.code:
            if codes >> record.code & 1:
                return CODE_FACTOR_USED
            self.used[record.account] = step, codes | 1 << record.code
            return CODE_OK
        if record.step <= step:
            return CODE_FACTOR_USED
        self.used[record.account] = record.step, codes
        return CODE_OK

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        cdef bytes said
        cdef uint32_t number
        for account, (secret, hashes) in self.by_account.items():
            step, codes = self.used[account]
            said = secret + hashes
            number = account
            digest += scramble(scramble(crc32c(number, <const char *> said, len(said)), step), codes)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.object(list(self.by_account.items()))
        saver.object(list(self.used.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.by_account = dict(loader.object(list[tuple[int, tuple[bytes, bytes]]]))
        self.used = dict(loader.object(list[tuple[int, tuple[int, int]]]))
        return 0
