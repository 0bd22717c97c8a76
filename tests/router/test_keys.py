"""API keys, roles and second factors: what the router decides from the log, whichever ring asks."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec import structs

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    Account,
    AccountDefined,
    ApiKey,
    Balance,
    Cancel,
    Code,
    Command,
    Confirmed,
    Deposit,
    Event,
    EventFlag,
    ExtAddresses,
    ExtAddressesEvent,
    ExtCredential,
    ExtKeyMaterial,
    ExtKeyMaterialEvent,
    ExtRecovery,
    FactorDefined,
    FactorUse,
    FactorUsed,
    KeyDefined,
    KeyKind,
    KeyRevocation,
    KeyRevoked,
    KeyScope,
    KillScope,
    KillSwitch,
    MassCancel,
    NewOrder,
    Registration,
    RegistrationMode,
    Rejected,
    Replaced,
    Role,
    SecondFactor,
    Settled,
    Snapshot,
    Welcome,
    Withdrawal,
)
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.router.sequencer import Sequencer
from tests.compiled import session_in
from tests.router.requests import cancel, order, replace
from tests.router.rig import ACCOUNTS, FREE, OPERATORS, Rig, account_records, changes
from tests.router.test_snapshot import played, start_at

ADMIN, AUDITOR, OTHER_ADMIN = (OPERATORS[-1] + number for number in (1, 2, 3))
TRADING = KeyScope.READ | KeyScope.TRADE
SECOND_NS = 10**9


def with_roles(core: Sequencer) -> Any:
    """The rig's accounts, two admins and an auditor, and registration is open."""
    if core.assets:
        return
    yield from changes(core)
    yield account_records(ADMIN, role=Role.ADMIN)
    yield account_records(AUDITOR, role=Role.AUDITOR)
    yield account_records(OTHER_ADMIN, role=Role.ADMIN)
    yield [pack(Registration(cl_ord_id=b"", mode=RegistrationMode.OPEN))]
    yield [pack(Welcome(cl_ord_id=b"", asset=3, amount=500))]


@pytest.fixture
def rig() -> Rig:
    return Rig(changes=with_roles, api=True).lead()


def by_api(record: Command, key: int = 0, account: int | None = None) -> Any:
    """The record as the api sends it."""
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    fields["session"] = API_SESSION + key
    if account is not None:
        fields["account"] = account
    return type(record)(**fields)


def key_of(
    account: int, name: str, asks: int | None = None, scopes: int = TRADING, expiry_ns: int = 0, networks: int = 0,
    **changed: Any,
) -> list[Any]:  # fmt: skip
    asks = account if asks is None else asks
    material: dict[str, Any] = {"material": b"m" * 32, "size": 32}
    material |= {name: changed.pop(name) for name in ("material", "size") if name in changed}
    fields: dict[str, Any] = {
        "target": account, "kind": KeyKind.ED25519, "scopes": scopes, "expiry_ns": expiry_ns, "networks": networks
    }  # fmt: skip
    records: list[Command] = [
        ExtAddresses(addresses=bytes([first]) * 64, prefixes=b"\x80" * 4, count=min(4, networks - first))
        for first in range(0, networks, 4)
    ]
    records += [ExtKeyMaterial(**material), ApiKey(name=name.encode(), **(fields | changed))]
    return [by_api(record, 0, asks) for record in records]


def asked(rig: Rig, *records: Command) -> Code:
    return Code(rig.ask_by_api(*records))


def told(rig: Rig, kind: type[Event]) -> list[Any]:
    return [event for event in rig.outcomes(0) if type(event) is kind]


def defined(rig: Rig, account: int, name: str, **terms: Any) -> int:
    assert asked(rig, *key_of(account, name, **terms)) == Code.OK
    return int(told(rig, KeyDefined)[-1].key)


