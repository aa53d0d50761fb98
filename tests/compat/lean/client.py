"""A lean client for the project's server: runs its checks against the address that it is given.

Prints `ok NAME` or `FAILED NAME: why` for each; exit code 1 when one failed.
"""

import struct
import sys
import threading
import traceback

from lean import COMPRESSED, END, FIELDS, HEADER, PING, REQUEST, STREAM, Client, LeanError

host, port = sys.argv[1].rsplit(":", 1)
client = Client(host, int(port))


def failure(work):
    try:
        work()
    except LeanError as error:
        return error
    raise AssertionError("it succeeded")


def unary():
    reply, _ = client.unary("/echo", b"hi")
    assert reply == b"hi", reply


def route_numbers():
    for _ in range(3):
        for route in ("/echo", "/total", "/echo"):
            client.unary(route, b"1")


def metadata():
    reply, call = client.unary("/metadata", b"", metadata=[("k", "v"), ("x-bin", b"\x00\xff")])
    assert reply == b"v 00ff", reply
    assert ("h", "1") in call.headers, call.headers
    assert ("t", "2") in call.trailers, call.trailers


def large():
    body = bytes(i & 255 for i in range(1_000_000))
    reply, _ = client.unary("/echo", body)
    assert reply == body, len(reply)


def compressed():
    body = b"abc" * 50_000
    reply, _ = client.unary("/echo", body, compress=True)
    assert reply == body, len(reply)


def server_stream():
    replies = list(client.open("/count", b"1000"))
    assert replies == [str(i).encode() for i in range(1000)], replies[:5]


def client_stream():
    call = client.open("/total")
    for _ in range(100):
        call.send(STREAM, b"x" * 5_000)
    call.send(STREAM, b"", END)
    assert list(call) == [b"500000"]


def chat():
    call = client.open("/chat")
    for i in range(20):
        call.send(STREAM, str(i).encode())
        assert call.messages.get(timeout=10) == f"re: {i}".encode()
    client.frame(END, call.id)
    assert list(call) == []


def many_at_once():
    calls = [client.open("/echo", str(i).encode()) for i in range(90)]
    assert [list(call) for call in calls] == [[str(i).encode()] for i in range(90)]


def error():
    failed = failure(lambda: client.unary("/fail"))
    assert (failed.code, failed.text) == (5, "missing: ü"), failed
    assert dict(failed.trailers)["why"] == "test", failed.trailers


def unknown_route():
    assert failure(lambda: client.unary("/nothing/here")).code == 12


def deadline():
    assert failure(lambda: client.unary("/hang", b"", timeout_ms=50)).code == 4


def cancel():
    call = client.open("/hang", b"")
    threading.Timer(0.05, client.cancel, [call]).start()
    assert failure(lambda: list(call)).code == 1
    assert client.unary("/echo", b"after")[0] == b"after"


def ping():
    assert client.ping() == b"12345678"


# What a client must not send: the table "Violations".

def block(*entries):
    body = b"".join(struct.pack(">BH", kind, len(content)) + content for kind, content in entries)
    return struct.pack(">H", len(body)) + body


def pair(key, value):
    return HEADER, bytes([len(key)]) + key + value


def bad_fields_cost_their_call():
    bad = [
        b"\x00", b"\x00\x09\x01", block(pair(b"K", b"v")), block(pair(b"te", b"trailers")),
        block(pair(b"host", b"a")), block(pair(b"k", b"a\nb")), block(pair(b"k", b"\xe9")),
        block((1, b"\x01")), block((1, b"\x00\x00\x10\x00"), (1, b"\x00\x00\x10\x00")),
    ]
    for fields in bad:
        call = client.raw(REQUEST | FIELDS, b"/echo", fields)
        assert failure(lambda: list(call)).code == 13, fields
    assert client.unary("/echo", b"after")[0] == b"after"


def spaces_are_stripped():
    fields = block(pair(b"k", b" \tv "), pair(b"x-bin", b" "))
    assert list(client.raw(REQUEST | FIELDS, b"/metadata", fields)) == [b"v 20"]


def zero_timeout():
    call = client.raw(REQUEST | FIELDS, b"/echo", block((1, bytes(4))))
    assert failure(lambda: list(call)).code == 4


def bad_gzip_costs_its_call():
    call = client.raw(REQUEST | COMPRESSED, b"/echo", b"this is not gzip")
    assert failure(lambda: list(call)).code == 13


def unknown_control_frames_are_ignored():
    client.control(99, 0, b"whatever")
    client.control(200, 7)
    assert client.unary("/echo", b"after")[0] == b"after"


def a_hello_may_have_a_tail():
    other = Client(host, int(port), tail=b"\x00 whatever a later version appends")
    assert other.unary("/echo", b"hi")[0] == b"hi"
    other.close()


def violations_end_the_connection():
    for flags, call_id, kind, value, reason in [
        (0, 1, bytes([PING]), bytes(8), 1),
        (0, 0, bytes([PING]), bytes(7), 1),
        (0, 0, b"", bytes(8), 1),
        (0, 0, b"\x02", bytes(4), 1),
        (0x03, 1, b"/echo", b"", 1),
        (REQUEST, 0, b"/echo", b"", 1),
        (STREAM, 5, b"", b"m", 1),
        (REQUEST, 1, b"\x00\x09", b"", 1),
        (REQUEST, 1, b"/echo", bytes(65_537), 3),
    ]:
        other = Client(host, int(port))
        try:
            other.frame(flags, call_id, kind, value)
        except OSError:
            pass  # Closed before all of it was sent.
        assert other.ended.wait(10), (flags, call_id, kind)
        assert other.goodbye and other.goodbye[0] == reason, (flags, call_id, kind, other.goodbye)
        other.close()


CHECKS = [
    unary, route_numbers, metadata, large, compressed, server_stream, client_stream, chat,
    many_at_once, error, unknown_route, deadline, cancel, ping, bad_fields_cost_their_call,
    spaces_are_stripped, zero_timeout, bad_gzip_costs_its_call, unknown_control_frames_are_ignored,
    a_hello_may_have_a_tail, violations_end_the_connection,
]
failed = 0
for check in CHECKS:
    try:
        check()
        print(f"ok {check.__name__}", flush=True)
    except Exception:
        failed += 1
        print(f"FAILED {check.__name__}: {traceback.format_exc(limit=-2)}", flush=True)
client.close()
sys.exit(1 if failed else 0)
