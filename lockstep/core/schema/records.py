"""The one schema of every record that Lockstep's processes pass, journal and publish.

It gathers the other modules of `schema` under one name and says which type number means which Struct; it never reads
memory or does I/O (`schema.layout` derives the bytes).
"""

from __future__ import annotations

from enum import IntEnum

from lockstep.core.schema.commands import *
from lockstep.core.schema.enums import *
from lockstep.core.schema.events import *
from lockstep.core.schema.fields import *
from lockstep.core.schema.identity import *
from lockstep.core.schema.money import *

COMMANDS: dict[CommandType, type[Command]] = {
    CommandType.NEW_ORDER: NewOrder,
    CommandType.CANCEL: Cancel,
    CommandType.REPLACE: Replace,
    CommandType.DEPOSIT: Deposit,
    CommandType.ASSET: Asset,
    CommandType.INSTRUMENT: Instrument,
    CommandType.ACCOUNT: Account,
    CommandType.SESSION: Session,
    CommandType.TICK: Tick,
    CommandType.MARKER: Marker,
    CommandType.EPOCH: Epoch,
    CommandType.EXT_CLIENT_ID: ExtClientId,
    CommandType.EXT_CREDENTIAL: ExtCredential,
    CommandType.MASS_CANCEL: MassCancel,
    CommandType.KILL_SWITCH: KillSwitch,
    CommandType.PHASE: PhaseChange,
    CommandType.SCHEDULE: Schedule,
    CommandType.LIMITS: Limits,
    CommandType.ACCOUNT_LIMITS: AccountLimits,
    CommandType.POSITION_LIMIT: PositionLimit,
    CommandType.FEE_TIER: FeeTier,
    CommandType.WITHDRAWAL: Withdrawal,
    CommandType.ADJUSTMENT: Adjustment,
    CommandType.CORRECTION: Correction,
    CommandType.ACTIVATE: Activate,
    CommandType.SNAPSHOT: Snapshot,
    CommandType.CORRECTION_PROPOSAL: CorrectionProposal,
    CommandType.RESERVATION: Reservation,
    CommandType.EXT_TERMS: ExtTerms,
    CommandType.EXT_LEG: ExtLeg,
    CommandType.API_KEY: ApiKey,
    CommandType.KEY_REVOCATION: KeyRevocation,
    CommandType.REGISTRATION: Registration,
    CommandType.WELCOME: Welcome,
    CommandType.SECOND_FACTOR: SecondFactor,
    CommandType.FACTOR_USE: FactorUse,
    CommandType.WITHDRAWAL_REQUEST: WithdrawalRequest,
    CommandType.WITHDRAWAL_DECISION: WithdrawalDecision,
    CommandType.DEPOSIT_LIMIT: DepositLimit,
    CommandType.CANCEL_AFTER: CancelAfter,
    CommandType.PASSWORD_RESET: PasswordReset,
    CommandType.DISMISSAL: Dismissal,
    CommandType.EXT_KEY_MATERIAL: ExtKeyMaterial,
    CommandType.EXT_ADDRESSES: ExtAddresses,
    CommandType.EXT_RECOVERY: ExtRecovery,
    CommandType.EXT_DESTINATION: ExtDestination,
    CommandType.EXT_LIST_NAME: ExtListName,
}

EVENTS: dict[EventType, type[Event]] = {
    EventType.ACCEPTED: Accepted,
    EventType.REJECTED: Rejected,
    EventType.TRADED: Traded,
    EventType.CANCELLED: Cancelled,
    EventType.REPLACED: Replaced,
    EventType.BALANCE: Balance,
    EventType.ASSET_DEFINED: AssetDefined,
    EventType.INSTRUMENT_DEFINED: InstrumentDefined,
    EventType.ACCOUNT_DEFINED: AccountDefined,
    EventType.EPOCH_BEGUN: EpochBegun,
    EventType.EXT_CLIENT_ID: ExtClientIdEvent,
    EventType.EXT_CREDENTIAL: ExtCredentialEvent,
    EventType.TRIGGERED: Triggered,
    EventType.RESTATED: Restated,
    EventType.SHOWN: Shown,
    EventType.PHASE_CHANGED: PhaseChanged,
    EventType.INDICATIVE: Indicative,
    EventType.CONFIRMED: Confirmed,
    EventType.CORRECTED: Corrected,
    EventType.SNAPSHOT: SnapshotTaken,
    EventType.RESERVED: Reserved,
    EventType.EXT_TERMS: ExtTermsEvent,
    EventType.SETTLED: Settled,
    EventType.KEY_DEFINED: KeyDefined,
    EventType.KEY_REVOKED: KeyRevoked,
    EventType.FACTOR_DEFINED: FactorDefined,
    EventType.FACTOR_USED: FactorUsed,
    EventType.WITHDRAWAL: WithdrawalChanged,
    EventType.PASSWORD_RESET: PasswordResetChanged,
    EventType.PREVENTED: Prevented,
    EventType.EXT_KEY_MATERIAL: ExtKeyMaterialEvent,
    EventType.EXT_ADDRESSES: ExtAddressesEvent,
    EventType.EXT_RECOVERY: ExtRecoveryEvent,
    EventType.EXT_DESTINATION: ExtDestinationEvent,
    EventType.EXT_LIST_NAME: ExtListNameEvent,
}

ENUMS: tuple[type[IntEnum], ...] = (
    CommandType, EventType, EventFlag, Side, OrderType, TimeInForce, SelfTrade, OrderFlag, ListKind, Phase, PhaseReason,
    BandAction, OrderState, TriggerReason, RestateReason, TradeFlag, KillScope, Role, KeyKind, KeyScope,
    RegistrationMode, DepositFlag, WithdrawalStep, WithdrawalState, CancelReason, Code,
)  # fmt: skip
