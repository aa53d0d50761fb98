// The Go side of the comparison: "plane" is a control plane on go-control-plane, "client" a client on grpc-go.
package main

import (
	"log"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: xds plane ADDRESS | xds client")
	}
	switch os.Args[1] {
	case "plane":
		plane(os.Args[2])
	case "client":
		client()
	default:
		log.Fatalf("no such command: %s", os.Args[1])
	}
}
