// The echo server and the client that makes load where h2load can't.
//
//	peers server 127.0.0.1:0 [--tls-cert FILE --tls-key FILE]
//	peers unary|pingpong|pump|chunks 127.0.0.1:PORT STREAMS SECONDS [SIZE]
//	peers idle 127.0.0.1:PORT CONNECTIONS SECONDS [SIZE]
//
// The client prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"bench/echo"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type server struct {
	echo.UnimplementedEchoServer
}

type ordersServer struct {
	echo.UnimplementedOrdersServer
}

func (ordersServer) Echo(_ context.Context, list *echo.OrderList) (*echo.OrderList, error) {
	return list, nil
}

func (ordersServer) List(_ context.Context, wanted *echo.ListRequest) (*echo.OrderList, error) {
	list := &echo.OrderList{Orders: make([]*echo.Order, wanted.Count)}
	for i := range list.Orders {
		list.Orders[i] = order(i)
	}
	return list, nil
}

// order is the one of ../../orders.ts.
func order(i int) *echo.Order {
	items := make([]*echo.Item, 2)
	for k := range items {
		items[k] = &echo.Item{
			Sku:      fmt.Sprintf("SKU-%d-%d", i, k),
			Title:    "Analytical engine part",
			Quantity: uint32(k + 1),
			Price:    &echo.Money{Currency: "EUR", Units: 1_250, Nanos: 990_000_000},
			Tags:     []string{"brass", "gear"},
		}
	}
	note := "leave at the door"
	return &echo.Order{
		Id: fmt.Sprintf("order-%d", 100_000+i),
		Customer: &echo.Customer{
			Id:    fmt.Sprintf("customer-%d", i),
			Name:  "Ada Lovelace",
			Email: "ada@example.com",
			Address: &echo.Address{
				Street:     "12 St James's Square",
				City:       "London",
				PostalCode: "SW1Y 4JH",
				Country:    "GB",
			},
		},
		Items:     items,
		Labels:    map[string]string{"channel": "web", "region": "eu-west-1"},
		CreatedAt: &timestamppb.Timestamp{Seconds: 1_764_300_000, Nanos: 5_000},
		State:     echo.State_STATE_PAID,
		Note:      &note,
		Payment:   &echo.Order_Card{Card: "4242"},
		History:   []int32{1, 2, 300, 4},
		Discount:  0.15,
		Gift:      true,
	}
}

func (server) Unary(_ context.Context, msg *echo.Msg) (*echo.Msg, error) {
	return msg, nil
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

func serve(address, certFile, keyFile string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(8 << 20)}
	if certFile != "" {
		tls, err := credentials.NewServerTLSFromFile(certFile, keyFile)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(tls))
	}
	s := grpc.NewServer(options...)
	echo.RegisterEchoServer(s, server{})
	echo.RegisterOrdersServer(s, ordersServer{})
	fmt.Println("listening", listener.Addr())
	log.Fatal(s.Serve(listener))
}

// result is what one worker counted.
type result struct {
	count     int
	latencies []time.Duration
}

// chunkCount is how many messages one call of Chunks asks for.
const chunkCount = 1000

func unary(client echo.EchoClient, end time.Time, size int) (r result) {
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

func pingpong(client echo.EchoClient, end time.Time, size int) (r result) {
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

func pump(client echo.EchoClient, end time.Time, size int) (r result) {
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

func chunks(client echo.EchoClient, end time.Time, size int) (r result) {
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
func idle(client echo.EchoClient, end time.Time, size int) (r result) {
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

// connect returns a client whose connection is up.
func connect(address string) echo.EchoClient {
	conn, err := grpc.NewClient(
		address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20)),
	)
	if err != nil {
		log.Fatal(err)
	}
	client := echo.NewEchoClient(conn)
	if _, err := client.Unary(context.Background(), &echo.Msg{}); err != nil {
		log.Fatal(err)
	}
	return client
}

func load(kind string, address string, workers int, seconds float64, size int) {
	work, ok := map[string]func(echo.EchoClient, time.Time, int) result{
		"unary": unary, "pingpong": pingpong, "pump": pump, "chunks": chunks, "idle": idle,
	}[kind]
	if !ok {
		log.Fatalf("unknown kind of load %q", kind)
	}
	clients := []echo.EchoClient{connect(address)}
	for kind == "idle" && len(clients) < workers {
		clients = append(clients, connect(address))
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

func main() {
	if len(os.Args) >= 3 && os.Args[1] == "server" {
		if len(os.Args) == 7 && os.Args[3] == "--tls-cert" && os.Args[5] == "--tls-key" {
			serve(os.Args[2], os.Args[4], os.Args[6])
		} else {
			serve(os.Args[2], "", "")
		}
		return
	}
	if len(os.Args) < 5 {
		log.Fatal("usage: peers server ADDRESS | peers KIND ADDRESS STREAMS SECONDS [SIZE]")
	}
	streams, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	seconds, err := strconv.ParseFloat(os.Args[4], 64)
	if err != nil {
		log.Fatal(err)
	}
	size := 64
	if len(os.Args) > 5 {
		if size, err = strconv.Atoi(os.Args[5]); err != nil {
			log.Fatal(err)
		}
	}
	load(os.Args[1], os.Args[2], streams, seconds, size)
}
