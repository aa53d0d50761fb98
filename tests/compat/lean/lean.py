"""The lean wire, written from src/lean/README.md alone, with the standard library of Python.

An independent implementation that the project's own is tested against. It favours being short and easy to
compare with the text over being fast: one thread reads a connection, and each call of a server has a thread.
"""

import gzip
import itertools
import queue
import re
import socket
import struct
import threading
import zlib

# Flags of a frame.
REQUEST, RESPONSE, STREAM, END, ERROR, FIELDS, MORE, COMPRESSED = (1 << bit for bit in range(8))
# Control frames.
CANCEL, CREDIT, PING, PONG, GOODBYE, HEADERS = range(1, 7)
# Settings of a hello, with their defaults until the peer's hello has come.
WINDOW, MAX_CALLS, ENCODINGS, MAX_ROUTES, MAX_VALUE = range(1, 6)
DEFAULTS = {WINDOW: 65_536, MAX_CALLS: 100, ENCODINGS: 0, MAX_ROUTES: 0, MAX_VALUE: 16_384}
# Entries of a field block.
TIMEOUT, HEADER, TRAILER, AUTHORITY = range(1, 5)

HELLO = b"vrpc/hello"
OURS = {WINDOW: 65_536, MAX_CALLS: 100, ENCODINGS: 1, MAX_ROUTES: 16, MAX_VALUE: 32_768}

