package main

import (
	"crypto/tls"
	"encoding/json"
	"log"
	"os"
	"sort"
	"time"
)

const tlsWarmUp = time.Second

// overTLS makes calls in a closed loop over TLS: `streams` in flight on each connection. The handshakes and the
// calls are measured apart. With the files of a certificate and a key, the connections show it to the server.
func overTLS(address string, count, streams int, seconds float64, args []string) {
	pid, requests := args[0], readRequests([]string{"/bench.Orders/Echo"}, args[1:2])
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
	if len(args) == 4 {
		pair, err := tls.LoadX509KeyPair(args[2], args[3])
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}

	cpu := serverCPU(pid)
	sockets := make([]*tls.Conn, count)
	for i := range sockets {
		socket, err := tls.Dial("tcp", address, config)
		check(err)
		if protocol := socket.ConnectionState().NegotiatedProtocol; protocol != "h2" {
			log.Fatalf("the server chose the protocol %q", protocol)
		}
		sockets[i] = socket
	}
	out := map[string]any{"connectCpuUs": (serverCPU(pid) - cpu) / float64(count) * 1e6}

	// All connections run on one thread, so the figures need no lock.
	var latencies []float64
	counting, calls := false, 0
	done := func(c *rawConn, one *call) {
		if counting {
			calls++
			if count*streams == 1 {
				latencies = append(latencies, float64(time.Since(one.due).Nanoseconds())/1000)
			}
		}
		c.start(0, time.Now())
	}
	for _, socket := range sockets {
		go runTLS(socket, newConn(address, "https", requests, done), streams)
	}
	time.Sleep(tlsWarmUp)
	counting = true
	start, cpu, own := time.Now(), serverCPU(pid), cpuSeconds()
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	took, used := time.Since(start).Seconds(), serverCPU(pid)-cpu
	counting = false
	if calls == 0 {
		log.Fatal("no call was answered")
	}
	out["rate"], out["cpuUs"] = float64(calls)/took, used/float64(calls)*1e6
	out["loadShare"] = (cpuSeconds() - own) / took
	out["residentMb"] = serverMemory(pid) / 1e6
	if len(latencies) > 0 {
		sort.Float64s(latencies)
		at := func(q float64) float64 { return latencies[int(q*float64(len(latencies)-1))] }
		out["p50Us"], out["p99Us"], out["p999Us"] = at(0.5), at(0.99), at(0.999)
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}

// runTLS answers what is received until the program ends.
func runTLS(socket *tls.Conn, c *rawConn, streams int) {
	buffer := make([]byte, 1<<16)
	begun := false
	for {
		if len(c.out) > 0 {
			_, err := socket.Write(c.out)
			check(err)
			c.out = c.out[:0]
		}
		n, err := socket.Read(buffer)
		check(err)
		c.feed(buffer[:n])
		if c.settled && !begun {
			begun = true
			for range streams {
				c.start(0, time.Now())
			}
		}
	}
}
