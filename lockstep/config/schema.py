"""The venue's configuration: strict Structs over one TOML file, described key by key in `lockstep/config/demo.toml`.

It says what a file may hold; it never starts anything, and nothing that affects state is taken from here but by way of
the log. What one value alone can't tell (names that must exist, amounts that must fit) is checked in `config.checks`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,36}\Z", description="1 to 36 letters, digits, dots, dashes or underscores")
]
NodeName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z", description="1 to 32 letters, digits, dots, dashes or underscores")
]
AssetName = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,16}\Z", description="1 to 16 capital letters or digits")]
Symbol = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,16}\Z", description="1 to 16 capital letters or digits")]
DECIMAL = r"[0-9]{1,30}(\.[0-9]{1,18})?"
Decimal = Annotated[str, Meta(pattern=rf"^{DECIMAL}\Z", description='a decimal number in quotes, such as "0.01"')]
Port = Annotated[int, Meta(ge=0, le=65535)]
HostName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,253}\Z", description='a host name in quotes, such as "venue.example"')
]
TimeOfDay = Annotated[
    str,
    Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?\Z", description='a time of day (UTC), such as "08:30"'),
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PlannedPhase = Literal["closed", "pre_open", "opening_auction", "continuous", "closing_auction", "halt", "cancel_only"]
BandActionName = Literal["reject", "auction"]
SelfTradeName = Literal["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]
RoleName = Literal["trader", "operator", "admin", "auditor"]
RegistrationName = Literal["closed", "open", "approval"]
Scale = Annotated[int, Meta(ge=0, le=18)]
MatcherNumber = Annotated[int, Meta(ge=1, le=8)]
Bps = Annotated[int, Meta(ge=0, le=10_000)]
CollarBps = Annotated[int, Meta(ge=1, le=10_000)]
AuctionMs = Annotated[int, Meta(ge=0, le=86_400_000)]
WindowMs = Annotated[int, Meta(ge=0, le=3_600_000)]
FeePpm = Annotated[int, Meta(ge=0, le=32767)]
FeeTierNumber = Annotated[int, Meta(ge=1, le=255)]
FeeTierOrNone = Annotated[int, Meta(ge=0, le=255)]  # 0: none
Count = Annotated[int, Meta(ge=0, le=2**32 - 1)]
MAX_GATEWAYS = 8  # as many as the board has places for
GatewayNumber = Annotated[int, Meta(ge=1, le=MAX_GATEWAYS)]
MAX_SCHEDULE = 32  # entries of one instrument: as many as the router keeps
PowerOfTwo = Literal[64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288]


class Section(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A table of the file: unknown keys are errors."""


class VenueSection(Section, frozen=True, kw_only=True):
    """The venue as a whole."""

    name: Name = "lockstep"
    data: str = "lockstep-data"  # the loader makes it absolute: see `config.loader.load`
    # What "committed" means: written, synced to this machine's disk, acknowledged by the other node, or both of these.
    durability: Literal["none", "local", "replicated", "both"] = "local"


class FixSection(Section, frozen=True, kw_only=True):
    """FIX order entry. Port 0 takes any free port, for tests and throw-away venues; limits are each gateway's."""

    address: str = "127.0.0.1"
    port: Port = 9878  # the first gateway's: the next ones have those behind it
    gateways: GatewayNumber = 1
    target_comp_id: Name = "LOCKSTEP"
    max_connections: Annotated[int, Meta(ge=1, le=10000)] = 256
    max_connections_per_address: Annotated[int, Meta(ge=1, le=10000)] = 64
    logon_timeout_s: Annotated[int, Meta(ge=1, le=60)] = 10
    unread_timeout_s: Annotated[int, Meta(ge=2, le=3600)] = 30  # a peer that reads nothing, or is gone, for so long
    max_messages_per_second: Annotated[int, Meta(ge=0, le=1_000_000)] = 10_000  # of a session; 0: no limit
    min_heartbeat_s: Annotated[int, Meta(ge=1, le=3600)] = 1
    max_heartbeat_s: Annotated[int, Meta(ge=1, le=3600)] = 300
    sending_time_accuracy_s: Annotated[int, Meta(ge=0, le=86400)] = 120  # 0: SendingTime is not checked
    # An answer repeats fields of what it answers, and must itself fit what a FIX parser takes (16,384 bytes).
    max_message_bytes: Annotated[int, Meta(ge=512, le=8192)] = 4096
    # What clients can have repeated. Chains of messages reach 32 GiB back.
    store_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    store_bytes: Annotated[int, Meta(ge=2**28, le=2**34)] = 4 * 2**30
    store_session_bytes: Annotated[int, Meta(ge=2**20, le=2**34)] = 2**30

    def port_of(self, gateway: int) -> int:
        """Where gateway number `gateway` listens; 0: on any free port."""
        return self.port + gateway - 1 if self.port else 0

    @property
    def ports(self) -> dict[int, int]:
        """The port of each gateway, by its number."""
        return {gateway: self.port_of(gateway) for gateway in range(1, self.gateways + 1)}


