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
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds"
)

type plan struct {
	Target  string
	Rate    float64
	Seconds float64
	// Calls in turn; "%d" in a value of metadata stands for the number of the call, modulo Values.
	Calls []struct {
		Path      string
		Metadata  map[string]string
		TimeoutMs int
	}
	Values int
}

// raw passes messages as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = append([]byte(nil), b...); return nil }
func (raw) Name() string                    { return "raw" }

// client makes the calls that the JSON on standard input says, and prints a line per call: the time of its start in ms,
// its number among the calls, the server's reply or the number of the status after a minus, and its duration in ms.
func client() {
	var p plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		log.Fatal(err)
	}
	creds, err := xdscreds.NewClientCredentials(xdscreds.ClientOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient(p.Target, grpc.WithTransportCredentials(creds),
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
			call := p.Calls[i%len(p.Calls)]
			timeout := 10 * time.Second
			if call.TimeoutMs > 0 {
				timeout = time.Duration(call.TimeoutMs) * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			for name, value := range call.Metadata {
				if value == "%d" {
					value = fmt.Sprintf("user-%d", i%p.Values)
				}
				ctx = metadata.AppendToOutgoingContext(ctx, name, value)
			}
			request, reply := []byte("x"), []byte(nil)
			err := conn.Invoke(ctx, call.Path, &request, &reply)
			took := time.Since(due)
			result := string(reply)
			if err != nil {
				result = fmt.Sprintf("-%d", status.Code(err))
				if os.Getenv("XDS_ERRORS") != "" {
					log.Print(err)
				}
			}
			lock.Lock()
			defer lock.Unlock()
			fmt.Fprintf(out, "%.2f %d %s %.2f\n", float64(due.Sub(start).Microseconds())/1000, i%len(p.Calls),
				result, float64(took.Microseconds())/1000)
		}()
	}
	group.Wait()
}