def by_two(rig: Rig, proposer: int, approver: int, role: int, target: int = 2) -> list[Any]:
    """The approval of a role that another one proposes here."""
    assert asked(rig, *account_group(b"T%d" % target, proposer, target=target, role=role)) == Code.SECOND_NEEDED
    credential, made = account_group(b"T%d" % target, approver, target=target, role=role)
    return [credential, structs.replace(made, proposal=len(rig.log))]


def revoke(name: str, asks: int) -> KeyRevocation:
    return KeyRevocation(name=name.encode(), account=asks, session=API_SESSION)


def test_a_key_is_told_with_all_that_checks_requests_and_has_the_next_number(rig: Rig) -> None:
    assert defined(rig, 1, "first") == 1
    assert defined(rig, 2, "second", networks=6, expiry_ns=rig.now + 10**12, scopes=KeyScope.READ) == 2
    first, second = told(rig, KeyDefined)
    assert (first.name, first.account, first.kind, first.scopes) == (b"first", 1, KeyKind.ED25519, TRADING)
    assert (second.account, second.asked_by, second.session, second.networks) == (2, 2, API_SESSION, 6)
    events = rig.outcomes(0)
    before = events[events.index(second) - 3 : events.index(second)]
    assert [type(event) for event in before] == [ExtAddressesEvent, ExtAddressesEvent, ExtKeyMaterialEvent]
    assert [event.count for event in before[:2]] == [4, 2]  # type: ignore[attr-defined]
    assert before[2].material == b"m" * 32 + bytes(32)  # type: ignore[attr-defined]
    between = events[events.index(first) - 1]
    assert type(between) is ExtKeyMaterialEvent
    assert rig.core.keys == {b"first": 1, b"second": 2}


def test_an_order_needs_a_living_key_of_its_account_that_may_trade(rig: Rig) -> None:
    key = defined(rig, 1, "trades")
    reads = defined(rig, 1, "reads", scopes=KeyScope.READ)
    brief = defined(rig, 1, "brief", expiry_ns=rig.now + SECOND_NS)
    assert asked(rig, by_api(order(1, "a"), key)) == Code.OK
    assert asked(rig, by_api(order(1, "b"), reads)) == Code.KEY_SCOPE
    assert asked(rig, by_api(order(2, "c"), key)) == Code.KEY_UNKNOWN
    assert asked(rig, by_api(order(1, "d"), 77)) == Code.KEY_UNKNOWN
    assert asked(rig, by_api(order(1, "e"), brief)) == Code.OK
    rig.now += 2 * SECOND_NS
    assert asked(rig, by_api(order(1, "f", time_ns=rig.now), brief)) == Code.KEY_EXPIRED
    assert asked(rig, revoke("trades", 1)) == Code.OK
    assert asked(rig, by_api(order(1, "g", time_ns=rig.now), key)) == Code.KEY_REVOKED
    assert asked(rig, by_api(order(1, "h", time_ns=rig.now))) == Code.OK  # a person, not a key
    for text in ("b", "d", "f", "g"):
        assert rig.core.knows_id(1, text.encode()), "a refused id counts as closed (LOG-6)"
        assert asked(rig, by_api(order(1, text, time_ns=rig.now))) == Code.DUPLICATE_CLIENT_ID


def test_whatever_changes_orders_needs_the_scope(rig: Rig) -> None:
    reads = defined(rig, 1, "reads", scopes=KeyScope.READ)
    assert asked(rig, by_api(order(1, "a"))) == Code.OK
    requests: list[tuple[Command, ...]] = [
        tuple(by_api(each, reads) for each in cancel(1, "c", "a")),
        tuple(by_api(each, reads) for each in replace(1, "r", "a", 99, 4)),
        (by_api(MassCancel(account=1, cl_ord_id=b"m", instrument=0, target=1), reads),),
        (by_api(KillSwitch(account=1, cl_ord_id=b"k", target=1, scope=KillScope.ACCOUNT, is_on=1), reads),),
        (by_api(Withdrawal(account=1, cl_ord_id=b"w", asset=1, amount=1), reads),),
        tuple(by_api(each, reads) for each in key_of(1, "another")),
        (by_api(revoke("reads", 1), reads),),
    ]
    for request in requests:
        assert asked(rig, *request) == Code.KEY_SCOPE
    assert not rig.core.is_blocked(1)
    trades = defined(rig, 1, "trades")
    assert asked(rig, *key_of(1, "minted")[:-1], by_api(key_of(1, "minted")[-1], trades)) == Code.KEY_SCOPE
    for request in requests[:2]:
        assert asked(rig, *(by_api(each, trades) for each in request)) == Code.DUPLICATE_CLIENT_ID
    assert asked(rig, *(by_api(each, trades) for each in cancel(1, "c2", "a"))) == Code.OK


