// Serves grpc.testing.TestService of grpc-go with reflection and health: plain, by TLS, by mutual TLS and on a Unix socket.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

type server struct {
	testpb.TestServiceServer
}

// UnaryCall answers with the metadata "who" as a header, and adds details to errors.
func (s server) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if want := in.GetResponseStatus(); want.GetCode() != 0 {
		answer, err := status.New(codes.Code(want.GetCode()), want.GetMessage()).WithDetails(
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
				{Field: "response_size", Description: "too large"},
			}},
			&testpb.EchoStatus{Code: 7, Message: "a type of the service"},
		)
		if err != nil {
			return nil, err
		}
		return nil, answer.Err()
	}
	who := ""
	if values := metadata.ValueFromIncomingContext(ctx, "who"); len(values) > 0 {
		who = values[0]
	}
	if who == "slow" {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	grpc.SetHeader(ctx, metadata.Pairs("reply-who", who))
	grpc.SetTrailer(ctx, metadata.Pairs("reply-tail", "two"))
	return &testpb.SimpleResponse{Payload: in.GetPayload()}, nil
}

func serve(name string, network, address string, options ...grpc.ServerOption) {
	listener, err := net.Listen(network, address)
	if err != nil {
		panic(err)
	}
	one := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(one, server{interop.NewTestServer()})
	checks := health.NewServer()
	checks.SetServingStatus("shop", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(one, checks)
	reflection.Register(one)
	fmt.Printf("%s %s\n", name, listener.Addr())
	go one.Serve(listener)
}

// The argument is a folder with ca, cert and key.
func main() {
	folder := os.Args[1]
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert"), filepath.Join(folder, "key"))
	if err != nil {
		panic(err)
	}
	pem, err := os.ReadFile(filepath.Join(folder, "ca"))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	one := &tls.Config{Certificates: []tls.Certificate{pair}}
	both := &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
	}
	serve("plain", "tcp", "127.0.0.1:0")
	serve("tls", "tcp", "127.0.0.1:0", grpc.Creds(credentials.NewTLS(one)))
	serve("mtls", "tcp", "127.0.0.1:0", grpc.Creds(credentials.NewTLS(both)))
	serve("unix", "unix", filepath.Join(folder, "socket"))
	fmt.Println("ready")
	select {}
}
