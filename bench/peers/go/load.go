package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"os"
	"sort"
	"sync"
	"syscall"
	"time"

	"bench/echo"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// result is what one worker counted.
type result struct {
	count     int
	latencies []time.Duration
}

// client calls both services on one connection.
type client struct {
	echo.EchoClient
	orders echo.OrdersClient
}

// chunkCount is how many messages one call of Chunks asks for.
const chunkCount = 1000

func unary(client client, end time.Time, size int) (r result) {
	msg := &echo.Msg{Payload: make([]byte, size)}
	for {
		start := time.Now()
		if start.After(end) {
			return r
		}
		if _, err := client.Unary(context.Background(), msg); err != nil {
			log.Fatal(err)
		}
		r.count++
		r.latencies = append(r.latencies, time.Since(start))
	}
}

func nested(client client, end time.Time, _ int) (r result) {
	list := orders(10)
	for time.Now().Before(end) {
		if _, err := client.orders.Echo(context.Background(), list); err != nil {
			log.Fatal(err)
		}
		r.count++
	}
	return r
}

func pingpong(client client, end time.Time, size int) (r result) {
	stream, err := client.Bidi(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	msg := &echo.Msg{Payload: make([]byte, size)}
	for {
		start := time.Now()
		if start.After(end) {
			stream.CloseSend()
			return r
		}
		if err := stream.Send(msg); err != nil {
			log.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			log.Fatal(err)
		}
		r.count++
		r.latencies = append(r.latencies, time.Since(start))
	}
}

func pump(client client, end time.Time, size int) (r result) {
	stream, err := client.Bidi(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		msg := &echo.Msg{Payload: make([]byte, size)}
		for time.Now().Before(end) {
			// The clock is asked once per 64 messages: it isn't what is measured.
			for range 64 {
				// The reader learns why the stream ended.
				if stream.Send(msg) != nil {
					return
				}
			}
		}
		stream.CloseSend()
	}()
	for {
		_, err := stream.Recv()
		if err == io.EOF {
			return r
		}
		if err != nil {
			log.Fatal(err)
		}
		r.count++
	}
}

func chunks(client client, end time.Time, size int) (r result) {
	for time.Now().Before(end) {
		stream, err := client.Chunks(
			context.Background(),
			&echo.ChunksRequest{Count: chunkCount, Size: int32(size)},
		)
		if err != nil {
			log.Fatal(err)
		}
		for {
			_, err := stream.Recv()
			if err == io.EOF {
				break
			}
			if err != nil {
				log.Fatal(err)
			}
			r.count++
		}
	}
	return r
}

// cpuSeconds is what this process has used so far, in user and kernel mode.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	nanos := usage.Utime.Nano() + usage.Stime.Nano()
	return float64(nanos) / 1e9
}

// idle holds a connection and makes a call per second on it.
func idle(client client, end time.Time, size int) (r result) {
	msg := &echo.Msg{Payload: make([]byte, size)}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		start := <-ticker.C
		if start.After(end) {
			return r
		}
		start = time.Now()
		if _, err := client.Unary(context.Background(), msg); err != nil {
			log.Fatal(err)
		}
		r.count++
		r.latencies = append(r.latencies, time.Since(start))
	}
}

// newClient returns a client whose connection is up.
func newClient(address string) client {
	conn, err := grpc.NewClient(
		address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20)),
	)
	if err != nil {
		log.Fatal(err)
	}
	client := client{echo.NewEchoClient(conn), echo.NewOrdersClient(conn)}
	if _, err := client.Unary(context.Background(), &echo.Msg{}); err != nil {
		log.Fatal(err)
	}
	return client
}

func load(kind string, address string, workers int, seconds float64, size int) {
	work, ok := map[string]func(client, time.Time, int) result{
		"unary": unary, "pingpong": pingpong, "pump": pump, "chunks": chunks, "idle": idle,
		"nested": nested,
	}[kind]
	if !ok {
		log.Fatalf("unknown kind of load %q", kind)
	}
	clients := []client{newClient(address)}
	for kind == "idle" && len(clients) < workers {
		clients = append(clients, newClient(address))
	}
	if kind == "unary" || kind == "nested" {
		// The first second isn't measured.
		var warmUp sync.WaitGroup
		for i := range workers {
			warmUp.Go(func() { work(clients[i%len(clients)], time.Now().Add(time.Second), size) })
		}
		warmUp.Wait()
	}
	cpu := cpuSeconds()
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	if kind == "idle" {
		end = end.Add(time.Second) // the workers take as long to start
	}
	results := make([]result, workers)
	var group sync.WaitGroup
	for i := range workers {
		if kind == "idle" {
			// Spread over the second, as independent clients are.
			time.Sleep(time.Second / time.Duration(workers))
		}
		group.Go(func() { results[i] = work(clients[i%len(clients)], end, size) })
	}
	group.Wait()
	elapsed := time.Since(start).Seconds()
	count, latencies := 0, []time.Duration{}
	for _, r := range results {
		count += r.count
		latencies = append(latencies, r.latencies...)
	}
	out := map[string]any{"calls": count, "seconds": elapsed, "cpuSeconds": cpuSeconds() - cpu}
	if len(latencies) > 0 {
		sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
		at := func(q float64) float64 {
			return float64(latencies[int(q*float64(len(latencies)-1))].Nanoseconds()) / 1000
		}
		out["p50Us"], out["p99Us"] = at(0.5), at(0.99)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		log.Fatal(err)
	}
}