class MarketDataSection(Section, frozen=True, kw_only=True):
    """Market data over WebSocket."""

    address: str = "127.0.0.1"
    port: Port = 8081
    max_clients: Annotated[int, Meta(ge=1, le=100000)] = 1000
    max_clients_per_address: Annotated[int, Meta(ge=1, le=100000)] = 500
    client_queue_bytes: Annotated[int, Meta(ge=65536, le=2**30)] = (
        4 * 2**20
    )  # a client that is further behind is cut off


class ApiSection(Section, frozen=True, kw_only=True):
    """Trading over REST and WebSocket. Without a port there is no api; 0 takes any free one."""

    address: str = "127.0.0.1"
    port: Port | None = None
    host_names: list[HostName] = []  # that clients may call it by, beside IP addresses and localhost
    certificate: str = ""  # of TLS, with its key: PEM files
    key: str = ""
    trusted_proxies: list[str] = []  # IP addresses of proxies with TLS, whose X-Forwarded-For entries are trusted
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 2000
    max_connections_per_address: Annotated[int, Meta(ge=1, le=100_000)] = 500
    request_weight_per_minute: Annotated[int, Meta(ge=0, le=10**9)] = 6000  # of an address; 0: no limit
    orders_per_10_s: Annotated[int, Meta(ge=0, le=10**9)] = 100  # of an account; 0: no limit
    orders_per_day: Annotated[int, Meta(ge=0, le=10**9)] = 200_000
    registration: RegistrationName | None = None  # None: as the log has it
    welcome: dict[AssetName, Decimal] = {}  # given once to each account that registers


class DatabaseSection(Section, frozen=True, kw_only=True):
    """PostgreSQL, which the batcher fills."""

    url: str = ""  # empty: the embedded PostgreSQL, under the venue's data folder
    batch_rows: Annotated[int, Meta(ge=100, le=1_000_000)] = 50_000


class RingsSection(Section, frozen=True, kw_only=True):
    """Slots of the rings; a slot takes 128 bytes of /dev/shm."""

    ingress: PowerOfTwo = 16384
    log: PowerOfTwo = 32768
    events: PowerOfTwo = 32768


class JournalSection(Section, frozen=True, kw_only=True):
    """The journal's files: `journal/` in the data folder."""

    segment_bytes: Annotated[int, Meta(ge=65_536, le=2**32)] = 64 * 2**20
    # Below it, order entry stops and cancels still pass. None: as much as a segment.
    reserve_bytes: Annotated[int, Meta(ge=0, le=2**40)] | None = None
    retention: Literal["all", "snapshots"] = "all"


class SnapshotsSection(Section, frozen=True, kw_only=True):
    """When the venue's state is saved, so that a start needs not replay all of the journal."""

    interval_s: Annotated[int, Meta(ge=0, le=86_400)] = 60
    commands: Annotated[int, Meta(ge=0, le=10**12)] = 1_000_000
    keep: Annotated[int, Meta(ge=2, le=1000)] = 2  # one to begin with, one to fall back on while the next is made


class ClientIdsSection(Section, frozen=True, kw_only=True):
    """How long closed client order ids are known beyond each account's last 65,536; the log has it (Epoch)."""

    window_s: Annotated[int, Meta(ge=0, le=31 * 86_400)] = 86_400
    older: Annotated[int, Meta(ge=0, le=2**28)] = 4 * 2**20  # of all accounts; each takes some 84 bytes


class ProcessesSection(Section, frozen=True, kw_only=True):
    """Which agents live in which process, and how they wait: see `venue.topology`."""

    profile: Literal["compact", "spread"] = "compact"
    spin_us: Annotated[int, Meta(ge=0, le=10_000_000)] = 20  # how long a carried host looks for work before it sleeps
    cpus: dict[Name, Annotated[int, Meta(ge=0, le=4095)]] = {}  # host name -> core to pin it to
    lock_memory: bool = False  # of journaler, router and matchers
    heartbeat_timeout_s: Annotated[float, Meta(ge=0.5, le=600)] = 10.0
    hosts: dict[Name, list[str]] = {}  # overrides the profile: host name -> agents


class AlertsSection(Section, frozen=True, kw_only=True):
    """Who is told what the person on duty should know."""

    command: str = ""  # gets an event as JSON on its standard input
    webhook: str = ""  # an http or https URL: gets it by POST
    disk_low_bytes: Annotated[int, Meta(ge=0, le=2**60)] = 2**30
    database_behind_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0  # committed, and not moving in the database


class MetricsSection(Section, frozen=True, kw_only=True):
    """Metrics and health over HTTP, for what watches a node. Without a port nothing is served; 0 takes any free one."""

    address: str = "127.0.0.1"
    port: Port | None = None
    host_names: list[HostName] = []


