# The enclave program as a small image that runs as an unprivileged user.
#
#   docker build -t vrpc-enclave .
#   docker run --rm -p 50001:50001 vrpc-enclave
#
# In a Nitro Enclave: docker build, then nitro-cli build-enclave; see docs/enclaves.md.

FROM denoland/deno:2.9.6 AS build
WORKDIR /app
COPY deno.json deno.lock mod.ts ./
COPY src ./src
COPY proto/gen ./proto/gen
COPY cmd ./cmd
RUN deno compile --no-check --output /enclave \
    --allow-net --allow-env --allow-read --allow-ffi --unstable-vsock --unstable-net \
    --v8-flags=--max-semi-space-size=2,--initial-old-space-size=40,--heap-growing-percent=100,--single-threaded-gc,--concurrent-array-buffer-sweeping,--no-allocation-site-pretenuring \
    cmd/enclave.ts

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /enclave /enclave
# Listens on all interfaces, for other containers and published ports; the default of the program is loopback.
ENV ENCLAVE_ADDR=0.0.0.0:50001
EXPOSE 50001
ENTRYPOINT ["/enclave"]
