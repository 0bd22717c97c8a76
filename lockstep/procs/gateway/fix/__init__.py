"""FIX for the gateway: messages, their encoding and the session, as pure cores.

Bytes and time go in, events and bytes come out; nothing here opens a socket, reads a clock or knows an order.
"""
