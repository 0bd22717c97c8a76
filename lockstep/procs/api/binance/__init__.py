"""The dialect of Binance Spot, as pure functions: bytes and times in, values and bytes out.

It never opens a socket, reads a clock or looks at shared memory. What it speaks is in docs/protocols/rest.md and
ws-api.md.
"""
