"""A lean client for the project's server: runs its checks against the address that it is given.

Prints `ok NAME` or `FAILED NAME: why` for each; exit code 1 when one failed.
"""

import sys
import threading
import traceback

from lean import END, STREAM, Client, LeanError

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


CHECKS = [
    unary, route_numbers, metadata, large, compressed, server_stream, client_stream, chat,
    many_at_once, error, unknown_route, deadline, cancel, ping,
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