class ReplicationSection(Section, frozen=True, kw_only=True):
    """The other node of the venue. Without a name of its own, a node is alone."""

    node: NodeName | None = None
    address: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 9900
    peer_address: str = "127.0.0.1"
    peer_port: Annotated[int, Meta(ge=1, le=65535)] = 9901
    # Of the embedded PostgreSQL on this host, and where that of the other node is reached from it; loopback both.
    database_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    peer_database_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    acknowledge: Literal["disk", "memory"] = "disk"  # when this node, as the secondary, acknowledges
    # What a primary reads from its journal at most for a secondary that is behind, in MB (10^6 bytes) a second.
    catch_up_mb_s: Annotated[int, Meta(ge=1, le=100_000)] = 200

    @property
    def own_database(self) -> int:
        """`database_port`, or what it is where none is given."""
        return self.database_port or self.port + 10

    @property
    def peer_database(self) -> int:
        """`peer_database_port`, or what it is where none is given."""
        return self.peer_database_port or self.peer_port + 10


class WitnessSection(Section, frozen=True, kw_only=True):
    """etcd, in which the nodes find out which of them leads. Without `urls` only an operator promotes a node."""

    urls: list[str] = []
    lease_s: Annotated[int, Meta(ge=2, le=60)] = 5
    alone_after_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    ca: str = ""
    certificate: str = ""
    key: str = ""


class AssetSection(Section, frozen=True, kw_only=True):
    """Something an account can hold; `scale` is the number of decimals of its smallest unit."""

    name: AssetName
    scale: Scale
    deposit_limit: Decimal | None = None  # of one operator's deposits in a day; more takes two; None: as the log has it


class ScheduleEntry(Section, frozen=True, kw_only=True):
    """A phase that begins at a time of day, on some days of the week."""

    time: TimeOfDay
    phase: PlannedPhase  # a volatility auction begins by itself, and delisting is for ever
    days: list[Day] = field(default_factory=lambda: list(DAYS))


class FeeTierSection(Section, frozen=True, kw_only=True):
    """Rates that accounts of this tier pay in place of the instruments'."""

    tier: FeeTierNumber
    maker_fee_ppm: FeePpm
    taker_fee_ppm: FeePpm


class InstrumentSection(Section, frozen=True, kw_only=True):
    """Something that is traded: `base` against `quote`, in steps of `tick` (price) and `lot` (quantity).

    What is None was not said: it stays as the log has it, and so as an operator has left it. `matcher` says only where
    it is listed first.
    """

    symbol: Symbol
    base: AssetName
    quote: AssetName
    tick: Decimal
    lot: Decimal
    matcher: MatcherNumber = 1
    reference_price: Decimal | None = None  # what a market order's collar stands on before the first trade
    collar_bps: CollarBps | None = None
    maker_fee_ppm: FeePpm | None = None
    taker_fee_ppm: FeePpm | None = None
    schedule: Annotated[list[ScheduleEntry], Meta(max_length=MAX_SCHEDULE)] | None = None
    static_band_bps: Bps | None = None
    dynamic_band_bps: Bps | None = None
    band_action: BandActionName | None = None
    volatility_auction_ms: AuctionMs | None = None
    max_quantity: Decimal | None = None
    max_value: Decimal | None = None
    day_end: TimeOfDay | None = None
    delisted: bool = False


class AccountSection(Section, frozen=True, kw_only=True):
    """A user: its name is its FIX SenderCompID and Username. What is None stays as the log has it."""

    name: Name
    password: str | None = None  # plain text: accepted only where every listener is on loopback
    password_hash: str | None = None  # $argon2id$v=19$…
    deposits: dict[AssetName, Decimal] = {}  # given once, when the account first holds the asset
    gateway: GatewayNumber | None = None  # that its session is bound to, for good
    role: RoleName | None = None  # None: as `operator` says
    operator: bool = False
    demo_keys: bool = False  # API keys whose secrets everybody knows: accepted only where every listener is on loopback
    self_trade: SelfTradeName | None = None
    self_trade_group: Count | None = None
    fee_tier: FeeTierOrNone | None = None
    max_open_orders: Count | None = None
    max_orders: Count | None = None
    window_ms: WindowMs | None = None
    position_limits: dict[AssetName, Decimal] = {}


class Config(Section, frozen=True, kw_only=True):
    """A whole file."""

    venue: VenueSection = VenueSection()
    fix: FixSection = FixSection()
    market_data: MarketDataSection = MarketDataSection()
    database: DatabaseSection = DatabaseSection()
    rings: RingsSection = RingsSection()
    journal: JournalSection = JournalSection()
    snapshots: SnapshotsSection = SnapshotsSection()
    client_ids: ClientIdsSection = ClientIdsSection()
    processes: ProcessesSection = ProcessesSection()
    alerts: AlertsSection = AlertsSection()
    api: ApiSection = ApiSection()
    metrics: MetricsSection = MetricsSection()
    replication: ReplicationSection = ReplicationSection()
    witness: WitnessSection = WitnessSection()
    assets: list[AssetSection] = []
    instruments: list[InstrumentSection] = []
    fee_tiers: list[FeeTierSection] = []
    accounts: list[AccountSection] = []
