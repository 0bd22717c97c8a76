# The memory orders that the rings, the board and the bells are written in (atomics.h), and a hint to the processor.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "atomics.h" nogil:
    uint64_t load_acquire(const uint64_t *p) noexcept
    uint64_t load_relaxed(const uint64_t *p) noexcept
    void store_release(uint64_t *p, uint64_t v) noexcept
    void store_relaxed(uint64_t *p, uint64_t v) noexcept
    uint32_t load_acquire_32(const uint32_t *p) noexcept
    void store_release_32(uint32_t *p, uint32_t v) noexcept
    uint32_t exchange_32(uint32_t *p, uint32_t v) noexcept
    uint32_t add_32(uint32_t *p, uint32_t v) noexcept
    void fence_acquire() noexcept
    void fence_release() noexcept
    void fence_full() noexcept
    void cpu_relax() noexcept
    void prefetch(const void *p) noexcept
    void prefetch_for_write(const void *p) noexcept
    int futex_wait(uint32_t *p, uint32_t expected, int64_t timeout_ns) noexcept
    void futex_wake(uint32_t *p) noexcept
