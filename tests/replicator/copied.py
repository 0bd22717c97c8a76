"""What makes a copy in a test: bytes that tell their places apart, and an end as it is asked for.

python -m tests.replicator.copied --manifest FILE   # where FILE says how many bytes, and what is said at the end
"""

from __future__ import annotations

import sys
from pathlib import Path

BLOCK = 4096


def content(size: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") * (BLOCK // 8) for number in range(size // BLOCK))


def main() -> None:
    size, _, words = Path(sys.argv[2]).read_text().partition(" ")
    sys.stdout.buffer.write(content(int(size)))
    sys.stdout.buffer.flush()
    sys.exit(words or None)


if __name__ == "__main__":
    main()
