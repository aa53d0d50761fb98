"""A lean server for the project's client: prints `listening 127.0.0.1:PORT`; `--v1` speaks version 1 only.

SIGUSR1 drains its connections.
"""

import signal
import sys

from lean import LeanError, Server


def echo(call):
    call.headers = [("seen", dict(call.fields.headers).get("k", "nothing"))]
    call.trailers = [("bytes-bin", bytes([0, 255]))]
    return next(iter(call))


def count(call):
    for number in range(int(next(iter(call)))):
        yield str(number).encode()


def total(call):
    return str(sum(len(message) for message in call)).encode()


def chat(call):
    for message in call:
        yield b"re: " + message


def fail(call):
    raise LeanError(5, "no such thing: \u00fc ", [("why", "test"), ("grpc-status-details-bin", b"\x08\x05")])


def hang(call):
    for _ in call:
        pass
    call.cancelled.wait(10)
    CANCELLED.append(call.id)
    return b""


def cancelled(call):
    return str(len(CANCELLED)).encode()


def timeout(call):
    return str(call.fields.timeout_ms).encode()


CANCELLED = []
server = Server(
    {
        "/echo": echo,
        "/count": count,
        "/total": total,
        "/chat": chat,
        "/fail": fail,
        "/hang": hang,
        "/cancelled": cancelled,
        "/timeout": timeout,
    },
    hello="--v1" not in sys.argv,
)
print(f"listening 127.0.0.1:{server.port}", flush=True)


def drain(*_):
    for connection in server.connections:
        connection.drain()


signal.signal(signal.SIGUSR1, drain)
while True:
    signal.pause()
