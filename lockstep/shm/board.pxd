from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    MAX_WORDS = 64
    MAX_GATEWAYS = 8
    API_PLACE = 8            # the api's, where gateways have theirs (from 0)
    MAX_INTAKES = 9          # gateways and the api
    MAX_RINGS = 9            # the router's event ring and one a matcher
    MAX_AGENTS = 64
    MAX_SESSIONS = 65536
    BALANCE_CAPACITY = 16384
    MAX_REFUSERS = 3
    PAYLOAD_SIZE = 56

# Words: one writer each, one cache line each.
cdef enum:
    WORD_DURABLE_SEQ = 0     # journaler: the log is written (and, in mode local, synced) up to here
    WORD_ACKED_SEQ = 1       # replicator
    WORD_ROUTER_DONE = 2     # router: all its events of causes up to here are published
    WORD_LOG_END = 3         # router: last sequence published to the log
    WORD_EPOCH = 4           # router: 0 until it leads, then the epoch it leads
    WORD_READY_EVENT = 5     # router: the number of its last event when it began to lead
    WORD_JOURNAL_READY = 6   # journaler: the generation once the journal is open, its tail cut and DURABLE_SEQ true
    WORD_SPOOLED = 7         # batcher: bytes in the spool that the database does not have yet
    WORD_DATABASE_SEQ = 8    # batcher: the watermark: the database has everything caused up to here
    WORD_JOURNAL_FULL = 9    # journaler: 1 while the disk has no room for more than what must not be refused
    WORD_GENERATION = 10     # supervisor: which log and event rings are in use; another one: the core starts again
    WORD_SNAPSHOT_ASKED = 11  # supervisor: how many snapshots were asked for
    WORD_SNAPSHOT_SEQ = 12   # router: the Snapshot record in the log whose saving is wanted; 0: none
    WORD_PROMOTED = 13       # receiver: 1 once nobody fills a follower's log ring any more, and its router is to lead
    WORD_PRIMARY_COMMIT = 14  # replicator of a secondary: the primary has committed up to here, as it said last
    WORD_COMMIT_BY = 15      # supervisor: the word that a commit waits for besides DURABLE_SEQ; 0: for none
    WORD_SETTLED = 16        # + matcher - 1: router: event number that the ledger has settled
    WORD_MATCHER_DONE = 24   # + matcher - 1: matcher: log sequence done, its events published
    WORD_MATCHER_DUE = 32    # + matcher - 1: matcher: the log time from which a tick changes something; 0: none will
    WORD_FENCED = 40         # replicator: the epoch that another node is to lead: nothing is released any more
    WORD_PROMOTE = 41        # supervisor: 1: this node's receiver is to hang up, and its router to lead
    WORD_LINK = 42           # replicator, or a secondary's receiver: the state of the link (Link)
    WORD_PEER_SEQ = 43       # likewise: how far the other node's log goes, as it said last
    WORD_HANDOVER = 45       # replicator, supervisor, router: how far a change of leaders in order is
    WORD_LEASE_UNTIL = 46    # witness: from this time on (CLOCK_BOOTTIME, ns) nothing is released; 0: it has none
    WORD_LOG_AHEAD_NS = 47   # router: how far log time is ahead of the run's wall clock, while it leads
    WORD_DIFFERS = 44        # likewise: the mark at which the two nodes' states differ; 0: at none
    WORD_COMPARED = 50       # likewise: the last mark at which the two nodes' states were found equal; 0: none yet
    WORD_WHOLE_NS = 51       # likewise: the secondary has all that the log had then (venue time); 0: not known yet
    WORD_EPOCH_WANTED = 52   # supervisor: a router that leads an earlier epoch begins this one where it is; 0: none
    WORD_PEER_ANCHOR_NS = 54  # replicator: the primary's wall clock less this node's CLOCK_MONOTONIC, by its last frame
    WORD_WAITED_FOR = 55     # replicator: 1 if the primary's commits wait for this node, by its last frame
    WORD_STALLED_NS = 53     # supervisor: no order is acknowledged since then (CLOCK_MONOTONIC); 0: they are

# In order, on the board of the node that leads.
cdef enum:
    HANDOVER_ASKED = 1       # replicator: the other node wants to lead, once this one has done all that it took
    HANDOVER_CLOSING = 2     # supervisor: that is done: the log is to get nothing more
    HANDOVER_CLOSED = 3      # router: it gets nothing more, and LOG_END is its end

cdef struct HealthPayload:
    uint64_t heartbeat_ns    # CLOCK_MONOTONIC
    uint64_t pid
    uint64_t work            # records handled since start
    uint64_t rounds          # duty cycles since start
    uint64_t state           # 1 starting, 2 running, 3 stopping
    uint64_t started_ns
    uint64_t blocked         # rounds that found a ring full

cdef struct BalancePayload:
    uint32_t account
    uint32_t asset
    int64_t free
    int64_t held

# What a stage's own files say of the journal: the last record, and events up to these numbers, that were released.
cdef struct Known:
    uint64_t is_told
    uint64_t seq
    uint64_t numbers[MAX_RINGS]

# How much a gateway has to do: each word by itself is true, a few milliseconds old at most while the gateway lives.
cdef struct Counts:
    uint64_t is_open                 # 1 while its port takes connections
    uint64_t connections
    uint64_t sessions                # that are logged on
    uint64_t open_orders
    uint64_t refused[MAX_REFUSERS]   # requests since its process started: by a gateway, the router, a matcher

cdef class Board:
    cdef char *base
    cdef object buffer
    cdef uint64_t load(self, int word) noexcept nogil
    cdef void store(self, int word, uint64_t value) noexcept nogil
    cdef uint64_t commit_seq(self) noexcept nogil
    cdef uint64_t release_seq(self) noexcept nogil
    cdef uint64_t done_seq(self) noexcept nogil
    cdef bint is_shut(self) noexcept nogil
    cdef void set_released(self, int gateway, int matcher, uint64_t number) noexcept nogil
    cdef uint64_t highest_released(self, int matcher) noexcept nogil
    cdef void set_session_in(self, uint32_t session, uint64_t msg_seq_num) noexcept nogil
    cdef uint64_t session_in(self, uint32_t session) noexcept nogil
    cdef void write_health(self, int agent, const HealthPayload *payload) noexcept nogil
    cdef bint read_health(self, int agent, HealthPayload *out) noexcept nogil
    cdef void expect_balance(self, uint32_t account, uint32_t asset) noexcept nogil
    cdef bint write_balance(self, const BalancePayload *payload) noexcept nogil
    cdef Known *known(self, int witness) noexcept nogil
    cdef void show_counts(self, int gateway, const Counts *counts) noexcept nogil
    cdef bint read_balance(self, uint32_t account, uint32_t asset, BalancePayload *out) noexcept nogil
