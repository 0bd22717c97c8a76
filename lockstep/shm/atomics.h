/* Atomic loads, stores and fences over the compiler's builtins, and the two futex calls. Shared memory only: no FUTEX_PRIVATE. */
#ifndef LOCKSTEP_ATOMICS_H
#define LOCKSTEP_ATOMICS_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t load_acquire(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline uint64_t load_relaxed(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline void store_release(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void store_relaxed(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline uint32_t load_acquire_32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void store_release_32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline uint32_t exchange_32(uint32_t *p, uint32_t v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t add_32(uint32_t *p, uint32_t v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
static inline void fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void fence_full(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Asks for a line of memory ahead of its use, or so that no other core has it when it is written. Hints: any address may
   be named, and nothing waits. Of the builtin alone GCC thinks that a function which does nothing else has no effect, and
   drops the calls of it (seen with 12.2): hence the asm. */
static inline void prefetch(const void *p)
{
    __builtin_prefetch(p);
    __asm__ __volatile__("");
}

static inline void prefetch_for_write(const void *p)
{
#if defined(__x86_64__)
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)p));
#else
    __builtin_prefetch(p, 1);
    __asm__ __volatile__("");
#endif
}

/* Sleeps while *p == expected, at most timeout_ns; every return means "look again". */
static inline int futex_wait(uint32_t *p, uint32_t expected, int64_t timeout_ns)
{
    struct timespec t = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    return (int)syscall(SYS_futex, p, FUTEX_WAIT, expected, &t, NULL, 0);
}

static inline void futex_wake(uint32_t *p) { syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0); }

#endif
