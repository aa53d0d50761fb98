package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"bench/echo"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // answers compressed requests with compressed replies
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// server echoes in one of the modes of ../modes.ts.
type server struct {
	echo.UnimplementedEchoServer
	mode string
}

type ordersServer struct {
	echo.UnimplementedOrdersServer
}

func (ordersServer) Echo(_ context.Context, list *echo.OrderList) (*echo.OrderList, error) {
	return list, nil
}

func (ordersServer) List(_ context.Context, wanted *echo.ListRequest) (*echo.OrderList, error) {
	return orders(int(wanted.Count)), nil
}

func (s server) Unary(ctx context.Context, msg *echo.Msg) (*echo.Msg, error) {
	switch s.mode {
	case "turn":
		runtime.Gosched()
	case "metadata":
		return msg, sendFields(ctx)
	}
	return msg, nil
}

// sendFields sends the fields of the request back as headers.
func sendFields(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	headers := metadata.MD{}
	for key, values := range md {
		if strings.HasPrefix(key, "x-field-") {
			headers.Append(key, values...)
		}
	}
	return grpc.SetHeader(ctx, headers)
}

func (server) Bidi(stream grpc.BidiStreamingServer[echo.Msg, echo.Msg]) error {
	for {
		msg, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(msg); err != nil {
			return err
		}
	}
}

func (server) Chunks(wanted *echo.ChunksRequest, stream grpc.ServerStreamingServer[echo.Msg]) error {
	msg := &echo.Msg{Payload: make([]byte, wanted.Size)}
	for range wanted.Count {
		if err := stream.Send(msg); err != nil {
			return err
		}
	}
	return nil
}

func authorized(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get("authorization"); len(values) != 1 || values[0] != "Bearer benchmark" {
		return nil, status.Error(codes.Unauthenticated, "the token is missing")
	}
	return next(ctx, req)
}

// slowest is the largest time of a handler so far, in nanoseconds.
var slowest atomic.Int64

func timed(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	start := time.Now()
	reply, err := next(ctx, req)
	if took := int64(time.Since(start)); took > slowest.Load() {
		slowest.Store(took)
	}
	return reply, err
}

func serve(args []string) {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	mode := flags.String("mode", "plain", "")
	cert := flags.String("tls-cert", "", "")
	key := flags.String("tls-key", "", "")
	ca := flags.String("tls-client-ca", "", "")
	flags.Parse(args[1:])
	listener, err := net.Listen("tcp", args[0])
	if err != nil {
		log.Fatal(err)
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(8 << 20)}
	if *mode == "interceptors" {
		options = append(options, grpc.ChainUnaryInterceptor(authorized, timed))
	}
	if *cert != "" {
		options = append(options, grpc.Creds(tlsOf(*cert, *key, *ca)))
	}
	s := grpc.NewServer(options...)
	echo.RegisterEchoServer(s, server{mode: *mode})
	echo.RegisterOrdersServer(s, ordersServer{})
	fmt.Println("listening", listener.Addr())
	log.Fatal(s.Serve(listener))
}

func tlsOf(certFile, keyFile, caFile string) credentials.TransportCredentials {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			log.Fatal(err)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(pem)
	}
	return credentials.NewTLS(config)
}
