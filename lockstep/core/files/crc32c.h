/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, RFC 3720 appendix B.4), start and end inverted, so that
 * crc32c(0, "123456789", 9) == 0xE3069283. The processor's own instruction where it has one, else eight tables. */
#ifndef LOCKSTEP_CRC32C_H
#define LOCKSTEP_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t crc32c_table[8][256];

static void crc32c_fill_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = (c >> 1) ^ (0x82F63B78u & (0u - (c & 1)));
        crc32c_table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            crc32c_table[t][i] = (crc32c_table[t - 1][i] >> 8) ^ crc32c_table[0][crc32c_table[t - 1][i] & 0xFF];
}

static uint32_t crc32c_by_tables(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    if (crc32c_table[0][1] == 0) crc32c_fill_tables();
    crc = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        w ^= crc; /* little-endian only, as every record is */
        crc = 0;
        for (int i = 0; i < 8; i++) crc ^= crc32c_table[7 - i][(w >> (8 * i)) & 0xFF];
    }
    while (size--) crc = (crc >> 8) ^ crc32c_table[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    uint64_t c = (uint32_t)~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        c = __builtin_ia32_crc32di(c, w);
    }
    if (size >= 4) { /* a record's 116 bytes end with four */
        uint32_t w;
        memcpy(&w, p, 4);
        c = __builtin_ia32_crc32si((uint32_t)c, w);
        size -= 4, p += 4;
    }
    while (size--) c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
    return ~(uint32_t)c;
}

static inline uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_by_instruction(crc, data, size) : crc32c_by_tables(crc, data, size);
}
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
static inline uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    crc = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        crc = __crc32cd(crc, w);
    }
    while (size--) crc = __crc32cb(crc, *p++);
    return ~crc;
}
#else
static inline uint32_t crc32c(uint32_t crc, const void *data, size_t size) { return crc32c_by_tables(crc, data, size); }
#endif

#endif
