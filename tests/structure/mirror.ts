/**
 * The sources that have no test of their own name, each with the reason and the tests that hold it.
 * `tests/a/b_test.ts` is the mirror of `src/a/b.ts`. Sources without a function need none.
 *
 * @module
 */
import type { Unmirrored } from "./rules.ts";

export const UNMIRRORED: readonly Unmirrored[] = [
  {
    because:
      "the interface of balancers and their registration, tested with a policy of the test's own",
    heldBy: ["tests/rpc/balancer/custom_test.ts", "tests/rpc/pool/balancer_test.ts"],
    sources: [
      "src/rpc/balancer/address_list.ts",
      "src/rpc/balancer/builtin.ts",
      "src/rpc/balancer/least_request.ts",
      "src/rpc/balancer/random_index.ts",
      "src/rpc/balancer/registry.ts",
      "src/rpc/balancer/round_robin.ts",
      "src/rpc/balancer/types.ts",
      "src/rpc/pool/connection_choice.ts",
    ],
  },
  {
    because: "policies that have others below them, tested with a host of the test's own",
    heldBy: ["tests/rpc/balancer/groups_test.ts"],
    sources: [
      "src/rpc/balancer/child_balancer.ts",
      "src/rpc/balancer/hierarchy.ts",
      "src/rpc/balancer/json_fields.ts",
      "src/rpc/balancer/priority.ts",
      "src/rpc/balancer/random_subsetting.ts",
      "src/rpc/balancer/weighted_target.ts",
    ],
  },
  {
    because: "parts of one policy, tested with it",
    heldBy: [
      "tests/rpc/balancer/outlier_detection_test.ts",
      "tests/rpc/balancer/ring_hash_test.ts",
      "tests/rpc/balancer/weighted_round_robin_test.ts",
    ],
    sources: [
      "src/rpc/balancer/hash_ring.ts",
      "src/rpc/balancer/orca.ts",
      "src/rpc/balancer/outlier_config.ts",
      "src/rpc/balancer/server_weight.ts",
      "src/rpc/balancer/stride_scheduler.ts",
      "src/rpc/balancer/xxh64.ts",
      "src/rpc/pool/subchannel_stream.ts",
      "src/services/load_reports.ts",
    ],
  },
  {
    because: "where a channel's addresses come from, tested with resolvers of the test's own",
    heldBy: [
      "tests/rpc/resolver/file_resolver_test.ts",
      "tests/rpc/resolver/kubernetes_resolver_test.ts",
      "tests/rpc/resolver/watched_test.ts",
    ],
    sources: [
      "src/rpc/channel/address_source.ts",
      "src/rpc/pool/watched_resolution.ts",
      "src/rpc/resolver/endpoint_slices.ts",
      "src/rpc/resolver/registry.ts",
      "src/rpc/resolver/static_resolver.ts",
      "src/rpc/resolver/waiting.ts",
    ],
  },
  {
    because: "empty messages, tested as handlers transfer them",
    heldBy: ["tests/rpc/server/transferred_messages_test.ts"],
    sources: ["src/bytes/empty.ts"],
  },
  {
    because: "measured as a collector receives it",
    heldBy: ["tests/telemetry/otlp_test.ts"],
    sources: ["src/telemetry/rpc_durations.ts"],
  },
  {
    because: "the sender's side of a guest's start, tested with the guest's",
    heldBy: ["tests/guest/startup/receive_test.ts"],
    sources: ["src/guest/startup/send.ts"],
  },
  {
    because: "the parent's side of logs and the guest's of clocks, tested with the other side",
    heldBy: ["tests/guest/logs/ship_test.ts", "tests/guest/clock/measure_test.ts"],
    sources: ["src/guest/logs/receive.ts", "src/guest/clock/serve.ts"],
  },
  {
    because: "the queue of log records, tested with their form",
    heldBy: ["tests/guest/logs/record_test.ts"],
    sources: ["src/guest/logs/queue.ts"],
  },
  {
    because: "figures of a guest's clock, read from the metrics of the host program",
    heldBy: ["tests/cmd/host_guest_test.ts"],
    sources: ["src/telemetry/clock.ts"],
  },
  {
    because: "the enclave's side, the answers and the options of an egress proxy, tested with one",
    heldBy: ["tests/guest/egress/proxy_test.ts"],
    sources: [
      "src/guest/egress/answer.ts",
      "src/guest/egress/client.ts",
      "src/guest/egress/options.ts",
    ],
  },
  {
    because: "the answer of a server to HTTP/1, tested with such requests",
    heldBy: ["tests/rpc/server/server_test.ts"],
    sources: ["src/rpc/server/http1_answer.ts"],
  },
  {
    because: "parts of the exchange of documents, tested with clients and servers on both wires",
    heldBy: ["tests/rpc/attestation/exchange_test.ts"],
    sources: [
      "src/attestation/checks.ts",
      "src/rpc/attestation/binding.ts",
      "src/rpc/attestation/client_exchange.ts",
      "src/rpc/attestation/messages.ts",
      "src/rpc/attestation/server_exchange.ts",
      "src/rpc/attestation/server_tls.ts",
      "src/rpc/channel/attest_option.ts",
      "src/rpc/pool/attestation_gate.ts",
      "src/transport/channel_binding.ts",
    ],
  },
  {
    because: "the messages of an attester, tested with a module that answers them",
    heldBy: ["tests/attestation/nitro_attester_test.ts"],
    sources: ["src/attestation/nsm_requests.ts"],
  },
  {
    because: "parts of a policy, each tested with documents that it alone refuses",
    heldBy: [
      "tests/attestation/nitro_policy_test.ts",
      "tests/campaigns/attestation/documents_test.ts",
    ],
    sources: [
      "src/attestation/attestation_error.ts",
      "src/attestation/certificate.ts",
      "src/attestation/certificate_chain.ts",
      "src/attestation/cose_sign1.ts",
      "src/attestation/distinguished_name.ts",
      "src/attestation/nitro_document.ts",
      "src/attestation/pcr_sets.ts",
      "src/attestation/signatures.ts",
    ],
  },
  {
    because:
      "parts of grpc-js's clients, tested with calls of each kind; grpc-js's own suite runs too",
    heldBy: [
      "tests/grpc_js/client_test.ts",
      "tests/grpc_js/client_interceptors_test.ts",
      "tests/grpc_js/channel_credentials_test.ts",
    ],
    sources: [
      "src/grpc_js/call_credentials.ts",
      "src/grpc_js/channel.ts",
      "src/grpc_js/channel_core.ts",
      "src/grpc_js/client_call.ts",
      "src/grpc_js/client_calls.ts",
      "src/grpc_js/client_events.ts",
      "src/grpc_js/deadline.ts",
      "src/grpc_js/environment.ts",
      "src/grpc_js/listener.ts",
      "src/grpc_js/mod.ts",
      "src/grpc_js/secure_options.ts",
    ],
  },
  {
    because:
      "parts of grpc-js's servers, tested with handlers of each kind; grpc-js's own suite runs too",
    heldBy: [
      "tests/grpc_js/server_test.ts",
      "tests/grpc_js/server_interceptors_test.ts",
      "tests/grpc_js/channel_credentials_test.ts",
    ],
    sources: [
      "src/grpc_js/bound_addresses.ts",
      "src/grpc_js/context_facts.ts",
      "src/grpc_js/direct_unary.ts",
      "src/grpc_js/dispatcher.ts",
      "src/grpc_js/methods.ts",
      "src/grpc_js/run_handler.ts",
      "src/grpc_js/server_call.ts",
      "src/grpc_js/server_surface.ts",
      "src/grpc_js/service_methods.ts",
    ],
  },
  {
    because: "the log of grpc-js's interface, read where an option without effect is logged",
    heldBy: ["tests/grpc_js/options_test.ts"],
    sources: ["src/grpc_js/logging.ts"],
  },
  {
    because: "parts of a page's channel, tested with it on Deno's WebSocket",
    heldBy: ["tests/browser/channel_test.ts"],
    sources: [
      "src/browser/call.ts",
      "src/browser/client.ts",
      "src/browser/details.ts",
    ],
  },
  {
    because: "a call's attempts, tested with the strategies that start them",
    heldBy: ["tests/rpc/client/retry_test.ts", "tests/rpc/client/hedging_test.ts"],
    sources: ["src/rpc/client/attempt.ts"],
  },
  {
    because: "what a connection reads from an engine that may throw, tested on each wire",
    heldBy: ["tests/rpc/core/failing_close_test.ts"],
    sources: ["src/rpc/pool/engine_facts.ts"],
  },
  {
    because: "every call uses them; the shared cases check names, values, codes and errors",
    heldBy: ["tests/calls/calls_test.ts"],
    sources: [
      "src/call/method.ts",
      "src/call/status.ts",
      "src/errors.ts",
    ],
  },
  {
    because: "parts of the JSON codec, compared with protobuf-es as a whole on random schemas",
    heldBy: ["tests/protobuf/json/random_test.ts", "tests/protobuf/json/codec_test.ts"],
    sources: [
      "src/protobuf/json/any.ts",
      "src/protobuf/json/containers.ts",
      "src/protobuf/json/decoder.ts",
      "src/protobuf/json/decoder_source.ts",
      "src/protobuf/json/encoder.ts",
      "src/protobuf/json/encoder_source.ts",
      "src/protobuf/json/input.ts",
      "src/protobuf/json/items.ts",
      "src/protobuf/json/member_writers.ts",
      "src/protobuf/json/members.ts",
      "src/protobuf/json/names.ts",
      "src/protobuf/json/numbers.ts",
      "src/protobuf/json/scalars.ts",
      "src/protobuf/json/skip.ts",
      "src/protobuf/json/strings.ts",
      "src/protobuf/json/value_writers.ts",
      "src/protobuf/json/well_known.ts",
      "src/protobuf/json/well_known_writers.ts",
      "src/protobuf/json/writer.ts",
    ],
  },
  {
    because: "parts of the protobuf codec, compared with protobuf-es as a whole on random schemas",
    heldBy: ["tests/protobuf/codec_test.ts"],
    sources: [
      "src/protobuf/code_generation.ts",
      "src/protobuf/decoder_source.ts",
      "src/protobuf/encoder_source.ts",
      "src/protobuf/field_writers.ts",
      "src/protobuf/long_text.ts",
      "src/protobuf/merge.ts",
      "src/protobuf/message_source.ts",
      "src/protobuf/reader.ts",
      "src/protobuf/shape.ts",
      "src/protobuf/short_text.ts",
      "src/protobuf/values.ts",
      "src/protobuf/writer.ts",
    ],
  },
  {
    because: "the real event loop, driven by the scheduler of turns",
    heldBy: ["tests/event_loop/system_turns_test.ts"],
    sources: [
      "src/event_loop/loop.ts",
    ],
  },
  {
    because: "parts of reading descriptors, tested as a whole on whole, partial and damaged ones",
    heldBy: ["tests/schema/types_test.ts"],
    sources: [
      "src/schema/faults.ts",
      "src/schema/file_repair.ts",
      "src/schema/message_repair.ts",
      "src/schema/symbols.ts",
      "src/schema/well_known_types.ts",
    ],
  },
  {
    because: "parts of the gateway, tested through its HTTP interface",
    heldBy: ["tests/gateway/gateway_test.ts"],
    sources: [
      "src/gateway/method_table.ts",
      "src/gateway/options.ts",
    ],
  },
  {
    because: "parts of the status page, tested in a browser",
    heldBy: ["tests/gateway/status_page_test.ts"],
    sources: ["src/gateway/status_page_script.ts", "src/gateway/status_page_style.ts"],
  },
  {
    because: "parts of the document, tested as a whole with a validator of OpenAPI",
    heldBy: ["tests/gateway/openapi/document_test.ts"],
    sources: [
      "src/gateway/openapi/comment_source.ts",
      "src/gateway/openapi/field_behavior.ts",
      "src/gateway/openapi/operation.ts",
      "src/gateway/openapi/path_name.ts",
      "src/gateway/openapi/schemas.ts",
      "src/gateway/openapi/services.ts",
      "src/gateway/openapi/value_schema.ts",
    ],
  },
  {
    because: "parts of transcoding, tested as requests with what the service receives and answers",
    heldBy: [
      "tests/gateway/transcoding/bound_methods_test.ts",
      "tests/gateway/transcoding/http_body_test.ts",
      "tests/gateway/transcoding/request_message_test.ts",
    ],
    sources: [
      "src/gateway/raw_response.ts",
      "src/gateway/transcoding/binding.ts",
      "src/gateway/transcoding/field_path.ts",
      "src/gateway/transcoding/field_text.ts",
    ],
  },
  {
    because: "parts of the handler of the Fetch API, tested through requests and responses",
    heldBy: ["tests/rpc/fetch/handler_test.ts", "tests/calls/calls_test.ts"],
    sources: [
      "src/rpc/fetch/exchange.ts",
      "src/rpc/fetch/options.ts",
      "src/rpc/fetch/request_body.ts",
      "src/rpc/fetch/response_body.ts",
    ],
  },
  {
    because: "compressions, all of which hold the same rules",
    heldBy: ["tests/codec/inflate_test.ts", "tests/codec/compression_test.ts"],
    sources: ["src/codec/brotli.ts", "src/codec/deflate.ts", "src/codec/gzip.ts"],
  },
  {
    because: "the end of a server, tested through close() and shutdown()",
    heldBy: ["tests/rpc/server/hooks_test.ts", "tests/rpc/fetch/handler_test.ts"],
    sources: ["src/rpc/server/close_hooks.ts"],
  },
  {
    because:
      "halves of the gRPC engine, tested as client against server and against written frames",
    heldBy: [
      "tests/grpc/client_test.ts",
      "tests/grpc/engine_test.ts",
      "tests/grpc/foreign_answer_test.ts",
    ],
    sources: [
      "src/grpc/client_stream.ts",
      "src/grpc/request_fields.ts",
      "src/grpc/status_map.ts",
      "src/grpc/stream.ts",
    ],
  },
  {
    because:
      "calls of gRPC-Web and Connect, tested as requests and responses with bytes cut anywhere",
    heldBy: ["tests/web/server/web_server_test.ts", "tests/rpc/server/http1_calls_test.ts"],
    sources: [
      "src/web/server/call_start.ts",
      "src/web/server/exchange.ts",
      "src/web/server/http2_exchange.ts",
      "src/web/server/plain_responses.ts",
      "src/web/server/stream_call.ts",
      "src/web/server/stream_dialect.ts",
      "src/web/server/unary_call.ts",
    ],
  },
  {
    because: "parts of the calls of Connect and gRPC-Web, tested on both versions of HTTP",
    heldBy: [
      "tests/web/client/connect_unary_call_test.ts",
      "tests/web/client/stream_call_test.ts",
      "tests/web/client/http1_client_test.ts",
      "tests/web/client/http2_client_test.ts",
    ],
    sources: [
      "src/web/client/call_end.ts",
      "src/web/client/connect_unary_request.ts",
      "src/web/client/exchange.ts",
      "src/web/client/http2_stream.ts",
      "src/web/client/request_opener.ts",
      "src/web/client/start_call.ts",
      "src/web/client/stream_format.ts",
    ],
  },
  {
    because: "the names that errors have, tested with the errors",
    heldBy: ["tests/web/connect_error_test.ts"],
    sources: [
      "src/web/connect_codes.ts",
    ],
  },
  {
    because: "parts of the HPACK codec, tested by the vectors of RFC 7541 and by round trips",
    heldBy: [
      "tests/hpack/rfc7541_test.ts",
      "tests/hpack/decoder_test.ts",
      "tests/hpack/encoder_test.ts",
    ],
    sources: [
      "src/hpack/header_list.ts",
      "src/hpack/huffman_table.ts",
      "src/hpack/integer.ts",
      "src/hpack/prepared_field.ts",
      "src/hpack/static_table.ts",
    ],
  },
  {
    because:
      "parts of an HTTP/1.1 connection, tested by bytes in and bytes out, cut everywhere, and by hostile input",
    heldBy: [
      "tests/http1/client_connection_test.ts",
      "tests/http1/connection_test.ts",
      "tests/http1/smuggling_test.ts",
      "tests/http1/properties_test.ts",
    ],
    sources: [
      "src/http1/body_receiver.ts",
      "src/http1/chunked_body.ts",
      "src/http1/client_exchange.ts",
      "src/http1/exchange.ts",
      "src/http1/framing.ts",
      "src/http1/gathered_bytes.ts",
      "src/http1/head_scanner.ts",
      "src/http1/reason_phrases.ts",
      "src/http1/refusals.ts",
      "src/http1/request_head.ts",
      "src/http1/request_writer.ts",
      "src/http1/response_writer.ts",
      "src/http1/target.ts",
      "src/http1/timeouts.ts",
    ],
  },
  {
    because:
      "parts of an HTTP/2 connection, tested by frames in and frames out, by simulation and by h2spec",
    heldBy: ["tests/http2/connection_test.ts", "tests/campaigns/simulation/simulation_test.ts"],
    sources: [
      "src/http2/constants.ts",
      "src/http2/context.ts",
      "src/http2/data_receiver.ts",
      "src/http2/frame_receiver.ts",
      "src/http2/frame_writer.ts",
      "src/http2/header_blocks.ts",
      "src/http2/header_receiver.ts",
      "src/http2/header_writer.ts",
      "src/http2/options.ts",
      "src/http2/pings.ts",
      "src/http2/send_queue.ts",
      "src/http2/stream.ts",
      "src/http2/stream_closer.ts",
    ],
  },
  {
    because: "version 1 of the lean wire, tested by golden bytes",
    heldBy: ["tests/lean/v1/client_test.ts", "tests/lean/v1/server_test.ts"],
    sources: [
      "src/lean/v1/client_call.ts",
      "src/lean/v1/server_call.ts",
    ],
  },
  {
    because:
      "parts of a lean connection, tested as client against server, by hostile bytes and by simulation",
    heldBy: [
      "tests/lean/client_test.ts",
      "tests/lean/server_test.ts",
      "tests/lean/properties_test.ts",
      "tests/campaigns/simulation/simulation_test.ts",
    ],
    sources: [
      "src/lean/client_call.ts",
      "src/lean/connection.ts",
      "src/lean/extended_frames.ts",
      "src/lean/frame_output.ts",
      "src/lean/inflate.ts",
      "src/lean/send_account.ts",
    ],
  },
  {
    because: "parts of a load run, tested as a whole in virtual time",
    heldBy: ["tests/load/generate/runner_test.ts"],
    sources: [
      "src/load/generate/pacer.ts",
      "src/load/generate/slot.ts",
      "src/load/generate/slot_queue.ts",
      "src/load/measure/collector.ts",
      "src/load/measure/parts.ts",
      "src/load/measure/recorder.ts",
    ],
  },
  {
    because: "parts of flows, tested as a whole against a server",
    heldBy: ["tests/load/generate/flow_target_test.ts"],
    sources: [
      "src/load/generate/flow_methods.ts",
      "src/load/generate/flow_steps.ts",
      "src/load/generate/outcomes.ts",
      "src/load/measure/flow_counts.ts",
    ],
  },
  {
    because: "types, and a function that returns its argument",
    heldBy: ["tests/cmd/benchmark_flow_test.ts"],
    sources: ["src/load/generate/scenario.ts", "src/load/scenario.ts"],
  },
  {
    because: "the end of a server's call, tested with its handler",
    heldBy: ["tests/rpc/server/call_handler_test.ts", "tests/rpc/server/hooks_test.ts"],
    sources: [
      "src/rpc/server/reply_sending.ts",
      "src/rpc/server/sendable_error.ts",
    ],
  },
  {
    because: "need a server, or the processes of the machine; tested by running the program",
    heldBy: ["tests/cmd/benchmark_test.ts"],
    sources: [
      "src/load/generate/channel_target.ts",
      "src/load/generate/reflection.ts",
    ],
  },
  {
    because: "shape and notes of the result, which all reports show",
    heldBy: ["tests/load/report/text_test.ts", "tests/load/report/json_test.ts"],
    sources: [
      "src/load/measure/notes.ts",
      "src/load/measure/result.ts",
      "src/load/report/parts.ts",
      "src/load/report/table.ts",
    ],
  },
  {
    because: "a comparison over rounds as text and as HTML, rendered by the test of the comparison",
    heldBy: ["tests/load/report/rounds_test.ts"],
    sources: ["src/load/report/rounds_html.ts", "src/load/report/rounds_text.ts"],
  },
  {
    because: "data that the page draws, looked at in a browser",
    heldBy: ["tests/load/report/html_test.ts"],
    sources: [
      "src/load/report/charts.ts",
      "src/load/report/html_text.ts",
    ],
  },
  {
    because: "parts of a channel, tested by the shared cases on every wire and transport",
    heldBy: ["tests/calls/calls_test.ts", "tests/rpc/channel/channel_test.ts"],
    sources: [
      "src/rpc/channel/assembly.ts",
      "src/rpc/channel/call_factory.ts",
      "src/rpc/channel/typed_client.ts",
    ],
  },
  {
    because: "definitions of grpc-js on routers and channels, tested with the adapter",
    heldBy: ["tests/grpc_js/native_test.ts"],
    sources: [
      "src/rpc/channel/defined_client.ts",
      "src/rpc/core/definitions.ts",
      "src/rpc/dispatch/definition_adder.ts",
    ],
  },
  {
    because: "the certificate that the adapter for grpc-js shows, tested there",
    heldBy: ["tests/grpc_js/channel_credentials_test.ts"],
    sources: ["src/transport/kept_certificate.ts"],
  },
  {
    because: "parts of calls, tested by the shared cases on every wire and transport",
    heldBy: [
      "tests/calls/calls_test.ts",
      "tests/rpc/client/hooks_test.ts",
      "tests/rpc/client/streaming_call_test.ts",
    ],
    sources: [
      "src/rpc/client/call_control.ts",
      "src/rpc/client/stream_adapters.ts",
    ],
  },
  {
    because: "parts of an HTTP server, tested with sockets and hostile peers",
    heldBy: [
      "tests/rpc/http/server_test.ts",
      "tests/rpc/http/request_test.ts",
      "tests/rpc/http/response_test.ts",
    ],
    sources: [
      "src/rpc/http/connection.ts",
      "src/rpc/http/handler.ts",
      "src/rpc/http/http_date.ts",
      "src/rpc/http/options.ts",
      "src/rpc/http/request_body.ts",
      "src/rpc/http/request_headers.ts",
    ],
  },
  {
    because: "parts of the pool, tested in virtual time",
    heldBy: ["tests/rpc/pool/pool_test.ts"],
    sources: [
      "src/rpc/pool/options.ts",
      "src/rpc/pool/process_ref.ts",
    ],
  },
  {
    because: "a served connection, tested with sockets and hostile peers",
    heldBy: ["tests/rpc/server/server_test.ts", "tests/rpc/server/overload_test.ts"],
    sources: [
      "src/rpc/server/call_errors.ts",
      "src/rpc/server/connection.ts",
    ],
  },
  {
    because: "both ends of a worker thread, tested with real workers",
    heldBy: ["tests/rpc/workers/pool_test.ts"],
    sources: [
      "src/rpc/workers/host.ts",
      "src/rpc/workers/messages.ts",
      "src/rpc/workers/worker.ts",
    ],
  },
  {
    because: "the signing back ends and their choice, compared with node:crypto and OpenSSL",
    heldBy: ["tests/services/signer_test.ts", "tests/services/crypto_test.ts"],
    sources: [
      "src/services/crypto_backend.ts",
      "src/services/crypto_keys.ts",
      "src/services/libcrypto.ts",
      "src/services/signature_suites.ts",
      "src/services/webcrypto_signer.ts",
    ],
  },
  {
    because: "the service of cmd/enclave.ts, called through the gateway",
    heldBy: ["tests/cmd/host_test.ts"],
    sources: [
      "src/services/enclave.ts",
    ],
  },
  {
    because: "times of the echo service",
    heldBy: ["tests/services/echo_test.ts"],
    sources: [
      "src/services/nanoseconds.ts",
    ],
  },
  {
    because: "observed together with the metrics of calls",
    heldBy: ["tests/telemetry/metrics_test.ts"],
    sources: [
      "src/telemetry/gauges.ts",
    ],
  },
  {
    because: "TLS, on every transport that it runs on",
    heldBy: ["tests/transport/tls_test.ts", "tests/transport/tls_suite_test.ts"],
    sources: [
      "src/transport/tls_node.ts",
      "src/transport/tls_server.ts",
      "src/transport/tls_stream.ts",
    ],
  },
  {
    because: "pass the shared suite of transports",
    heldBy: ["tests/transport/plain_test.ts", "tests/transport/suite.ts"],
    sources: [
      "src/transport/tcp.ts",
      "src/transport/unix.ts",
      "src/transport/vsock.ts",
    ],
  },
  {
    because: "checks of Deno's flags, tested where they are used",
    heldBy: ["tests/transport/listen_test.ts"],
    sources: [
      "src/runtime/deno/unstable.ts",
    ],
  },
  {
    because: "parts of the runtimes, which pass one suite",
    heldBy: ["tests/runtime/suite.ts", "tests/runtime/deno_test.ts", "tests/runtime/node_test.ts"],
    sources: [
      "src/runtime/deno/errors.ts",
      "src/runtime/node/abort.ts",
      "src/runtime/node/lock.ts",
      "src/runtime/node/names.ts",
      "src/runtime/node/socket_conn.ts",
      "src/runtime/node/sockets.ts",
      "src/runtime/web_events.ts",
    ],
  },
  {
    because: "workers of the runtimes, tested with the pool",
    heldBy: ["tests/rpc/workers/pool_test.ts", "tests/rpc/workers/worker_hooks_test.ts"],
    sources: [
      "src/runtime/deno/worker_scope.ts",
      "src/runtime/node/workers.ts",
      "src/runtime/web_worker.ts",
    ],
  },
  {
    because: "parts of the xDS client, tested with it and a control plane in memory",
    heldBy: ["tests/xds/client/xds_client_test.ts", "tests/xds/client/bootstrap_test.ts"],
    sources: [
      "src/xds/client/ads_state.ts",
      "src/xds/client/control_channel.ts",
      "src/xds/client/names.ts",
    ],
  },
  {
    because: "validation of xDS, tested by kind of resource",
    heldBy: ["tests/xds/resources/kinds_test.ts", "tests/xds/resources/matchers_test.ts"],
    sources: [
      "src/xds/resources/any.ts",
      "src/xds/resources/cluster.ts",
      "src/xds/resources/endpoints.ts",
      "src/xds/resources/http_filters.ts",
      "src/xds/resources/ip.ts",
      "src/xds/resources/listener.ts",
      "src/xds/resources/policies.ts",
      "src/xds/resources/rbac.ts",
      "src/xds/resources/resource_error.ts",
      "src/xds/resources/route_config.ts",
      "src/xds/resources/security.ts",
    ],
  },
  {
    because:
      "from an xDS target to its endpoints, tested with a control plane and servers on sockets",
    heldBy: ["tests/xds/resolver/xds_resolver_test.ts"],
    sources: [
      "src/xds/balancers/cds.ts",
      "src/xds/balancers/cluster_impl.ts",
      "src/xds/balancers/cluster_manager.ts",
      "src/xds/balancers/register.ts",
      "src/xds/balancers/request_counter.ts",
      "src/xds/balancers/wrr_locality.ts",
      "src/xds/client/transport.ts",
      "src/xds/environment.ts",
      "src/xds/register.ts",
      "src/xds/resolver/dependencies.ts",
      "src/xds/routing/call_hash.ts",
      "src/xds/routing/faults.ts",
      "src/xds/routing/route_selector.ts",
    ],
  },
  {
    because: "the settings that a resolver gives to calls, tested on calls of a channel",
    heldBy: ["tests/rpc/client/configured_call_test.ts"],
    sources: ["src/rpc/client/resolved_config.ts"],
  },
  {
    because: "what a channel reports for metrics and spans, tested with those",
    heldBy: ["tests/telemetry/attempts_test.ts", "tests/telemetry/balancers_test.ts"],
    sources: [
      "src/rpc/core/attempts.ts",
      "src/rpc/core/balancer_observer.ts",
      "src/rpc/pool/disconnect_reason.ts",
    ],
  },
  {
    because: "what a process has, for channelz, tested by its service",
    heldBy: ["tests/services/channelz_test.ts"],
    sources: [
      "src/rpc/channel/pool_links.ts",
      "src/rpc/core/inventory.ts",
      "src/services/channelz_registry.ts",
    ],
  },
];
