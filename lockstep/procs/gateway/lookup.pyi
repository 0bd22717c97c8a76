class Lookup:
    reads: int
    bytes_read: int
