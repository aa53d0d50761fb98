// Calls servers at a rate with grpc-go, as the JSON on standard input says, and prints a line per call:
// the time of its start in ms, the server's reply or "-", and its duration in ms.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest"
	_ "google.golang.org/grpc/balancer/ringhash"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	_ "google.golang.org/grpc/xds"
)

type plan struct {
	Addresses     []string
	ServiceConfig json.RawMessage
	Rate          float64
	Seconds       float64
	// Number of different values of the header "session"; 0 for none.
	Sessions int
}

// raw passes messages as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = append([]byte(nil), b...); return nil }
func (raw) Name() string                    { return "raw" }

func main() {
	var p plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		log.Fatal(err)
	}
	builder := manual.NewBuilderWithScheme("fleet")
	var endpoints []resolver.Address
	for _, address := range p.Addresses {
		endpoints = append(endpoints, resolver.Address{Addr: address})
	}
	builder.InitialState(resolver.State{Addresses: endpoints})
	conn, err := grpc.NewClient("fleet:///", grpc.WithResolvers(builder),
		grpc.WithDefaultServiceConfig(string(p.ServiceConfig)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var lock sync.Mutex
	var group sync.WaitGroup
	start := time.Now()
	count := int(p.Rate * p.Seconds)
	for i := 0; i < count; i++ {
		due := start.Add(time.Duration(float64(i) / p.Rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		group.Add(1)
		go func() {
			defer group.Done()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if p.Sessions > 0 {
				ctx = metadata.AppendToOutgoingContext(ctx, "session", fmt.Sprintf("user-%d", i%p.Sessions))
			}
			request, reply := []byte("x"), []byte(nil)
			err := conn.Invoke(ctx, "/work", &request, &reply)
			took := time.Since(due)
			server := "-"
			if err == nil {
				server = string(reply)
			}
			lock.Lock()
			defer lock.Unlock()
			fmt.Fprintf(out, "%.2f %s %.2f\n", float64(due.Sub(start).Microseconds())/1000, server,
				float64(took.Microseconds())/1000)
		}()
	}
	group.Wait()
}