def test_a_name_is_used_once_and_for_ever(rig: Rig) -> None:
    defined(rig, 1, "mine")
    assert asked(rig, *key_of(2, "mine")) == Code.NAME_USED
    assert asked(rig, revoke("mine", 1)) == Code.OK
    assert asked(rig, *key_of(1, "mine")) == Code.NAME_USED
    refused = told(rig, Rejected)[-1]
    assert (refused.cl_ord_id, refused.account, refused.session) == (b"mine", 1, API_SESSION)
    assert asked(rig, revoke("mine", 1)) == Code.KEY_REVOKED
    assert [event.key for event in told(rig, KeyRevoked)] == [1]


def test_an_account_has_so_many_keys_and_no_more(rig: Rig) -> None:
    for number in range(64):
        defined(rig, 1, f"k{number}")
    assert asked(rig, *key_of(1, "k64")) == Code.TOO_MANY_KEYS
    assert asked(rig, *key_of(2, "k64")) == Code.OK
    assert asked(rig, revoke("k7", 1)) == Code.OK
    assert asked(rig, *key_of(1, "k65")) == Code.OK


@pytest.mark.parametrize("wrong", [
    {"scopes": 0}, {"scopes": 8}, {"kind": 0}, {"kind": KeyKind.RSA}, {"kind": 4},
    {"more_materials": 1}, {"more_materials": 255},
    {"size": 31}, {"kind": KeyKind.HMAC, "size": 16},
    {"size": 65}, {"expiry_ns": 1}, {"networks": 9},
])  # fmt: skip
def test_half_a_key_is_none(rig: Rig, wrong: dict[str, int]) -> None:
    assert asked(rig, *key_of(1, "odd", **wrong)) == Code.INVALID_DEFINITION
    assert rig.core.keys == {}


def rsa_key(name: str, sizes: list[int], networks: int = 0) -> list[Any]:
    """A key whose modulus comes in parts of these sizes."""
    *addresses, _, definition = key_of(1, name, networks=networks)
    parts = [ExtKeyMaterial(material=bytes([at + 1]) * min(size, 64), size=size) for at, size in enumerate(sizes)]
    definition = structs.replace(definition, kind=KeyKind.RSA, more_materials=max(0, len(parts) - 1))
    return [*addresses, *(by_api(part, 0, 1) for part in parts), definition]


