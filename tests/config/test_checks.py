"""What no single value tells is checked before a venue starts: names that must exist, amounts that must fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from msgspec import structs

from lockstep.config.checks import check
from lockstep.config.schema import (
    AccountSection,
    AlertsSection,
    ApiSection,
    AssetSection,
    Config,
    DatabaseSection,
    FeeTierSection,
    FixSection,
    InstrumentSection,
    JournalSection,
    MarketDataSection,
    MetricsSection,
    ProcessesSection,
    ReplicationSection,
    ScheduleEntry,
    VenueSection,
    WitnessSection,
)
from lockstep.core.rules.credentials import credential_of, is_right

INSTRUMENT = InstrumentSection(symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.0001")
ACCOUNT = AccountSection(name="TRADER1", password="demo", deposits={"BTC": "1.5"})
GOOD = Config(
    assets=[AssetSection(name="BTC", scale=8), AssetSection(name="USDT", scale=8)],
    instruments=[INSTRUMENT],
    accounts=[ACCOUNT],
)


def problems(**changes: Any) -> list[tuple[str, str]]:
    return [(problem.key, problem.message) for problem in check(structs.replace(GOOD, **changes))]


def instrument(**changes: Any) -> list[tuple[str, str]]:
    return problems(instruments=[structs.replace(INSTRUMENT, **changes)])


def account(**changes: Any) -> list[tuple[str, str]]:
    return problems(accounts=[structs.replace(ACCOUNT, **changes)])


def test_a_good_configuration_has_no_problem() -> None:
    assert problems() == []


def test_names_must_differ() -> None:
    assert problems(accounts=[ACCOUNT, ACCOUNT]) == [("accounts[TRADER1]", "is there 2 times: names must differ")]
    assert ("instruments[BTCUSDT]", "is there 2 times: names must differ") in problems(
        instruments=[INSTRUMENT, INSTRUMENT]
    )


def test_a_segment_is_made_of_whole_pages() -> None:
    assert problems(journal=JournalSection(segment_bytes=100_000)) == [
        ("journal.segment_bytes", "is 100000; allowed is a multiple of 4096")
    ]


def test_assets_must_exist() -> None:
    assert instrument(base="ETH") == [
        ("instruments[BTCUSDT].base", "is ETH, which is not in [[assets]]; there are BTC, USDT")
    ]
    assert account(deposits={"ETH": "1"}) == [
        ("accounts[TRADER1].deposits.ETH", "is ETH, which is not in [[assets]]; there are BTC, USDT")
    ]


def test_base_and_quote_must_differ() -> None:
    assert instrument(quote="BTC")[0][0] == "instruments[BTCUSDT].quote"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"tick": "0"}, "tick"),
        ({"lot": "0.0"}, "lot"),
        ({"lot": "0.000000001"}, "lot"),  # below a satoshi
        ({"tick": "0.00001", "lot": "0.00001"}, "tick"),  # a tick of a lot would be 1e-10 USDT, which has 8 decimals
        ({"tick": "4294967296"}, "tick"),  # more than its field of the record holds
        ({"tick": "0.05", "reference_price": "1.01"}, "reference_price"),
        ({"reference_price": "0"}, "reference_price"),
        ({"reference_price": "99999999999999999999"}, "reference_price"),
    ],
)
def test_steps_are_whole_units(changes: dict[str, str], key: str) -> None:
    assert instrument(**changes)[0][0] == f"instruments[BTCUSDT].{key}"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"max_quantity": "0.00005"}, "max_quantity"),  # half a lot
        ({"max_value": "0.000000001"}, "max_value"),
        ({"max_value": "99999999999999999999"}, "max_value"),
        ({"band_action": "auction", "static_band_bps": 100}, "volatility_auction_ms"),
        ({"band_action": "auction", "volatility_auction_ms": 5000}, "band_action"),
        ({"schedule": [ScheduleEntry(time="08:00", phase="closed", days=[])]}, "schedule[#1].days"),
        (
            {
                "schedule": [
                    ScheduleEntry(time="08:00", phase="closed", days=["mon", "tue"]),
                    ScheduleEntry(time="08:00:00", phase="continuous", days=["tue"]),
                ]
            },
            "schedule[#2].time",
        ),
    ],
)
def test_protections_fit_the_instrument(changes: dict[str, Any], key: str) -> None:
    assert [where for where, _ in instrument(**changes)] == [f"instruments[BTCUSDT].{key}"]


def test_protections_may_be_off_or_on() -> None:
    assert instrument(max_quantity="0", max_value="0", band_action="reject", schedule=[]) == []
    assert instrument(max_quantity="0.5", static_band_bps=1, band_action="auction", volatility_auction_ms=1) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fee_tier": 2}, ("fee_tier", "is 2, which is not in [[fee_tiers]]; allowed are 0, 1")),
        (
            {"max_orders": 5},
            ("max_orders", "and window_ms belong together: so many orders in so many milliseconds"),
        ),
        (
            {"position_limits": {"ETH": "1"}},
            ("position_limits.ETH", "is ETH, which is not in [[assets]]; there are BTC, USDT"),
        ),
        (
            {"position_limits": {"BTC": "0.000000001"}},
            (
                "position_limits.BTC",
                "0.000000001 has more than 8 decimals: it must be a whole number of BTC's smallest units",
            ),
        ),
    ],
)
def test_limits_of_an_account_fit_the_venue(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    tiers = [FeeTierSection(tier=1, maker_fee_ppm=1, taker_fee_ppm=2)]
    limited = structs.replace(ACCOUNT, **changes)
    key, message = problem
    assert problems(fee_tiers=tiers, accounts=[limited]) == [(f"accounts[TRADER1].{key}", message)]
    allowed = structs.replace(ACCOUNT, fee_tier=1, max_orders=5, window_ms=1000, position_limits={"BTC": "0"})
    assert problems(fee_tiers=tiers, accounts=[allowed]) == []


def test_fee_tiers_differ() -> None:
    tier = FeeTierSection(tier=1, maker_fee_ppm=1, taker_fee_ppm=2)
    assert problems(fee_tiers=[tier, tier]) == [("fee_tiers", "tier 1 is there 2 times: tiers must differ")]


def test_matchers_have_no_gaps() -> None:
    assert instrument(matcher=3) == [
        ("instruments", "no instrument is on matcher 1: numbers must be contiguous from 1"),
        ("instruments", "no instrument is on matcher 2: numbers must be contiguous from 1"),
    ]


def test_a_venue_lists_something() -> None:
    assert problems(instruments=[]) == [("instruments", "is empty: a venue needs at least one [[instruments]]")]


def test_deposits_fit_their_asset() -> None:
    assert [where for where, _ in account(deposits={"BTC": "0.000000001"})] == ["accounts[TRADER1].deposits.BTC"]
    assert [where for where, _ in account(deposits={"BTC": "92233720369"})] == ["accounts"]
    assert account(deposits={"BTC": "92233720368"}) == []


def test_a_plain_password_stays_on_loopback() -> None:
    assert [where for where, _ in problems(fix=FixSection(address="0.0.0.0"))] == ["accounts[TRADER1].password"]
    assert problems(market_data=MarketDataSection(address="192.0.2.1"))[0][0] == "accounts[TRADER1].password"
    assert problems(fix=FixSection(address="::1")) == []


def test_demo_keys_stay_on_loopback() -> None:
    assert account(demo_keys=True) == []
    found = problems(accounts=[structs.replace(ACCOUNT, demo_keys=True)], fix=FixSection(address="0.0.0.0"))
    assert [where for where, _ in found] == ["accounts[TRADER1].demo_keys", "accounts[TRADER1].password"]
    assert [where for where, _ in account(demo_keys=True, name="N" * 24)] == [f"accounts[{'N' * 24}].demo_keys"]


def test_an_api_beyond_loopback_has_tls_or_a_proxy(tmp_path: Path) -> None:
    file = str(tmp_path / "api.pem")
    Path(file).touch()
    found = problems(api=ApiSection(port=0, address="192.0.2.1"))
    assert "api.address" in [where for where, _ in found]
    for named in (ApiSection(certificate=file, key=file), ApiSection(trusted_proxies=["192.0.2.7"])):
        found = problems(api=structs.replace(named, port=0, address="192.0.2.1"))
        assert [where for where, _ in found] == ["accounts[TRADER1].password"]


def test_a_role_is_given_once() -> None:
    assert account(role="operator", operator=True) == []
    assert account(role="admin") == []
    assert [where for where, _ in account(role="auditor", operator=True)] == ["accounts[TRADER1].operator"]


def test_a_deposit_limit_is_a_whole_number_of_smallest_units() -> None:
    def found(limit: str) -> list[str]:
        assets = [AssetSection(name="USDT", scale=2, deposit_limit=limit), AssetSection(name="BTC", scale=8)]
        return [where for where, _ in problems(assets=assets) if "deposit_limit" in where]

    assert found("0.01") == found("0") == []
    assert found("0.001") == found("-1") == ["assets[USDT].deposit_limit"]


def test_a_welcome_is_of_an_asset_that_is_listed() -> None:
    assert [where for where, _ in problems(api=ApiSection(welcome={"XYZ": "1"}))] == ["api.welcome.XYZ"]
    assert problems(api=ApiSection(registration="open", welcome={"USDT": "0.5"})) == []


@pytest.mark.parametrize("password", ["", "a\0b", "two\nlines", "\x9b"])
def test_a_password_is_text_that_a_client_can_send(password: str) -> None:
    assert [where for where, _ in account(password=password)] == ["accounts[TRADER1].password"]
    assert account(password="schön & lang") == []


def test_a_hashed_password_may_be_anywhere() -> None:
    hashed = structs.replace(
        ACCOUNT, password=None, password_hash=PasswordHasher(time_cost=1, memory_cost=64).hash("x")
    )
    assert problems(accounts=[hashed], fix=FixSection(address="0.0.0.0")) == []


def test_an_account_has_one_credential() -> None:
    assert account(password=None) == [
        ("accounts[TRADER1]", "needs either password or password_hash, and only one of them")
    ]
    assert account(password=None, password_hash="$2b$12$x")[0][0] == "accounts[TRADER1].password_hash"


def test_ports_differ_unless_the_kernel_chooses() -> None:
    assert problems(market_data=MarketDataSection(port=9878))[0][0] == "market_data.port"
    assert problems(metrics=MetricsSection(port=9878))[0] == (
        "metrics.port", "is 9878, which fix.port has already: ports must differ",
    )  # fmt: skip
    assert problems(metrics=MetricsSection(port=8081))[0][0] == "metrics.port"
    free = {"market_data": MarketDataSection(port=0), "metrics": MetricsSection(port=0)}
    assert problems(fix=FixSection(port=0), **free) == []


def test_gateways_take_the_ports_behind_the_first() -> None:
    three = FixSection(port=9878, gateways=3)
    assert problems(fix=three, metrics=MetricsSection(port=9880)) == [
        ("metrics.port", "is 9880, which gateway 3 of fix.gateways has already: ports must differ")
    ]
    assert problems(fix=three, replication=ReplicationSection(node="a", port=9879)) == [
        ("replication.port", "is 9879, which gateway 2 of fix.gateways has already: ports must differ")
    ]
    assert problems(fix=FixSection(port=65534, gateways=3)) == [
        ("fix.port", "is 65534: the last of 3 gateways would have 65536")
    ]
    assert problems(fix=FixSection(port=0, gateways=8)) == []


def test_a_session_is_bound_to_a_gateway_that_there_is() -> None:
    assert account(gateway=2) == [("accounts[TRADER1].gateway", "is 2; allowed is at most fix.gateways, 1")]


def test_addresses_urls_and_bounds_are_what_they_say() -> None:
    assert problems(fix=FixSection(address="localhost"))[0][0] == "fix.address"
    assert problems(metrics=MetricsSection(address="localhost"))[0][0] == "metrics.address"
    assert [where for where, _ in problems(api=ApiSection(address=""))] == ["api.address"]
    assert problems(metrics=MetricsSection(address="0.0.0.0")) == []  # it takes no passwords
    assert problems(database=DatabaseSection(url="mysql://x"))[0][0] == "database.url"


@pytest.mark.parametrize(
    "url",
    ["postgresql://", "postgres://u:p%40%2F@h:5432/d?sslmode=require", "postgresql://u:p:q@[::1]:5/d",
     "postgresql://h1:1,h2:2/d?target_session_attrs=any", "postgresql://u@/d?host=/tmp/x", "postgresql://u@%2Ftmp:5/d"],
)  # fmt: skip
def test_a_database_url_is_what_every_reader_of_it_takes_it_for(url: str) -> None:
    assert problems(database=DatabaseSection(url=url)) == []


@pytest.mark.parametrize("url", ["ftp://h/secr", "http:///secr", "http://h/se cr", "https://h/secr\u00e9", "http://"])
def test_a_webhook_that_can_not_be_asked_is_not_shown(url: str) -> None:
    ((key, message),) = problems(alerts=AlertsSection(webhook=url))
    assert key == "alerts.webhook"
    assert "cr" not in message


def test_a_command_of_spaces_is_none() -> None:
    assert problems(alerts=AlertsSection(command="  "))[0][0] == "alerts.command"
    assert problems(alerts=AlertsSection(command="send --to 'on duty'", webhook="https://h:1/a?b=c")) == []


@pytest.mark.parametrize("password", ["se cret", "secr@et", "secr/et", "secr#et", "secr?et", "secr%zzet", "secr%00et"])
def test_a_password_that_breaks_the_database_url_is_not_shown(password: str) -> None:
    ((key, message),) = problems(database=DatabaseSection(url=f"postgresql://u:{password}@h/d"))
    assert key == "database.url"
    assert "%40" in message
    assert "cr" not in message
    assert problems(fix=FixSection(min_heartbeat_s=10, max_heartbeat_s=5))[0][0] == "fix.min_heartbeat_s"


@pytest.mark.parametrize("terms", ["m=7,t=1,p=1", "m=64,t=1,p=9", "m=64,t=0,p=1", "m=64,t=1,p=0", "m=2000000,t=1,p=1",
                                   "m=64,t=101,p=1"])  # fmt: skip
def test_argon2_terms_that_the_library_or_the_venue_can_not_bear_are_refused(terms: str) -> None:
    text = f"$argon2id$v=19${terms}${'A' * 22}${'A' * 43}"
    found = problems(accounts=[structs.replace(ACCOUNT, password=None, password_hash=text)])
    assert [key for key, _ in found] == ["accounts[TRADER1].password_hash"]


def test_a_log_with_terms_that_the_library_refuses_lets_nobody_in() -> None:
    text = f"$argon2id$v=19$m=7,t=1,p=1${'A' * 22}${'A' * 43}"
    assert not is_right("demo", credential_of(text))


def test_more_assets_or_instruments_than_tables_have_places_are_refused() -> None:
    assets = [AssetSection(name=f"A{number}", scale=8) for number in range(4096)]
    assert ("assets", "there are 4096; allowed are 4095") in problems(assets=[*GOOD.assets, *assets[:4094]])


def test_no_heartbeat_is_waited_for_for_ever() -> None:
    wanted = ProcessesSection(heartbeat_timeout_s=float("nan"))
    assert [key for key, _ in problems(processes=wanted)] == ["processes.heartbeat_timeout_s"]


def test_a_mode_of_two_nodes_needs_a_name_for_this_one() -> None:
    replicated = VenueSection(durability="replicated")
    reason = 'is "replicated", which needs a second node: name this one by replication.node'
    assert problems(venue=replicated) == [("venue.durability", reason)]
    assert problems(venue=replicated, replication=ReplicationSection(node="a")) == []


@pytest.mark.parametrize(
    ("section", "key", "reason"),
    [
        ({"address": "here"}, "address", "is 'here'; allowed is an IP address such as \"127.0.0.1\""),
        ({"peer_port": 9900}, "peer_port", "is 9900, where this node listens itself: nodes must differ"),
        ({"node": "a", "port": 9878}, "port", "is 9878, which fix.port has already: ports must differ"),
        (
            {"node": "a", "peer_database_port": 9910},
            "peer_database_port",
            "is 9910, which replication.database_port has already: ports must differ",
        ),
        ({"node": "a", "port": 65530}, "database_port", "is 65540 where none is given: give one below 65536"),
    ],
)
def test_two_nodes_listen_in_two_places(section: dict[str, Any], key: str, reason: str) -> None:
    assert problems(replication=ReplicationSection(**section)) == [(f"replication.{key}", reason)]


@pytest.mark.parametrize(
    ("section", "key", "reason"),
    [
        (
            {"urls": ["192.0.2.7:2379"]},
            "urls",
            "has '192.0.2.7:2379'; allowed is a URL such as \"http://192.0.2.7:2379\"",
        ),
        (
            {"urls": ["http://192.0.2.7"]},
            "urls",
            "has 'http://192.0.2.7'; allowed is a URL such as \"http://192.0.2.7:2379\"",
        ),
        ({"ca": "/no/such.pem"}, "ca", "is /no/such.pem: there is no such file"),
        ({"certificate": __file__}, "key", "and witness.certificate are given together, or not at all"),
        ({"alone_after_s": float("nan")}, "alone_after_s", "is nan; allowed is a number from 0 to 3600"),
    ],
)
def test_a_witness_that_cannot_be_asked_is_named(section: dict[str, Any], key: str, reason: str) -> None:
    pair = {"venue": VenueSection(durability="both"), "replication": ReplicationSection(node="a")}
    assert problems(witness=WitnessSection(**section), **pair) == [(f"witness.{key}", reason)]
    good = WitnessSection(urls=["http://192.0.2.7:2379", "https://[2001:db8::7]:2379", "http://etcd-1.example:2379/"])
    assert problems(witness=good, **pair) == []


def test_a_witness_needs_two_nodes_whose_commits_wait_for_each_other() -> None:
    witness = WitnessSection(urls=["http://192.0.2.7:2379"])
    alone = [("witness.urls", "needs a second node: name this one by replication.node")]
    assert problems(witness=witness, venue=VenueSection(durability="local")) == alone
    ((key, reason),) = problems(witness=witness, replication=ReplicationSection(node="a"))
    assert key == "witness.urls"
    assert reason.startswith('needs venue.durability = "replicated" or "both": with "local" no node can know')