OK, CANCELLED, UNKNOWN, UNIMPLEMENTED, INTERNAL = 0, 1, 2, 12, 13
FORBIDDEN = {"connection", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
# What a control frame must be: whether it is of a call, least and largest length of its value.
CONTROL_RULES = {
    CANCEL: (True, 0, 0), CREDIT: (True, 4, 4), PING: (False, 8, 8), PONG: (False, 8, 8),
    GOODBYE: (False, 9, 1 << 32), HEADERS: (True, 0, 1 << 32),
}


class LeanError(Exception):
    """A call that failed: a status code, its text, and trailing metadata."""

    def __init__(self, code, text, trailers=()):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.trailers = code, text, list(trailers)


class BrokenWire(Exception):
    """The peer broke the protocol."""


def encode_frame(flags, call_id, kind=b"", value=b""):
    return struct.pack(">BBQHI", 1, flags, call_id, len(kind), len(value)) + kind + value


def encode_hello(mark, settings):
    return mark + b"\x01" + b"".join(struct.pack(">BI", *pair) for pair in settings.items())


def decode_hello(value, mark):
    """The settings of a hello, or None when `value` is none from that side."""
    if not value.startswith(mark) or len(value) < 6 or value[5] < 1:
        return None
    settings = dict(DEFAULTS)
    for at in range(6, len(value), 5):
        if value[at] == 0:
            break
        if len(value) - at < 5:
            return None
        number, setting = struct.unpack_from(">BI", value, at)
        settings[number] = setting
    return settings


def encode_fields(timeout_ms=None, headers=(), trailers=()):
    """A field block; empty when there is nothing to say."""
    entries = []
    if timeout_ms is not None:
        entries.append((TIMEOUT, struct.pack(">I", timeout_ms)))
    for kind, pairs in ((HEADER, headers), (TRAILER, trailers)):
        for key, value in pairs:
            key = key.encode()
            value = value if isinstance(value, bytes) else value.encode()
            entries.append((kind, bytes([len(key)]) + key + value))
    if not entries:
        return b""
    block = b"".join(struct.pack(">BH", kind, len(content)) + content for kind, content in entries)
    return struct.pack(">H", len(block)) + block


class Fields:
    """A field block that was read."""

    def __init__(self):
        self.timeout_ms, self.headers, self.trailers, self.authority = None, [], [], None


def decode_fields(value):
    """The block at the start of `value`, and what follows it. What is wrong with it costs its call: LeanError."""
    try:
        return read_fields(value)
    except (struct.error, IndexError, ValueError) as error:
        raise LeanError(INTERNAL, f"Cannot read a field block: {error}") from None


def read_fields(value):
    (length,) = struct.unpack_from(">H", value)
    block, rest = value[2 : 2 + length], value[2 + length :]
    if len(block) < length:
        raise ValueError("it is cut off")
    fields, at = Fields(), 0
    while at < len(block):
        kind, size = struct.unpack_from(">BH", block, at)
        content = block[at + 3 : at + 3 + size]
        at += 3 + size
        if len(content) < size:
            raise ValueError("an entry is cut off")
        if kind == TIMEOUT:
            if fields.timeout_ms is not None:
                raise ValueError("a second timeout")
            (fields.timeout_ms,) = struct.unpack(">I", content)
        elif kind == AUTHORITY:
            if fields.authority is not None or not re.fullmatch(rb"[!-~]+", content):
                raise ValueError("the authority")
            fields.authority = content.decode()
        elif kind in (HEADER, TRAILER):
            (fields.headers if kind == HEADER else fields.trailers).append(read_pair(content))
    return fields, rest


def read_pair(content):
    key, value = content[1 : 1 + content[0]], content[1 + content[0] :]
    if len(key) < content[0] or not re.fullmatch(rb"[a-z0-9._-]+", key) or key.decode() in FORBIDDEN:
        raise ValueError("a metadata key")
    if key.endswith(b"-bin"):
        return key.decode(), value
    value = value.strip(b" \t")
    if not re.fullmatch(rb"[ -~]*", value):
        raise ValueError("a metadata value")
    return key.decode(), value.decode()


def read_error(value, trailers):
    """The LeanError that an error frame stands for."""
    if len(value) < 4 or struct.unpack_from(">H", value, 2)[0] != len(value) - 4:
        return LeanError(INTERNAL, "the error's length does not match its text", trailers)
    code = value[0] if 1 <= value[0] <= 16 else UNKNOWN
    return LeanError(14 if value[1] & 1 else code, value[4:].decode(), trailers)


class Call:
    """One call on a connection, from either side. Messages come out of `messages`, None at their end."""

    def __init__(self, connection, call_id, route=None, fields=None):
        self.connection, self.id, self.route = connection, call_id, route
        self.fields = fields or Fields()
        self.messages = queue.Queue()
        self.headers, self.trailers, self.error = [], [], None
        self.cancelled = threading.Event()
        self.ended = self.received_end = False
        self._credit = connection.peer[WINDOW]
        self._room = threading.Condition()
        self._pieces, self._taken = [], 0

    def __iter__(self):
        while (message := self.messages.get()) is not None:
            yield message
        if self.error:
            raise self.error

    # Receiving, on the connection's thread.

    def take(self, flags, value):
        """One frame that carries a message, or a piece of one."""
        self._pieces.append(value)
        self._taken += len(value)
        if not flags & MORE:
            message = b"".join(self._pieces)
            self._pieces = []
            if flags & COMPRESSED:
                try:
                    message = gzip.decompress(message)
                except (OSError, EOFError, zlib.error):
                    raise LeanError(INTERNAL, "a message is not gzip") from None
            self.messages.put(message)
        if self._taken >= OURS[WINDOW] // 2 and not flags & END and not self.received_end:
            self.connection.control(CREDIT, self.id, struct.pack(">I", self._taken))
            self._taken = 0

    def finish(self, error=None):
        self.error = self.error or error
        self.received_end = True
        self.messages.put(None)

    def give_credit(self, more):
        with self._room:
            self._credit += more
            self._room.notify_all()

    def stop(self):
        """Nothing more is to be sent: the call or its connection is over."""
        self.cancelled.set()
        with self._room:
            self._room.notify_all()

    # Sending.

    def send(self, first, message, end=0, compress=False, fields=b""):
        """Sends one message in as many pieces as credit and the peer's frames ask for.

        `first` has the flags of the frame kind (STREAM of a client, RESPONSE | STREAM of a server).
        """
        packed = COMPRESSED if compress else 0
        if compress:
            message = gzip.compress(message)
        at = 0
        while True:
            left = len(message) - at
            with self._room:
                enough = min(512, left)
                while self._credit < enough and not self.cancelled.is_set():
                    self._room.wait()
                if self.cancelled.is_set():
                    raise LeanError(CANCELLED, "the call is over")
                size = min(left, self._credit, self.connection.peer[MAX_VALUE])
                self._credit -= size
            piece, at = message[at : at + size], at + size
            more = MORE if at < len(message) else 0
            flags = first | packed | (more or end) | (FIELDS if fields else 0)
            self.connection.frame(flags, self.id, b"", fields + piece)
            fields = b""
            if not more:
                return


class Connection:
    """What client and server share: frames in and out, pings, credit, the peer's goodbye."""

    def __init__(self, sock):
        self.sock = sock
        self.peer = dict(DEFAULTS)
        self.calls = {}
        self.goodbye = None
        self.pongs = queue.Queue()
        self._write = threading.Lock()
        self._input = sock.makefile("rb")

    def frame(self, flags, call_id, kind=b"", value=b""):
        with self._write:
            self.sock.sendall(encode_frame(flags, call_id, kind, value))

    def control(self, kind, call_id, value=b""):
        self.frame(0, call_id, bytes([kind]), value)

    def read_frame(self):
        """The next frame as (flags, id, type, value), or None at the end of the connection."""
        head = self._input.read(16)
        if len(head) < 16:
            return None
        version, flags, call_id, kind, value = struct.unpack(">BBQHI", head)
        if version != 1:
            raise BrokenWire(f"version {version}")
        return flags, call_id, self._input.read(kind), self._input.read(value)

    def fail(self, reason, text):
        """Ends the connection because the peer broke the protocol."""
        self.control(GOODBYE, 0, struct.pack(">BQ", reason, 0) + text.encode())
        raise BrokenWire(text)

    def on_control(self, call_id, kind, value):
        if len(kind) != 1:
            self.fail(1, "a control frame has a type of one byte")
        kind = kind[0]
        if kind not in CONTROL_RULES:
            return
        of_call, least, most = CONTROL_RULES[kind]
        if of_call != (call_id != 0) or not least <= len(value) <= most:
            self.fail(1, f"control frame {kind} with id {call_id} and {len(value)} bytes")
        call = self.calls.get(call_id)
        if kind == PING:
            self.control(PONG, 0, value)
        elif kind == PONG:
            self.pongs.put(value)
        elif kind == CREDIT and call:
            call.give_credit(struct.unpack(">I", value)[0])
        elif kind == GOODBYE:
            reason, last = struct.unpack_from(">BQ", value)
            self.goodbye = (reason, last, value[9:].decode())
        elif kind == HEADERS and call:
            call.headers = decode_fields(value)[0].headers
        elif kind == CANCEL and call:
            call.stop()
            call.finish(LeanError(CANCELLED, "cancelled by the client"))

    def ping(self, payload=b"12345678"):
        self.control(PING, 0, payload)
        return self.pongs.get(timeout=10)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def end_calls(self, error):
        for call in list(self.calls.values()):
            call.stop()
            if not call.ended:
                call.ended = True
                call.finish(error)


class Client(Connection):
    """A client's end. Says the hello and waits for the answer before anything else."""

    def __init__(self, host, port, tail=b""):
        super().__init__(socket.create_connection((host, port), timeout=20))
        self.sock.settimeout(None)
        self._ids = itertools.count(1)
        self._routes, self._opening = {}, threading.Lock()
        self.ended = threading.Event()
        self.frame(REQUEST, 0, HELLO, encode_hello(b"vrpcC", OURS) + tail)
        answer = self.read_frame()
        settings = None
        if answer and answer[0] == RESPONSE and answer[2] == HELLO:
            settings = decode_hello(answer[3], b"vrpcS")
        if settings is None:
            raise BrokenWire("the peer speaks version 1 only")
        self.peer = settings
        threading.Thread(target=self._read, daemon=True).start()

    def _route(self, route):
        """The route's number once it has one; it gets one by being spelled out."""
        number = self._routes.get(route)
        if number is not None:
            return bytes([0, number])
        if len(self._routes) < self.peer[MAX_ROUTES]:
            self._routes[route] = len(self._routes)
        return route.encode()

    def open(self, route, message=None, timeout_ms=None, metadata=(), compress=False):
        """Opens a call: with `message`, the only one; without, messages follow by `send`."""
        fields = encode_fields(timeout_ms, metadata)
        with self._opening:
            call = Call(self, next(self._ids))
            self.calls[call.id] = call
            kind, flags = self._route(route), REQUEST | (FIELDS if fields else 0)
            whole = message is not None and not compress and len(message) <= 16_384
            if whole:
                with call._room:
                    call._credit -= len(message)
                self.frame(flags, call.id, kind, fields + message)
            else:
                self.frame(flags | STREAM, call.id, kind, fields)
        if message is not None and not whole:
            call.send(STREAM, message, END, compress)
        return call

    def unary(self, route, message=b"", **options):
        """The only reply to one message. Raises LeanError."""
        call = self.open(route, message, **options)
        replies = list(call)
        if len(replies) != 1:
            raise LeanError(INTERNAL, f"{len(replies)} replies")
        return replies[0], call

    def cancel(self, call):
        self.control(CANCEL, call.id)
        call.ended = True
        call.stop()
        call.finish(LeanError(CANCELLED, "cancelled here"))

    def _read(self):
        error = LeanError(14, "the connection ended")
        try:
            while (frame := self.read_frame()) is not None:
                self._take(*frame)
        except (OSError, ValueError, BrokenWire):
            pass
        self.end_calls(error)
        self.ended.set()

    def raw(self, flags, kind, value=b""):
        """Opens a call by a frame that is sent as it is, legal or not."""
        with self._opening:
            call = Call(self, next(self._ids))
            self.calls[call.id] = call
            self.frame(flags, call.id, kind, value)
        return call

    def _take(self, flags, call_id, kind, value):
        call = self.calls.get(call_id)
        try:
            if flags == 0:
                return self.on_control(call_id, kind, value)
            return self._take_reply(call, flags, call_id, value)
        except LeanError as error:
            if not flags & END and flags & STREAM or flags == 0:
                self.control(CANCEL, call_id)
            call.ended = True
            call.finish(error)
        return None

    def _take_reply(self, call, flags, call_id, value):
        if call is None or call.ended:
            return None
        if flags & FIELDS:
            fields, value = decode_fields(value)
            call.headers += fields.headers
            call.trailers += fields.trailers
        bare = flags & ~(FIELDS | COMPRESSED)
        over = bare in (RESPONSE, RESPONSE | STREAM | END, RESPONSE | END, RESPONSE | ERROR)
        if over:
            call.ended = True
        if bare in (RESPONSE, RESPONSE | STREAM, RESPONSE | STREAM | MORE, RESPONSE | STREAM | END):
            call.take(flags | (END if over else 0), value)
        if bare == RESPONSE | ERROR:
            call.finish(read_error(value, call.trailers))
        elif over:
            call.finish()
        if over:
            call.stop()
            del self.calls[call_id]
        return None


class Server:
    """Serves `routes`: functions of a Call that return one reply, yield several, or raise LeanError."""

    def __init__(self, routes, settings=OURS, hello=True, tail=b""):
        self.routes, self.settings, self.hello, self.tail = dict(routes), settings, hello, tail
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            connection = ServerConnection(sock, self)
            self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()


class ServerConnection(Connection):
    def __init__(self, sock, server):
        super().__init__(sock)
        self.server, self.routes, self.last, self.draining = server, [], 0, False

    def run(self):
        try:
            first = self.read_frame()
            settings = None
            if first and first[:3] == (REQUEST, 0, HELLO) and self.server.hello:
                settings = decode_hello(first[3], b"vrpcC")
            if settings is None:
                self._version_1(first)
            else:
                self.peer = settings
                answer = encode_hello(b"vrpcS", self.server.settings) + self.server.tail
                self.frame(RESPONSE, 0, HELLO, answer)
                while (frame := self.read_frame()) is not None:
                    self._take(*frame)
        except (OSError, ValueError, BrokenWire):
            pass
        self.end_calls(LeanError(CANCELLED, "the connection ended"))
        self.close()

    def drain(self):
        self.draining = True
        self.control(GOODBYE, 0, struct.pack(">BQ", 0, self.last) + b"draining")

    def _take(self, flags, call_id, kind, value):
        if flags == 0:
            return self.on_control(call_id, kind, value)
        try:
            bare = flags & ~(FIELDS | COMPRESSED)
            if bare in (REQUEST, REQUEST | STREAM):
                return self._open(flags, call_id, kind, value)
            call = self.calls.get(call_id)
            if call is None or call.ended or call.received_end:
                return None
            if bare & STREAM:
                call.take(flags, value)
            if bare & END:
                call.finish()
        except LeanError as error:
            self._send_error(call_id, error)
        return None

    def _send_error(self, call_id, error):
        text = error.text.encode()
        fields = encode_fields(trailers=error.trailers)
        flags = RESPONSE | ERROR | (FIELDS if fields else 0)
        body = struct.pack(">BBH", error.code, 0, len(text)) + text
        self.frame(flags, call_id, b"", fields + body)

    def _open(self, flags, call_id, kind, value):
        if kind[:1] == b"\x00":
            route = self.routes[kind[1]]
        else:
            route = kind.decode()
            if len(self.routes) < self.server.settings[MAX_ROUTES]:
                self.routes.append(route)
        fields = Fields()
        if flags & FIELDS:
            fields, value = decode_fields(value)
        call = Call(self, call_id, route, fields)
        self.calls[call_id], self.last = call, call_id
        if not flags & STREAM:
            call.take(flags | END, value)
            call.finish()
        threading.Thread(target=self._handle, args=(call,), daemon=True).start()

    def _handle(self, call):
        try:
            handler = self.server.routes.get(call.route)
            if handler is None:
                raise LeanError(UNIMPLEMENTED, f"no route {call.route}")
            replies = handler(call)
            if replies is None:
                return None
            if isinstance(replies, bytes) and len(replies) <= 16_384:
                return self._reply_whole(call, replies)
            compress = ("want", "gzip") in call.fields.headers
            for reply in [replies] if isinstance(replies, bytes) else replies:
                call.send(RESPONSE | STREAM, reply, compress=compress)
            fields = encode_fields(trailers=call.trailers)
            self.frame(RESPONSE | END | (FIELDS if fields else 0), call.id, b"", fields)
        except LeanError as error:
            if not call.cancelled.is_set():
                self._send_error(call.id, error)
        except OSError:
            pass
        finally:
            call.ended = True
            self.calls.pop(call.id, None)

    def _reply_whole(self, call, reply):
        fields = encode_fields(headers=call.headers, trailers=call.trailers)
        with call._room:
            call._credit -= len(reply)
        self.frame(RESPONSE | (FIELDS if fields else 0), call.id, b"", fields + reply)

    def _version_1(self, frame):
        """A version-1 server: requests with one reply, an empty reply to routes that it does not know."""
        while frame is not None:
            flags, call_id, kind, value = frame
            if flags == REQUEST:
                handler = self.server.routes.get(kind.decode())
                reply = b""
                if handler:
                    call = Call(self, call_id, kind.decode())
                    call.messages.put(value)
                    call.messages.put(None)
                    made = handler(call)
                    reply = made if isinstance(made, bytes) else b"".join(made)
                self.frame(RESPONSE, call_id, kind, reply)
            frame = self.read_frame()