@pytest.mark.parametrize("networks", [0, 8])
@pytest.mark.parametrize("size", [256, 257, 320, 384, 512])
def test_an_rsa_keys_modulus_comes_in_parts(rig: Rig, size: int, networks: int) -> None:
    """2048 to 4096 bits; the events repeat the parts in their order, right before the key's own."""
    sizes = [min(64, size - at) for at in range(0, size, 64)]
    assert asked(rig, *rsa_key("rsa", sizes, networks)) == Code.OK
    told_of = [event for event in rig.outcomes(0) if isinstance(event, ExtAddressesEvent | ExtKeyMaterialEvent)]
    kinds = [ExtAddressesEvent] * (networks // 4) + [ExtKeyMaterialEvent] * len(sizes)
    assert [type(event) for event in told_of] == kinds
    parts = [event.material[: event.size] for event in told_of if isinstance(event, ExtKeyMaterialEvent)]
    assert parts == [bytes([at + 1]) * each for at, each in enumerate(sizes)]
    assert told(rig, KeyDefined)[-1].kind == KeyKind.RSA
    assert asked(rig, *key_of(1, "next")) == Code.OK


@pytest.mark.parametrize("sizes", [
    [64] * 3, [64] * 3 + [63], [64] * 8 + [1], [64, 64, 64, 0], [64, 64, 63, 64, 64], [32] * 8, [65, 64, 64, 64], [],
])  # fmt: skip
def test_a_modulus_of_another_size_is_none(rig: Rig, sizes: list[int]) -> None:
    assert asked(rig, *rsa_key("odd", sizes)) == Code.INVALID_DEFINITION
    assert rig.core.keys == {}


def test_a_modulus_that_lacks_a_part_is_none(rig: Rig) -> None:
    records = rsa_key("odd", [64] * 5, networks=3)
    for missing in range(len(records) - 1):
        assert asked(rig, *records[:missing], *records[missing + 1 :]) == Code.INVALID_DEFINITION
    assert asked(rig, *records) == Code.OK


@pytest.mark.parametrize("name", ["", "two words", "gr\u00fcn", "a/b", "x\n"])
def test_a_name_is_what_a_header_can_have(rig: Rig, name: str) -> None:
    assert asked(rig, *key_of(1, name)) == Code.INVALID_DEFINITION


def test_a_key_without_its_extensions_is_none(rig: Rig) -> None:
    addresses, material, definition = key_of(1, "odd", networks=3)
    assert asked(rig, definition) == Code.INVALID_DEFINITION
    assert asked(rig, material, definition) == Code.INVALID_DEFINITION
    assert asked(rig, material, addresses, definition) == Code.INVALID_DEFINITION
    assert asked(rig, addresses, material, definition) == Code.OK


def test_others_keys_are_an_admins_business(rig: Rig) -> None:
    defined(rig, 1, "mine")
    for other in (2, OPERATORS[0], AUDITOR):
        assert asked(rig, *key_of(1, "theirs", asks=other)) == Code.ROLE_NOT_ALLOWED
        assert asked(rig, revoke("mine", other)) == Code.KEY_UNKNOWN
    assert asked(rig, *key_of(1, "given", asks=ADMIN)) == Code.ROLE_NOT_ALLOWED, "not even his: it would be a way in"
    assert asked(rig, revoke("mine", ADMIN)) == Code.OK
    assert told(rig, KeyRevoked)[-1].account == 1


def account_group(name: bytes, asks: int, target: int = 0, role: int = Role.TRADER) -> list[Any]:
    credential = ExtCredential(salt=b"n" * 16, hash=b"n" * 32, memory_kib=8, time_cost=1, parallelism=1)
    return [by_api(each, 0, asks) for each in (credential, Account(name=name, target=target, role=role))]


def test_a_registration_defines_the_next_account_a_trader(rig: Rig) -> None:
    assert asked(rig, *account_group(b"NEW", 0)) == Code.OK
    number = OTHER_ADMIN + 1
    assert told(rig, AccountDefined)[-1].account == number == rig.core.accounts[b"NEW"]
    assert asked(rig, *account_group(b"NEW", 0)) == Code.NAME_USED
    assert asked(rig, *account_group(b"CHIEF", 0, role=Role.ADMIN)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *account_group(b"T1", 0, target=1)) == Code.RESET_UNKNOWN
    welcome = Deposit(asset=3, amount=500, cl_ord_id=b"welcome:3", target=number)
    assert asked(rig, by_api(Deposit(asset=3, amount=501, cl_ord_id=b"more", target=number))) == Code.ALREADY_WELCOMED
    assert asked(rig, by_api(Deposit(asset=2, amount=1, cl_ord_id=b"other", target=number))) == Code.ALREADY_WELCOMED
    assert asked(rig, by_api(welcome)) == Code.OK
    assert (told(rig, Balance)[-1].account, told(rig, Balance)[-1].free) == (number, 500)
    again = Deposit(asset=3, amount=500, cl_ord_id=b"again", target=number)
    assert asked(rig, by_api(again)) == Code.ALREADY_WELCOMED
    assert asked(rig, by_api(Deposit(asset=3, amount=5, cl_ord_id=b"x", target=1))) == Code.NOT_AN_OPERATOR
    assert asked(rig, by_api(order(number, "o", price_ticks=1, quantity_lots=1))) == Code.OK
    repeated = Rig(rig.log, changes=with_roles, api=True).lead()
    assert repeated.core.digests() == rig.core.digests(), "the number is stamped, and a replay decides the same"


def test_who_may_register_is_in_the_log(rig: Rig) -> None:
    def setting(mode: int, asks: int) -> Registration:
        return by_api(Registration(cl_ord_id=b"m%d:%d" % (mode, asks), mode=mode, account=asks))  # type: ignore[no-any-return]

    assert asked(rig, setting(RegistrationMode.CLOSED, OPERATORS[0])) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, setting(RegistrationMode.CLOSED, ADMIN)) == Code.OK
    assert told(rig, Confirmed)[-1].is_on == RegistrationMode.CLOSED
    assert asked(rig, *account_group(b"NEW", 0)) == Code.REGISTRATION_CLOSED
    assert asked(rig, setting(RegistrationMode.APPROVAL, ADMIN)) == Code.SECOND_NEEDED, "there is a welcome"
    approval = structs.replace(setting(RegistrationMode.APPROVAL, OTHER_ADMIN), proposal=len(rig.log))
    assert asked(rig, *account_group(b"NEW", 0)) == Code.REGISTRATION_CLOSED
    assert asked(rig, structs.replace(approval, proposal=approval.proposal - 2)) == Code.UNKNOWN_PROPOSAL
    assert asked(rig, structs.replace(approval, cl_ord_id=b"yes")) == Code.OK
    assert asked(rig, *account_group(b"NEW", 0)) == Code.OK
    number = rig.core.accounts[b"NEW"]
    assert rig.core.is_blocked(number)
    lift = KillSwitch(account=OPERATORS[0], cl_ord_id=b"lift", target=number, scope=KillScope.ACCOUNT, is_on=0)
    own = KillSwitch(account=number, cl_ord_id=b"lift", target=number, scope=KillScope.ACCOUNT, is_on=0)
    assert asked(rig, by_api(own)) == Code.NOT_AN_OPERATOR
    assert asked(rig, by_api(lift)) == Code.OK
    assert not rig.core.is_blocked(number)
    assert asked(rig, setting(3, ADMIN)) == Code.INVALID_DEFINITION


