package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"bench/echo"

	"connectrpc.com/connect"
)

// echoBack returns the message of a request.
func echoBack[T any](_ context.Context, request *connect.Request[T]) (*connect.Response[T], error) {
	return connect.NewResponse(request.Msg), nil
}

// serveConnect serves the unary methods by connect-go, over HTTP/1.1 and over HTTP/2 in clear text.
func serveConnect(args []string) {
	flags := flag.NewFlagSet("connect", flag.ExitOnError)
	// Both versions are served on the same port.
	flags.String("connect", "h1", "")
	flags.Parse(args[1:])
	listener, err := net.Listen("tcp", args[0])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	limit := connect.WithReadMaxBytes(8 << 20)
	mux.Handle("/bench.Echo/Unary", connect.NewUnaryHandler("/bench.Echo/Unary", echoBack[echo.Msg], limit))
	mux.Handle("/bench.Orders/Echo", connect.NewUnaryHandler("/bench.Orders/Echo", echoBack[echo.OrderList], limit))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	fmt.Println("listening", listener.Addr())
	log.Fatal((&http.Server{Handler: mux, Protocols: protocols}).Serve(listener))
}
