# Decodes and encodes messages of random types with upb, for tests/campaigns/schemas.
#
# Frames on standard input and output: length (4 bytes, little-endian) and that many bytes. A frame that begins with S
# is a FileDescriptorProto, and is answered with an empty frame, or with the reason why upb refuses it. A frame that
# begins with B or J is a message of random.M0, binary or JSON; the answer is R (rejected), or A, the length of the
# message in binary (4 bytes), the message, and its JSON, if it has one.

import struct
import sys

from google.protobuf import (
    descriptor_pool,
    json_format,
    message_factory,
    struct_pb2,
    wrappers_pb2,
)
from google.protobuf.internal import api_implementation

if api_implementation.Type() != "upb":
    sys.exit("upb is not what this Python uses")


def read(count):
    data = sys.stdin.buffer.read(count)
    if len(data) < count:
        sys.exit(0)
    return data


def write(data):
    sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)
    sys.stdout.buffer.flush()


def load(data):
    pool = descriptor_pool.DescriptorPool()
    for module in (struct_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(data)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("random.M0"))
    return kind


def answer(kind, how, data):
    try:
        if how == b"B":
            message = kind.FromString(data)
        else:
            message = json_format.Parse(data, kind())
    except Exception:
        return b"R"
    binary = message.SerializePartialToString(deterministic=True)
    try:
        text = json_format.MessageToJson(message, indent=None).encode()
    except Exception:
        text = b""
    return b"A" + struct.pack("<I", len(binary)) + binary + text


KIND = None
while True:
    frame = read(struct.unpack("<I", read(4))[0])
    if frame[:1] == b"S":
        try:
            KIND = load(frame[1:])
            write(b"")
        except Exception as error:
            write(str(error).encode() or b"refused")
    else:
        write(answer(KIND, frame[:1], frame[1:]))