def test_what_a_role_allows_is_decided_whichever_ring_asks(rig: Rig) -> None:
    assert asked(rig, *account_group(b"T1", 1, target=1)) == Code.OK, "everybody's own password"
    assert asked(rig, *account_group(b"T2", 1, target=2)) == Code.NOT_AN_OPERATOR
    assert asked(rig, *account_group(b"T1", 1, target=1, role=Role.OPERATOR)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *account_group(b"T99", 1, target=1)) == Code.INVALID_DEFINITION, "another name"
    assert asked(rig, *account_group(b"MORE", 1)) == Code.NOT_AN_OPERATOR
    assert asked(rig, *account_group(b"T2", 2, target=2)) == Code.OK
    assert asked(rig, *account_group(b"T2", OPERATORS[0], target=2)) == Code.OK, "what it is already"
    assert asked(rig, *by_two(rig, *OPERATORS, role=Role.AUDITOR)) == Code.OK
    for role in (Role.OPERATOR, Role.ADMIN):
        assert asked(rig, *account_group(b"T2", OPERATORS[0], target=2, role=role)) == Code.ROLE_NOT_ALLOWED
        assert asked(rig, *account_group(b"HELPER", OPERATORS[0], role=role)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *account_group(b"T%d" % ADMIN, OPERATORS[0], target=ADMIN)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *by_two(rig, ADMIN, OTHER_ADMIN, role=Role.ADMIN)) == Code.OK
    assert rig.core.role(2) == Role.ADMIN
    assert rig.core.is_operator(2)
    assert asked(rig, *by_two(rig, ADMIN, OTHER_ADMIN, role=Role.AUDITOR)) == Code.OK
    assert (rig.core.role(2), rig.core.is_operator(2)) == (Role.AUDITOR, False)
    halt = MassCancel(cl_ord_id=b"all", instrument=0, target=0, account=3)
    assert asked(rig, by_api(halt)) == Code.NOT_AN_OPERATOR
    assert asked(rig, by_api(halt, account=OPERATORS[0])) == Code.OK
    deposit = Deposit(account=OPERATORS[0], asset=1, amount=7, cl_ord_id=b"d", target=3)
    assert asked(rig, by_api(deposit)) == Code.OK
    assert rig.core.ledger.balance(3, 1) == (FREE + 7, 0)
    assert asked(rig, by_api(deposit, account=4)) == Code.NOT_AN_OPERATOR
    assert asked(rig, by_api(Deposit(account=OPERATORS[0], asset=1, amount=7, cl_ord_id=b"e", target=999))) == (
        Code.UNKNOWN_ACCOUNT
    )
    assert asked(rig, by_api(Withdrawal(account=4, asset=1, amount=7, cl_ord_id=b"w", target=3))) == (
        Code.NOT_AN_OPERATOR
    )
    # What an account wants paid out, it requests (WITHDRAWAL_REQUEST): at once, it is an operator's to book.
    assert asked(rig, by_api(Withdrawal(account=4, asset=1, amount=7, cl_ord_id=b"w2"))) == Code.NOT_AN_OPERATOR
    booked = Withdrawal(account=OPERATORS[0], asset=1, amount=7, cl_ord_id=b"w3", target=4)
    assert asked(rig, by_api(booked)) == Code.SECOND_NEEDED
    again = structs.replace(booked, account=OPERATORS[1], cl_ord_id=b"w4", proposal=len(rig.log))
    assert asked(rig, by_api(again)) == Code.OK
    assert rig.core.ledger.balance(4, 1) == (FREE - 7, 0)


