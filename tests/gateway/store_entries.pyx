"""What a message store appends and holds, for tests: its own callers are compiled."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport FLAG_FOLLOWED, Kind


def add(Store store not None, Kind kind, uint32_t session, uint32_t msg_seq_num, bytes data, uint8_t flags=0) -> None:
    """Append a message that no event caused."""
    store.append(kind, session, msg_seq_num, data, len(data), flags)


def add_report(
    Store store not None, uint32_t session, uint32_t msg_seq_num, int ring, uint64_t number, int side, bytes data
) -> None:
    """Append a report of event `number` of `ring`."""
    store.append_report(
        session, msg_seq_num, ring, number, side, data, len(data), FLAG_FOLLOWED if store.follows else 0
    )


def write_out(Store store not None) -> None:
    """Write what was appended. OSError: the disk is full too."""
    store.write_out()


def next_out(Store store not None, uint32_t session) -> int:
    """Return the MsgSeqNum of the session's next message of ours."""
    return store.sessions[session].next_out


def generation(Store store not None, uint32_t session) -> int:
    """Return how often the session's numbers were reset."""
    return store.sessions[session].generation


def reported(Store store not None, int ring) -> int:
    """Return the ring's watermark."""
    return store.watermark(ring)
