"""Who may give a command: by the ring that it came by, its sender's role, and the key that signed it.

A command that takes two persons waits until a second one gives the same (LOG-35).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport *
from lockstep.procs.router.accounts cimport (
    ACCOUNT_ADMIN, ACCOUNT_AUDITOR, ACCOUNT_LINES, ACCOUNT_OPERATOR, SESSION_ENDED, account_at, is_account,
)
from lockstep.procs.router.transfers cimport OPERATORS_RING, asker_of, owner_of
from lockstep.shm.board cimport MAX_SESSIONS

assert <int> MAX_SESSIONS == <int> ACCOUNT_LINES


cdef class Authority:
    """Roles, and the commands that wait for a second person."""

    def __cinit__(self, Accounts accounts, Keys keys, Proposals proposals):
        self.accounts = accounts
        self.keys = keys
        self.proposals = proposals

    cdef bint is_sender(self, const CommandRecord *record) noexcept nogil:
        """Whether a command's session is one that its ring's commands can have. From the api, only the venue itself,
        which deposits and registers, is no account.
        """
        if record.ingress != API_RING:
            return record.session < MAX_SESSIONS
        if record.account == 0:
            return record.session == API_SESSION and (record.type == CMD_ACCOUNT or record.type == CMD_DEPOSIT)
        return record.session >= API_SESSION and is_account(self.accounts, record.account)

    cdef uint16_t permission(self, const CommandRecord *record) noexcept nogil:
        """Whether the key that signed a command, if any, and its sender's role allow it. What everybody may do with
        what is his own is judged later. No key allows what a person is to ask for (LOG-30).
        """
        cdef uint8_t type = record.type
        cdef uint8_t scope = 0
        cdef uint16_t verdict
        cdef uint32_t own
        cdef bint is_auditor
        if type == CMD_MASS_CANCEL or type == CMD_KILL_SWITCH or type == CMD_CANCEL_AFTER:
            scope = KEY_SCOPE_TRADE
        elif is_owners(record):
            scope = KEY_SCOPE_WITHDRAW
        if record.session > API_SESSION:
            verdict = self.keys.judge(record.account, record.session - API_SESSION, scope, record.time_ns)
            if verdict != CODE_OK:
                return verdict
        elif is_of_fix(record) and account_at(self.accounts, record.session).flags & SESSION_ENDED:
            return CODE_SESSION_ENDED
        if type == CMD_MASS_CANCEL or type == CMD_KILL_SWITCH or CMD_SECOND_FACTOR <= type <= CMD_FACTOR_USE:
            return CODE_OK
        if type == CMD_API_KEY or type == CMD_KEY_REVOCATION:
            return CODE_OK
        if type == CMD_CANCEL_AFTER:
            is_auditor = account_at(self.accounts, record.account).flags & ACCOUNT_AUDITOR
            return CODE_ROLE_NOT_ALLOWED if is_auditor else CODE_OK
        if is_owners(record):
            return self.may_withdraw(record)
        if type == CMD_REGISTRATION or type == CMD_WELCOME or type == CMD_DEPOSIT_LIMIT:
            return CODE_OK if self.is_admin(record) else CODE_ROLE_NOT_ALLOWED
        if record.ingress == API_RING and (type == CMD_ACCOUNT or type == CMD_DEPOSIT or type == CMD_WITHDRAWAL):
            own = (<const AccountRecord *> record).target
            if type != CMD_ACCOUNT:
                own = owner_of(<const DepositRecord *> record)
                if not is_account(self.accounts, own):
                    return CODE_UNKNOWN_ACCOUNT
            if record.account == 0 or own == record.account and type == CMD_ACCOUNT:
                return CODE_OK
        elif type == CMD_WITHDRAWAL and record.ingress != OPERATORS_RING:
            return CODE_OK
        return CODE_OK if self.is_operator(record) else CODE_NOT_AN_OPERATOR

    cdef uint16_t may_withdraw(self, const CommandRecord *record) noexcept nogil:
        """Money is asked for by its owner, by the api, where he has proved who he is; an auditor only reads."""
        cdef uint32_t target = (<const WithdrawalRequestRecord *> record).target
        if record.ingress != API_RING or account_at(self.accounts, record.account).flags & ACCOUNT_AUDITOR:
            return CODE_ROLE_NOT_ALLOWED
        if record.type == CMD_WITHDRAWAL_REQUEST and target != 0 and target != record.account:
            return CODE_ROLE_NOT_ALLOWED
        return CODE_OK

    cdef bint is_operator(self, const CommandRecord *record) noexcept nogil:
        """The configuration counts as an operator. One about the header's account has its operator as the session."""
        cdef uint32_t asks = asker_of(record)
        return record.ingress == 0 or (
            asks < MAX_SESSIONS and account_at(self.accounts, asks).flags & ACCOUNT_OPERATOR
        )

    cdef bint is_admin(self, const CommandRecord *record) noexcept nogil:
        """The configuration counts as an admin."""
        cdef uint32_t asks = asker_of(record)
        return record.ingress == 0 or (
            asks < MAX_SESSIONS and account_at(self.accounts, asks).flags & ACCOUNT_ADMIN
        )

    cdef bint is_owner(self, const CommandRecord *record, uint32_t account) noexcept nogil:
        """Whether a command is the account's own, by the api, where it has proved who it is; or an admin's."""
        return record.ingress == API_RING and record.account == account or self.is_admin(record)

    cdef bint has_second(self, uint32_t asker, uint8_t flag) noexcept nogil:
        """Whether another account than the asker's has the flag of a role."""
        cdef uint32_t account
        for account in range(1, self.accounts.count + 1):
            if account != asker and account_at(self.accounts, account).flags & flag:
                return True
        return False

    cdef uint16_t judge_by_two(
        self, const CommandRecord *record, uint8_t flag, uint64_t proposal, tuple terms
    ) except? 9999:
        """Whether a person's command is carried out now: another one has proposed the same, and both have the flag of
        the role that it takes (LOG-35).
        """
        cdef uint32_t asker = asker_of(record)
        cdef uint16_t verdict
        if not self.has_second(asker, flag):
            return CODE_NO_SECOND
        verdict = self.proposals.judge(record.seq, asker, proposal, terms)
        if verdict != CODE_OK:
            return verdict
        proposer, _ = self.proposals.waiting[proposal]
        if not account_at(self.accounts, proposer).flags & flag:
            return CODE_UNKNOWN_PROPOSAL
        self.proposals.end(proposal)
        return CODE_OK


cdef bint is_owners(const CommandRecord *record) noexcept nogil:
    """Whether a command is one that the owner of money gives: for a withdrawal, or to cancel one."""
    return record.type == CMD_WITHDRAWAL_REQUEST or (
        record.type == CMD_WITHDRAWAL_DECISION
        and (<const WithdrawalDecisionRecord *> record).step == WITHDRAWAL_STEP_CANCEL
    )