def test_an_auditor_only_reads(rig: Rig) -> None:
    assert asked(rig, by_api(order(AUDITOR, "o"))) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *key_of(AUDITOR, "trades")) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *key_of(AUDITOR, "reads", scopes=KeyScope.READ)) == Code.OK
    assert asked(rig, by_api(MassCancel(cl_ord_id=b"all", instrument=0, target=0, account=AUDITOR))) == (
        Code.NOT_AN_OPERATOR
    )


def test_no_session_of_the_api_moves_a_fix_sessions_numbers(rig: Rig) -> None:
    """LOG-31."""
    rig.send(order(1, "fix", msg_seq_num=7))
    rig.run()
    key = defined(rig, 1, "trades")
    assert asked(rig, by_api(order(1, "api"), key)) == Code.OK
    assert asked(rig, by_api(MassCancel(account=1, cl_ord_id=b"m", instrument=0, target=1), key)) == Code.OK
    assert rig.core.session_in(1) == 7
    assert session_in(rig.board, 1) == 7
    # Only its own ring's commands are the api's.
    rig.send(by_api(order(1, "smuggled"), key))
    rig.run()
    assert told(rig, Rejected)[-1].code == Code.UNKNOWN_ACCOUNT


def factor(account: int, asks: int, size: int = 40) -> list[Any]:
    codes = [ExtRecovery(hashes=b"r" * 70, count=5), ExtRecovery(hashes=b"s" * 70, count=5)]
    return [by_api(each, 0, asks) for each in (*codes, SecondFactor(target=account, size=size, secret=b"t" * 64))]


