package main

import (
	"encoding/json"
	"os"
	"sort"
	"time"
)

const (
	crowdCallsPerSecond = 2000
	// Connections opened at once: servers limit those that wait to be accepted.
	crowdBatch = 100
	// Connections from one address, below the number of ports that a system gives to clients.
	crowdPerAddress = 5000
	crowdWarmUp     = time.Second
)

// crowd opens many connections, then calls on one after the other, at a fixed rate in total. It measures the
// server's CPU time for each connection and for each call, its memory, and the latency from when calls were due.
func crowd(address string, count int, seconds float64, args []string) {
	pid := args[0]
	requests := readRequests([]string{"/bench.Echo/Unary"}, args[1:])
	loop := newLoop()
	counting := false
	var latencies []float64
	onDone := func(_ *rawConn, one *call) {
		if counting {
			latencies = append(latencies, float64(time.Since(one.due).Nanoseconds())/1000)
		}
	}
	memory, cpu := serverMemory(pid), serverCPU(pid)
	conns := make([]*rawConn, 0, count)
	for len(conns) < count {
		begin := len(conns)
		for len(conns) < count && len(conns)-begin < crowdBatch {
			source := [4]byte{127, 0, 0, byte(1 + len(conns)/crowdPerAddress)}
			conns = append(conns, loop.connect(address, source, requests, onDone))
		}
		loop.settle(conns[begin:])
	}
	out := map[string]any{
		"connectCpuUs":    (serverCPU(pid) - cpu) / float64(count) * 1e6,
		"perConnectionKb": (serverMemory(pid) - memory) / float64(count) / 1000,
	}

	due := time.Now()
	counted := due.Add(crowdWarmUp)
	end := counted.Add(time.Duration(seconds * float64(time.Second)))
	start, calls := 0.0, 0
	for i := 0; due.Before(end); {
		for now := time.Now(); !due.After(now) && due.Before(end); i++ {
			if !counting && due.After(counted) {
				counting, start = true, serverCPU(pid)
			}
			if counting {
				calls++
			}
			c := conns[i%len(conns)]
			c.start(0, due)
			loop.flush(c)
			due = due.Add(time.Second / crowdCallsPerSecond)
		}
		loop.poll(0)
	}
	loop.drain(conns)
	sort.Float64s(latencies)
	at := func(q float64) float64 { return latencies[int(q*float64(len(latencies)-1))] }
	out["rate"] = float64(calls) / seconds
	out["cpuUs"] = (serverCPU(pid) - start) / float64(calls) * 1e6
	out["p50Us"], out["p99Us"] = at(0.5), at(0.99)
	out["residentMb"] = serverMemory(pid) / 1e6
	check(json.NewEncoder(os.Stdout).Encode(out))
}
