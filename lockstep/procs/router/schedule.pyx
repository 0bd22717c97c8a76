"""Daily schedules of phases: at which moment of the log's clock each instrument's next change is due.

It computes moments from the log and reads no clock; the caller writes the change into the log.

A moment that passed without a leader stays due and is made up; of several only the latest, since it says which
phase it is now. Moments from before the schedule was given are not.
"""

from libc.stdint cimport UINT64_MAX, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from lockstep.core.schema.records cimport (
    CODE_INVALID_DEFINITION, CODE_OK, PHASE_CLOSED, PHASE_DELISTED, PHASE_VOLATILITY_AUCTION, ScheduleRecord,
)
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.holds cimport MAX_INSTRUMENTS

from lockstep.core.tables.saved import DamagedPart

cdef enum:
    DAYS = 7
    DAY_S = 86_400
    ALL_DAYS = (1 << DAYS) - 1
    FIRST_WEEKDAY = 3          # 1970-01-01 was a Thursday, Monday is 0

cdef uint64_t SECOND_NS = 1_000_000_000
cdef uint64_t DAY_NS = DAY_S * SECOND_NS


cdef class Schedule:
    """Every instrument's schedule, of at most MAX_ENTRIES entries."""

    def __cinit__(self):
        self.plans = <Plan *> calloc(MAX_INSTRUMENTS + 1, sizeof(Plan))
        if self.plans == NULL:
            raise MemoryError("no memory for schedules")
        self.due_ns = UINT64_MAX

    def __dealloc__(self):
        free(self.plans)

    cdef uint16_t put(self, const ScheduleRecord *record) noexcept nogil:
        """Add an entry of a listed instrument. The first clears what was there; the last makes it act from now on."""
        cdef Plan *plan = &self.plans[record.instrument]
        cdef ScheduledPhase *entry
        if record.entry == 0 and record.entries == 0:
            self.clear(record.instrument)
            return CODE_OK
        if record.entry == 0 or record.entry > record.entries or record.entries > MAX_ENTRIES:
            return CODE_INVALID_DEFINITION
        if record.entry != 1 and (record.entry != plan.count + 1 or record.entries != plan.wanted):
            return CODE_INVALID_DEFINITION
        if record.time_of_day_s >= DAY_S or record.days == 0 or record.days > ALL_DAYS:
            return CODE_INVALID_DEFINITION
        if not PHASE_CLOSED <= record.phase < PHASE_DELISTED or record.phase == PHASE_VOLATILITY_AUCTION:
            return CODE_INVALID_DEFINITION
        if record.entry == 1:
            self.clear(record.instrument)
            plan.wanted = record.entries
        entry = &plan.entries[record.entry - 1]
        entry.time_of_day_s = record.time_of_day_s
        entry.phase = record.phase
        entry.days = record.days
        plan.count = record.entry
        self.instruments = max(self.instruments, record.instrument)
        self.advance(record.instrument, record.time_ns)
        return CODE_OK

    cdef void clear(self, uint32_t instrument) noexcept nogil:
        """The instrument has no schedule any more."""
        memset(&self.plans[instrument], 0, sizeof(Plan))
        self.find_earliest()

    cdef void find_earliest(self) noexcept nogil:
        cdef uint32_t i
        self.due_ns = UINT64_MAX
        for i in range(1, self.instruments + 1):
            if self.plans[i].due_ns != 0:
                self.due_ns = min(self.due_ns, self.plans[i].due_ns)

    cdef uint32_t next_due(self, uint64_t time_ns) noexcept nogil:
        """The lowest instrument of which a change is due at this log time; 0 for none."""
        cdef uint32_t i
        if time_ns < self.due_ns:
            return 0
        for i in range(1, self.instruments + 1):
            if self.plans[i].due_ns != 0 and self.plans[i].due_ns <= time_ns:
                return i
        return 0

    cdef uint8_t latest(self, uint32_t instrument, uint64_t time_ns) noexcept nogil:
        """The entry, from 1, that was due last at this log time; 0 for none. Of two at one moment the later entry."""
        cdef const Plan *plan = &self.plans[instrument]
        cdef uint64_t best = 0
        cdef uint64_t moment, day
        cdef uint8_t found = 0
        cdef int i, back
        if plan.due_ns == 0 or plan.due_ns > time_ns:
            return 0
        for i in range(plan.count):
            for back in range(DAYS + 1):
                day = time_ns // DAY_NS - back
                moment = day * DAY_NS + plan.entries[i].time_of_day_s * SECOND_NS
                if moment <= time_ns and falls_on(&plan.entries[i], day):
                    if moment >= best:
                        best = moment
                        found = i + 1
                    break
        return found

    cdef void advance(self, uint32_t instrument, uint64_t time_ns) noexcept nogil:
        """All that was due up to this log time is done: find the next moment after it."""
        cdef Plan *plan = &self.plans[instrument]
        cdef uint64_t moment, day
        cdef int i, ahead
        plan.due_ns = 0
        if plan.count == plan.wanted:
            for i in range(plan.count):
                for ahead in range(DAYS + 1):
                    day = time_ns // DAY_NS + ahead
                    moment = day * DAY_NS + plan.entries[i].time_of_day_s * SECOND_NS
                    if moment > time_ns and falls_on(&plan.entries[i], day):
                        plan.due_ns = moment if plan.due_ns == 0 else min(plan.due_ns, moment)
                        break
        self.find_earliest()

    cdef uint64_t digest(self) noexcept nogil:
        """A digest of when changes are due; the entries are in the records that gave them."""
        cdef uint64_t digest = 0
        cdef uint32_t i
        for i in range(1, self.instruments + 1):
            if self.plans[i].wanted != 0:
                digest += scramble(scramble(i, self.plans[i].due_ns), self.plans[i].count)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.put_64(self.instruments)
        saver.put_64(self.due_ns)
        return saver.put(self.plans, (self.instruments + 1) * sizeof(Plan))

    cdef int load(self, Loader loader) except -1:
        self.instruments = <uint32_t> loader.get_64()
        if self.instruments > MAX_INSTRUMENTS:
            raise DamagedPart(f"a part with schedules of {self.instruments} instruments")
        self.due_ns = loader.get_64()
        return loader.get(self.plans, (self.instruments + 1) * sizeof(Plan))

    def entries(self, uint32_t instrument) -> list[dict[str, int]]:
        """What the instrument's schedule has: time of day in seconds, phase, days as bits."""
        cdef int i
        return [self.plans[instrument].entries[i] for i in range(self.plans[instrument].count)]


cdef inline bint falls_on(const ScheduledPhase *entry, uint64_t day) noexcept nogil:
    """Whether the entry is for that day, counted from 1970-01-01."""
    return entry.days >> ((day + FIRST_WEEKDAY) % DAYS) & 1