def use(account: int, step: int = 0, code: int = 0, request: bytes = b"r") -> FactorUse:
    return FactorUse(account=account, session=API_SESSION, request=request, step=step, code=code)


def test_a_step_and_a_recovery_code_count_once(rig: Rig) -> None:
    """LOG-30."""
    assert asked(rig, use(1, step=100)) == Code.FACTOR_UNKNOWN
    assert asked(rig, *factor(1, 1)[2:]) == Code.INVALID_DEFINITION
    assert asked(rig, *factor(1, 2)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *factor(1, ADMIN)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *factor(1, 1)) == Code.OK
    assert told(rig, FactorDefined)[-1].secret == b"t" * 40 + bytes(24)
    assert rig.core.factors[1] == (b"t" * 40, b"r" * 70 + b"s" * 70)
    assert asked(rig, use(1, step=100)) == Code.OK
    for step in (100, 99):
        assert asked(rig, use(1, step=step, request=b"again")) == Code.FACTOR_USED
    assert told(rig, Rejected)[-1].cl_ord_id == b"again"
    assert asked(rig, use(1, step=101)) == Code.OK
    assert asked(rig, use(1, code=3)) == Code.OK
    assert asked(rig, use(1, code=3)) == Code.FACTOR_USED
    for wrong in (use(1, code=11), use(1), use(1, step=500, code=2)):
        assert asked(rig, wrong) == Code.FACTOR_UNKNOWN
    assert [(event.step, event.code) for event in told(rig, FactorUsed)] == [(100, 0), (101, 0), (0, 3)]
    assert asked(rig, by_api(SecondFactor(target=1, size=0, account=ADMIN))) == Code.OK
    assert asked(rig, use(1, step=200)) == Code.FACTOR_UNKNOWN


def test_it_is_told_when_all_balances_are_announced(rig: Rig) -> None:
    """At most once for each announcement, and not where nothing has changed."""
    rig.tick()
    count = len(told(rig, Settled))
    rig.tick()
    assert len(told(rig, Settled)) == count, "nothing has changed"
    rig.send(order(1, "a", side=1), order(2, "b", side=2))
    rig.run()
    rig.now += 20_000_000
    rig.run()
    settled = told(rig, Settled)
    assert len(settled) > count
    trades = [event.number for event in rig.outcomes(1)]
    assert settled[-1].event_numbers[0] == trades[-1]
    events = rig.outcomes(0)
    last = max(at for at, event in enumerate(events) if type(event) is Balance)
    assert last < events.index(settled[-1])
    known = {(event.account, event.asset): (event.free, event.held) for event in events if type(event) is Balance}
    for account in range(1, ACCOUNTS + 1):
        for asset in (1, 2, 3):
            assert known[account, asset] == rig.core.ledger.balance(account, asset)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_signed_by_a_key_is_accepted_after_its_revocation(seed: int) -> None:
    """LOG-30: orders, revocations and expiries in any order, polled in any order; and a replay comes to the same."""
    rig = Rig(changes=with_roles, api=True, seed=seed).lead()
    draw = random.Random(seed)
    names: dict[str, int] = {}
    for number in range(300):
        account = draw.randint(1, ACCOUNTS)
        chance = draw.random()
        time_ns = rig.now
        if chance < 0.1:
            expiry = rig.now + draw.choice((1_000_000, 5_000_000)) if draw.random() < 0.5 else 0
            name = f"key{number}"
            names[name] = account
            scopes = draw.choice((TRADING, TRADING, KeyScope.READ))
            group = key_of(account, name, expiry_ns=expiry, scopes=scopes)
        elif chance < 0.16 and names:
            name = draw.choice(list(names))
            group = [revoke(name, names[name])]
        elif chance < 0.2:
            rig.now += draw.choice((100_000, 2_000_000))
            continue
        else:
            key = draw.randint(0, len(names) + 1)
            made: list[Command] = [order(account, f"o{number}", price_ticks=draw.randint(95, 105))]
            if chance > 0.8:
                made = cancel(account, f"c{number}", f"o{draw.randint(0, number)}")
            elif chance > 0.7:
                made = replace(account, f"r{number}", f"o{draw.randint(0, number)}", 99, 4)
            group = [by_api(each, key) for each in made]
        rig.send_by_api(*(type(each)(**{**fields_of(each), "time_ns": time_ns}) for each in group))
        if draw.random() < 0.4:
            rig.step()
    rig.run()
    keys: dict[int, ApiKey] = {}
    revoked: set[int] = set()
    verdicts = set()
    for record in rig.commands():
        verdict = getattr(record, "verdict", 0)
        if isinstance(record, ApiKey) and verdict == Code.OK:
            keys[record.key] = record
        elif isinstance(record, KeyRevocation) and verdict == Code.OK:
            revoked.add(record.key)
        elif isinstance(record, NewOrder | Cancel) and record.session > API_SESSION:
            verdicts.add(Code(verdict))
            known = keys.get(record.session - API_SESSION)
            if verdict == Code.OK:
                assert known is not None
                assert known.target == record.account
                assert known.key not in revoked
                assert known.scopes & KeyScope.TRADE
                assert known.expiry_ns == 0 or record.time_ns < known.expiry_ns
    assert verdicts >= {Code.OK, Code.KEY_UNKNOWN, Code.KEY_REVOKED, Code.KEY_SCOPE, Code.KEY_EXPIRED}
    again = Rig(rig.log, changes=with_roles, api=True).lead()
    assert again.log[: len(rig.log)] == rig.log
    assert again.core.digests()["settings"] == rig.core.digests()["settings"]


