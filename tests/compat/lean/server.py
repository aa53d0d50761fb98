"""A lean server for the project's client: prints `listening 127.0.0.1:PORT`; `--v1` speaks version 1 only.

`--tail`: its hello ends with bytes of a later version. SIGUSR1 drains its connections.
"""

import signal
import sys

from lean import COMPRESSED, END, ERROR, FIELDS, RESPONSE, STREAM, LeanError, Server


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


# What a server must not send: the table "Violations". The request names one.
VIOLATIONS = {
    b"metadata value": (RESPONSE | FIELDS, b"\x00\x06\x02\x00\x03\x01k\n"),
    b"metadata key": (RESPONSE | STREAM | FIELDS, b"\x00\x07\x02\x00\x04\x02tev"),
    b"field block": (RESPONSE | END | FIELDS, b"\x00\x09\x01"),
    b"error length": (RESPONSE | ERROR, b"\x05\x00\x00\x09x"),
    b"status 0": (RESPONSE | ERROR, bytes(4)),
    b"status 200": (RESPONSE | ERROR, b"\xc8\x00\x00\x00"),
    b"gzip": (RESPONSE | COMPRESSED, b"this is not gzip"),
    b"flags": (RESPONSE | 0x01, b""),
    b"end with value": (RESPONSE | END, b"x"),
}


def violate(call):
    """Sends what the request asks for, and nothing else."""
    flags, value = VIOLATIONS[next(iter(call))]
    call.connection.frame(flags, call.id, b"", value)


def unknown_control(call):
    call.connection.control(99, 0, b"whatever")
    call.connection.control(100, call.id)
    return b"ok"


def spaces(call):
    """A reply with the header "k: v", between spaces and tabs."""
    value = b"\x00\x09\x02\x00\x06\x01k \tv ok"
    call.connection.frame(RESPONSE | FIELDS, call.id, b"", value)


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
        "/violate": violate,
        "/unknown-control": unknown_control,
        "/spaces": spaces,
    },
    hello="--v1" not in sys.argv,
    tail=b"\x00 whatever a later version appends" if "--tail" in sys.argv else b"",
)
print(f"listening 127.0.0.1:{server.port}", flush=True)


def drain(*_):
    for connection in server.connections:
        connection.drain()


signal.signal(signal.SIGUSR1, drain)
while True:
    signal.pause()
