import assert from "node:assert/strict";
import { peerAttributes, serverAttributes, systemOf } from "../../src/telemetry/conventions.ts";

Deno.test("server.address and server.port come from the target, as the conventions' examples have it", () => {
  const cases: [target: string, address: string, port?: number][] = [
    ["grpc.io:50051", "grpc.io", 50051],
    ["dns:grpc.io:50051", "grpc.io", 50051],
    ["dns:///grpc.io:50051", "grpc.io", 50051],
    ["dns://1.2.3.4/grpc.io:50051", "grpc.io", 50051],
    ["[2001:db8::1]:443", "2001:db8::1", 443],
    ["ipv6:[::1]:443", "::1", 443],
    ["unix:///run/containerd/containerd.sock", "/run/containerd/containerd.sock"],
    ["unix:relative.sock", "relative.sock"],
    ["zk://zookeeper:2181/my-server", "zk://zookeeper:2181/my-server"],
    [
      "ipv4:198.51.100.123:50051,198.51.100.124:50051",
      "ipv4:198.51.100.123:50051,198.51.100.124:50051",
    ],
    ["vsock:3:5000", "vsock:3:5000"],
  ];
  for (const [target, address, port] of cases) {
    assert.deepEqual(serverAttributes(target), {
      "server.address": address,
      ...(port !== undefined && { "server.port": port }),
    });
  }
});

Deno.test("network.peer.address and network.peer.port are the parts of a peer's address", () => {
  assert.deepEqual(peerAttributes("192.0.2.1:9"), {
    "network.peer.address": "192.0.2.1",
    "network.peer.port": 9,
  });
  assert.deepEqual(peerAttributes("[::1]:9"), {
    "network.peer.address": "::1",
    "network.peer.port": 9,
  });
  assert.deepEqual(peerAttributes("unix:/run/a"), { "network.peer.address": "/run/a" });
});

Deno.test("systemOf() names Connect, and describes the other wires as gRPC", () => {
  assert.equal(systemOf("connect"), "connectrpc");
  assert.equal(systemOf("grpc-web"), "grpc");
  assert.equal(systemOf("lean"), "grpc");
});
