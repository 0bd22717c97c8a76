// Random numbers that a seed repeats; the seed is printed, and LOCKSTEP_SEED chooses it.

export interface Chance {
  /** A whole number from 0 up to, and without, `bound`. */
  below(bound: number): number;
}

export function chance(): Chance {
  const seed = Number(process.env.LOCKSTEP_SEED ?? Date.now() % 2 ** 31);
  process.stdout.write(`# LOCKSTEP_SEED=${seed}\n`);
  let state = seed >>> 0;
  return {
    below(bound: number): number {
      // xorshift32, twice, for 53 bits.
      const next = () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state >>> 0;
      };
      if (state === 0) state = 0x9e3779b9;
      return Math.floor((((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992) * bound);
    },
  };
}