def fields_of(record: Command) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_a_start_from_a_snapshot_knows_keys_roles_and_used_codes() -> None:
    snapshots = Kept()
    rig = Rig(changes=with_roles, api=True, snapshots=snapshots).lead()
    key = defined(rig, 1, "mine", networks=5)
    defined(rig, 2, "gone")
    for request in ([revoke("gone", 2)], factor(1, 1), [use(1, step=100)], [use(1, code=3)], account_group(b"NEW", 0)):
        assert asked(rig, *request) == Code.OK
    rig.ask_snapshot()
    rig.run()
    (mark,) = (record for record in rig.commands() if isinstance(record, Snapshot))
    assert asked(rig, by_api(order(1, "behind"), key)) == Code.OK
    rig.tick()
    later = Rig(
        rig.log[mark.seq :], changes=with_roles, api=True, snapshots=snapshots, start=start_at(mark), played=played(rig)
    ).lead()
    assert later.core.digests()["settings"] == rig.core.digests()["settings"]
    number = rig.core.accounts[b"NEW"]
    assert asked(later, *key_of(2, "gone")) == Code.NAME_USED
    assert asked(later, *key_of(2, "next")) == Code.OK
    assert told(later, KeyDefined)[-1].key == 3
    assert asked(later, use(1, step=100)) == asked(later, use(1, code=3)) == Code.FACTOR_USED
    assert asked(later, by_api(order(1, "after"), key)) == Code.OK
    assert later.core.role(ADMIN) == Role.ADMIN
    assert asked(later, by_api(Deposit(asset=3, amount=500, cl_ord_id=b"w", target=number))) == Code.OK


def test_a_replaced_order_says_whether_the_api_asked(rig: Rig) -> None:
    assert asked(rig, by_api(order(1, "a"))) == Code.OK
    assert asked(rig, *(by_api(each) for each in replace(1, "b", "a", 99, 4))) == Code.OK
    rig.send(*replace(1, "c", "b", 98, 9))
    rig.run()
    told_of = [event for event in rig.outcomes(1) if isinstance(event, Replaced)]
    assert [event.header_flags for event in told_of] == [EventFlag.API, 0]
