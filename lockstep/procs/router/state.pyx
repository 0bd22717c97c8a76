"""What the log has determined so far, for those who only look: the configuration's comparison, tools and tests.

Here nothing changes anything; the sequencer, which is this and the way to change it, does.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from lockstep.core.schema.records cimport *
from lockstep.procs.router.accounts cimport (
    ACCOUNT_ADMIN, ACCOUNT_AUDITOR, ACCOUNT_BLOCKED, ACCOUNT_OPERATOR, SESSION_BLOCKED, Account, account_at,
    is_account,
)
from lockstep.procs.router.ids cimport CLOSED_IDS


cdef class State:
    """Definitions by name, settings by number. Settings that were never given have nothing but zeros."""

    def __cinit__(self, uint32_t closed_ids=CLOSED_IDS):
        self.ledger = Ledger(closed_ids)
        self.administration = Administration(self.ledger)

    @property
    def assets(self) -> dict[bytes, tuple[int, int]]:
        """Number and scale of each asset, by its name."""
        return self.administration.assets

    @property
    def instruments(self) -> dict[bytes, int]:
        """Number of each instrument, by its symbol."""
        return self.administration.instruments

    @property
    def accounts(self) -> dict[bytes, int]:
        """Number of each account, by its owner's name."""
        return self.administration.identity.accounts

    @property
    def credentials(self) -> dict[int, bytes]:
        """Each account's EXT_CREDENTIAL record."""
        return self.administration.identity.credentials

    def instrument(self, uint32_t instrument) -> dict[str, object]:
        """A listed instrument's definition, by the names of its record's fields. KeyError if there is none such."""
        if not 0 < instrument <= self.ledger.instrument_count:
            raise KeyError(instrument)
        return self.ledger.listings[instrument].terms

    def is_delisted(self, uint32_t instrument) -> bool:
        """Whether a listed instrument was delisted, for ever."""
        return self.phase(instrument) == PHASE_DELISTED

    def phase(self, uint32_t instrument) -> int:
        """The phase that a command gave the instrument last; its matcher may have gone on from there."""
        if not 0 < instrument <= self.ledger.instrument_count:
            raise KeyError(instrument)
        return self.ledger.listings[instrument].phase

    def limits(self, uint32_t instrument) -> dict[str, object]:
        """An instrument's LIMITS, by the names of its record's fields."""
        cdef LimitsRecord limits
        cdef bytes record = self.administration.settings.record((CMD_LIMITS, instrument))
        memcpy(&limits, <const char *> record, RECORD_SIZE)
        return limits

    def schedule(self, uint32_t instrument) -> list[dict[str, int]]:
        """An instrument's schedule: `time_of_day_s`, `phase` and `days` of each entry."""
        return self.administration.schedule.entries(instrument)

    def account_limits(self, uint32_t account) -> dict[str, object]:
        """An account's ACCOUNT_LIMITS, by the names of its record's fields; the default where none was given."""
        cdef AccountLimitsRecord limits
        cdef bytes record = self.administration.settings.record((CMD_ACCOUNT_LIMITS, account))
        memcpy(&limits, <const char *> record, RECORD_SIZE)
        if self.is_account(account):
            limits.max_open_orders = account_at(self.ledger.accounts, account).max_open_orders
        return limits

    def position_limit(self, uint32_t account, uint32_t asset) -> int:
        """The most of an asset that an account may own; 0 if it has no limit."""
        cdef bytes record = self.administration.settings.record((CMD_POSITION_LIMIT, account, asset))
        return (<const PositionLimitRecord *> <const char *> record).max_units

    def fee_tier(self, uint8_t tier) -> tuple[int, int] | None:
        """Maker and taker rate of a tier in ppm; None if it was never given."""
        if not self.administration.tiers[tier].is_given:
            return None
        return self.administration.tiers[tier].maker_ppm, self.administration.tiers[tier].taker_ppm

    def is_operator(self, uint32_t account) -> bool:
        """Whether the account may give operators' commands."""
        return self.is_account(account) and bool(account_at(self.ledger.accounts, account).flags & ACCOUNT_OPERATOR)

    def role(self, uint32_t account) -> int:
        """The account's role; a trader's if there is no such account."""
        cdef int flags = account_at(self.ledger.accounts, account).flags if self.is_account(account) else 0
        if flags & ACCOUNT_ADMIN:
            return ROLE_ADMIN
        if flags & ACCOUNT_OPERATOR:
            return ROLE_OPERATOR
        return ROLE_AUDITOR if flags & ACCOUNT_AUDITOR else ROLE_TRADER

    @property
    def keys(self) -> dict[bytes, int]:
        """Number of each API key that was ever defined, by its name."""
        return self.administration.keys.names

    def key(self, uint32_t key) -> dict[str, int]:
        """`account`, `scopes`, `kind`, `expiry_ns`, `networks` and `is_revoked` of a key. KeyError."""
        return self.administration.keys.of(key)

    @property
    def sealed(self) -> dict[bytes, bytes]:
        """The sealed secret of each API key that has one and is not revoked, by the key's name."""
        found = {}
        for name, key in self.keys.items():
            records = self.administration.keys.materials.get(key)
            if records is not None and self.key(key)["kind"] == KEY_KIND_HMAC:
                found[name] = material_of(records[0])
        return found

    @property
    def factors(self) -> dict[int, tuple[bytes, bytes]]:
        """Each account's second factor: its sealed secret, and the hashes of ten recovery codes."""
        return self.administration.identity.factors.by_account

    @property
    def password_resets(self) -> dict[int, tuple[int, int, int, bytes, int, bool]]:
        """The reset that was proposed of each account's password, if it is not used: see PasswordResets."""
        return self.administration.identity.resets.by_account

    @property
    def proposals(self) -> dict[int, tuple[int, tuple[int, int, int, int]]]:
        """Commands that wait for a second person: see Proposals."""
        return self.administration.proposals.waiting

    @property
    def registration(self) -> int:
        """Who may register: a RegistrationMode."""
        return self.administration.identity.registration

    def welcome(self, uint32_t asset) -> int:
        """What of an asset the venue may deposit for each account that has registered."""
        cdef bytes record = self.administration.settings.record((CMD_WELCOME, asset))
        return (<const WelcomeRecord *> <const char *> record).amount

    def deposit_limit(self, uint32_t asset) -> int:
        """The most of an asset that one operator deposits alone in a day."""
        return self.administration.deposit_limit(asset)

    def cancel_after(self, uint32_t account) -> int:
        """At which log time the account's orders are cancelled unless it asks again; 0: not at all."""
        return self.administration.cancel_after.due[account] if self.is_account(account) else 0

    def is_blocked(self, uint32_t account) -> bool:
        """Whether a kill switch of the account, or of the session with its number, is on."""
        cdef int blocks = ACCOUNT_BLOCKED | SESSION_BLOCKED
        return self.is_account(account) and bool(account_at(self.ledger.accounts, account).flags & blocks)

    def is_account(self, uint32_t account) -> bool:
        """Whether an account is defined."""
        return is_account(self.ledger.accounts, account)

    def digests(self) -> dict[str, int]:
        """A digest of each table, by its name. Like `state_hash`, to be compared at settled points only."""
        return self.ledger.digests() | {"settings": self.administration.digest()}

    def session_in(self, uint32_t session) -> int:
        """MsgSeqNum of the session's last sequenced command."""
        return account_at(self.ledger.accounts, session).msg_seq_num

    def reservation(self, uint32_t session) -> tuple[int, int, int]:
        """Of the session's outbound numbers: their generation, which come next at least, and below which they stay."""
        cdef const Account *line = account_at(self.ledger.accounts, session)
        return line.generation, line.first, line.end


cdef bytes material_of(bytes extension):
    """What an EXT_KEY_MATERIAL record has."""
    cdef const ExtKeyMaterialRecord *record = <const ExtKeyMaterialRecord *> <const char *> extension
    return (<const char *> record.material)[:record.size]
