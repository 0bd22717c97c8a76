"""Resets of passwords that two operators agree on: who may take a new one by which code, and until when.

It sees that two have said so and that a code works once (LOG-34). Who may propose one, `identity` decides.

    proposed ── approved by another ── used: the account has a new password
        └───────────────┴─────────── over, by time, another proposal or another password
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver

import hashlib
from hmac import compare_digest

cdef uint64_t LIFE_NS = RESET_LIFE_S * 1_000_000_000ULL


cdef class PasswordResets:
    """At most one an account: a later proposal takes its place. `by_account` has what it was proposed as (sequence,
    operator), whether the second factor goes too, the code's hash, when it is over, and whether it is approved."""

    def __cinit__(self):
        self.by_account = {}

    cdef uint16_t propose(self, const PasswordResetRecord *record) except? 9999:
        cdef bytes hashed = (<const char *> record.code_hash)[:sizeof(record.code_hash)]
        if not hashed.strip(b"\0") or record.takes_factor > 1:
            return CODE_INVALID_DEFINITION
        self.by_account[record.target] = (
            record.seq, record.account, record.takes_factor, hashed, record.time_ns + LIFE_NS, False
        )
        return CODE_OK

    cdef uint16_t approve(self, PasswordResetRecord *record) except? 9999:
        """Let the code work, by the word of another operator. What was proposed is stamped into the approval."""
        found = self.by_account.get(record.target)
        if found is None:
            return CODE_UNKNOWN_PROPOSAL
        seq, proposer, takes_factor, hashed, until_ns, is_approved = found
        if seq != record.proposal or is_approved or record.time_ns >= until_ns:
            return CODE_UNKNOWN_PROPOSAL
        if proposer == record.account:
            return CODE_SAME_OPERATOR
        record.takes_factor = takes_factor
        for i in range(sizeof(record.code_hash)):
            record.code_hash[i] = (<const unsigned char *> <const char *> hashed)[i]
        self.by_account[record.target] = seq, proposer, takes_factor, hashed, until_ns, True
        return CODE_OK

    cdef uint16_t judge(self, uint32_t account, bytes code, uint64_t time_ns) except? 9999:
        """Whether this code lets the account take a new password at this log time."""
        found = self.by_account.get(account)
        if found is None:
            return CODE_RESET_UNKNOWN
        _, _, _, hashed, until_ns, is_approved = found
        if not is_approved or time_ns >= until_ns:
            return CODE_RESET_UNKNOWN
        own = hashlib.sha256(code).digest()[:len(hashed)]
        return CODE_OK if compare_digest(own, hashed) else CODE_RESET_UNKNOWN

    cdef bint takes_factor(self, uint32_t account) except -1:
        """Whether the account's reset takes its second factor, too. There is one."""
        return self.by_account[account][2]

    cdef void end(self, uint32_t account):
        """The account has another password: what was agreed on before is over."""
        self.by_account.pop(account, None)

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        cdef bytes text
        for account, found in self.by_account.items():
            text = repr((account, found)).encode()
            digest += scramble(crc32c(3, <const char *> text, len(text)), account)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.object(list(self.by_account.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.by_account = dict(loader.object(list[tuple[int, tuple[int, int, int, bytes, int, bool]]]))
        return 0
