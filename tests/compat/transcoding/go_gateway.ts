/**
 * The program of grpc-gateway that serves the compared services.
 *
 * @module
 */

import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";

/** Returns a Go program that serves the services of `protos` in front of the gRPC server that it is given. */
export function gatewayProgram(
  files: readonly FileDescriptorProto[],
  protos: readonly string[],
): string {
  const services = files.filter(({ name }) => protos.includes(name)).flatMap((file) =>
    file.service.map(({ name }) => ({
      name,
      folder: file.name.slice(0, file.name.lastIndexOf("/")),
    }))
  );
  const folders = [...new Set(services.map(({ folder }) => folder))];
  const alias = (folder: string) => `p${folders.indexOf(folder)}`;
  const imports = folders.map((folder) => `\t${alias(folder)} "compat/gen/${folder}"`);
  const register = services.map(({ name, folder }) =>
    `\t\t${alias(folder)}.Register${name}HandlerFromEndpoint,`
  );
  return `package main

import (
\t"context"
\t"fmt"
\t"net"
\t"net/http"
\t"os"

${imports.join("\n")}
\t"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
\t"google.golang.org/grpc"
\t"google.golang.org/grpc/credentials/insecure"
\t"google.golang.org/protobuf/encoding/protojson"
)

func main() {
\tmux := runtime.NewServeMux(
\t\truntime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
\t\t\tMarshaler: &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: false}},
\t\t}),
\t)
\toptions := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
\tfor _, register := range []func(context.Context, *runtime.ServeMux, string, []grpc.DialOption) error{
${register.join("\n")}
\t} {
\t\tif err := register(context.Background(), mux, os.Args[1], options); err != nil {
\t\t\tpanic(err)
\t\t}
\t}
\tlistener, err := net.Listen("tcp", "127.0.0.1:0")
\tif err != nil {
\t\tpanic(err)
\t}
\tfmt.Println(listener.Addr())
\tpanic(http.Serve(listener, mux))
}
`;
}
