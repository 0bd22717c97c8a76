"""One limit order over FIX 4.4, in as little code as that takes."""

import socket

import simplefix

venue, parser = socket.create_connection(("127.0.0.1", 9878)), simplefix.FixParser()


def ask(number: int, msg_type: str, *fields: str) -> simplefix.FixMessage:
    message = simplefix.FixMessage()
    message.append_strings(["8=FIX.4.4", f"35={msg_type}", "49=TRADER1", "56=LOCKSTEP", f"34={number}"])
    message.append_utc_timestamp(52)
    message.append_strings(fields)
    venue.sendall(message.encode())
    while (answer := parser.get_message()) is None:
        parser.append_buffer(venue.recv(4096))
    return answer


# 141=Y starts the session's numbers at 1.
print(ask(1, "A", "98=0", "108=30", "141=Y", "553=TRADER1", "554=demo"))
# 54=1 buy, 38 quantity, 40=2 limit, 44 price, 59=1 good till cancelled. Each ClOrdID (11) can be used once.
order = ["11=first-order", "55=BTCUSDT", "54=1", "60=20260101-00:00:00", "38=0.5", "40=2", "44=59999.50", "59=1"]
print(ask(2, "D", *order))
