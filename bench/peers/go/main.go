// The echo servers of grpc-go and connect-go, and the clients that make load where h2load can't.
//
//	peers server 127.0.0.1:0 [--mode MODE] [--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]]
//	peers connect 127.0.0.1:0 [--connect h1|h2]
//	peers unary|nested|pingpong|pump|chunks 127.0.0.1:PORT STREAMS SECONDS [SIZE]
//	peers idle 127.0.0.1:PORT CONNECTIONS SECONDS [SIZE]
//	peers mixed 127.0.0.1:PORT SECONDS PID SMALL NESTED LARGE
//	peers tls 127.0.0.1:PORT CONNECTIONS STREAMS SECONDS PID REQUEST [CERT KEY]
//	peers crowd 127.0.0.1:PORT CONNECTIONS SECONDS PID REQUEST
//
// The clients print one line of JSON. The first group uses grpc-go's client. The clients mixed, tls and crowd speak
// HTTP/2 themselves, because grpc-go's client costs more than the servers; SMALL, NESTED, LARGE and REQUEST are
// files, each with a gRPC message; PID is the process of the server.
package main

import (
	"log"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) >= 3 && os.Args[1] == "server" {
		serve(os.Args[2:])
		return
	}
	if len(os.Args) >= 3 && os.Args[1] == "connect" {
		serveConnect(os.Args[2:])
		return
	}
	if len(os.Args) < 5 {
		log.Fatal("usage: peers server ADDRESS | peers KIND ADDRESS …")
	}
	kind, address := os.Args[1], os.Args[2]
	switch kind {
	case "mixed":
		mixed(address, number(os.Args[3]), os.Args[4:])
	case "tls":
		args := os.Args[3:]
		overTLS(address, int(number(args[0])), int(number(args[1])), number(args[2]), args[3:])
	case "crowd":
		crowd(address, int(number(os.Args[3])), number(os.Args[4]), os.Args[5:])
	default:
		size := 64
		if len(os.Args) > 5 {
			size = int(number(os.Args[5]))
		}
		load(kind, address, int(number(os.Args[3])), number(os.Args[4]), size)
	}
}

func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
