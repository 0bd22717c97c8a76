"""What the board has of the router's state, for gateways: balances as hints, and the sessions' numbers.

It copies; the router says when, so that what is shown is settled or in the log.
"""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.router.accounts cimport account_at
from lockstep.procs.router.balances cimport BALANCE_UNSHOWN, Balance, balance_at, changed_at
from lockstep.shm.board cimport MAX_SESSIONS, BalancePayload, Board


cdef enum:
    AHEAD = 6       # balances between the prefetch of the board's memory and its turn


cdef class BoardWriter:
    """The one writer of the board's balances and sessions."""

    def __init__(self, Board board, Balances balances, Accounts accounts):
        self.board = board
        self.balances = balances
        self.accounts = accounts

    cdef void show_balances(self) noexcept nogil:
        """Those that changed since the last time."""
        cdef BalancePayload payload
        cdef Balance *balance
        cdef uint64_t i, key
        for i in range(self.balances.unshown.count):
            if i + AHEAD < self.balances.unshown.count:
                key = changed_at(&self.balances.unshown, i + AHEAD).key
                self.board.expect_balance(<uint32_t> (key >> 32), <uint32_t> key)
            balance = balance_at(self.balances, changed_at(&self.balances.unshown, i).item)
            balance.flags &= ~BALANCE_UNSHOWN
            payload.account = balance.account
            payload.asset = balance.asset
            payload.free = balance.free
            payload.held = balance.held
            self.board.write_balance(&payload)
        self.balances.unshown.count = 0

    cdef void show_session(self, uint32_t session) noexcept nogil:
        """MsgSeqNum of its last sequenced command."""
        if session != 0 and session < MAX_SESSIONS:
            self.board.set_session_in(session, account_at(self.accounts, session).msg_seq_num)

    cdef void show_sessions(self) noexcept nogil:
        """Write every session's number that differs on the board: it is new, or an ended router left it unfinished."""
        cdef uint32_t session
        for session in range(1, MAX_SESSIONS):
            if self.board.session_in(session) != account_at(self.accounts, session).msg_seq_num:
                self.show_session(session)
