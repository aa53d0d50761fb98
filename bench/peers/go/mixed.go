package main

import (
	"encoding/json"
	"log"
	"math/rand/v2"
	"os"
	"sort"
	"time"
)

const (
	mixedConns    = 10
	mixedInFlight = 10
	// Share of the capacity that calls are made at while they are timed.
	mixedShare = 0.6
	// Part of a phase before anything is counted.
	mixedWarmUp = 500 * time.Millisecond
)

// kindOf draws the kind of the next call: 90 % small, 9 % nested, 1 % large.
func kindOf(random *rand.Rand) int {
	switch n := random.IntN(100); {
	case n < 90:
		return 0
	case n < 99:
		return 1
	default:
		return 2
	}
}

// mixed measures the rate that the server can take with calls of three sizes, then the latency of the small ones at
// a share of that rate. Calls of the second phase are due at random times (Poisson), on random connections, and are
// timed from when they were due.
func mixed(address string, seconds float64, args []string) {
	pid, files := args[0], args[1:]
	requests := readRequests([]string{"/bench.Echo/Unary", "/bench.Orders/Echo", "/bench.Echo/Unary"}, files)
	loop := newLoop()
	random := rand.New(rand.NewPCG(1, 2))
	closed, done := false, 0
	var small []float64
	counting := false
	onDone := func(c *rawConn, one *call) {
		if counting {
			done++
			if one.kind == 0 {
				small = append(small, float64(time.Since(one.due).Nanoseconds())/1000)
			}
		}
		if closed {
			c.start(kindOf(random), time.Now())
		}
	}
	conns := make([]*rawConn, mixedConns)
	for i := range conns {
		conns[i] = loop.connect(address, [4]byte{127, 0, 0, 1}, requests, onDone)
	}
	loop.settle(conns)
	length := time.Duration(seconds * float64(time.Second))

	// Capacity: a closed loop.
	closed = true
	for _, c := range conns {
		for range mixedInFlight {
			c.start(kindOf(random), time.Now())
		}
		loop.flush(c)
	}
	loop.until(time.Now().Add(mixedWarmUp), -1)
	counting, done = true, 0
	start, cpu, own := time.Now(), serverCPU(pid), cpuSeconds()
	loop.until(start.Add(length), -1)
	took := time.Since(start).Seconds()
	capacity := float64(done) / took
	usage := serverCPU(pid) - cpu
	out := map[string]any{
		"rate": capacity, "cpuUs": usage / float64(done) * 1e6, "loadShare": (cpuSeconds() - own) / took,
	}
	closed, counting = false, false
	loop.drain(conns)

	// Latency: an open loop.
	small = small[:0]
	due := time.Now()
	counted := due.Add(mixedWarmUp)
	end := counted.Add(length)
	for due.Before(end) {
		for now := time.Now(); !due.After(now); {
			counting = due.After(counted)
			c := conns[random.IntN(len(conns))]
			c.start(kindOf(random), due)
			loop.flush(c)
			due = due.Add(time.Duration(random.ExpFloat64() / (capacity * mixedShare) * float64(time.Second)))
		}
		loop.poll(0)
	}
	loop.drain(conns)
	if len(small) == 0 {
		log.Fatal("no call was counted")
	}
	sort.Float64s(small)
	at := func(q float64) float64 { return small[int(q*float64(len(small)-1))] }
	out["p50Us"], out["p99Us"], out["p999Us"] = at(0.5), at(0.99), at(0.999)
	refused := 0
	for _, c := range conns {
		refused += c.refused
	}
	out["refused"] = refused
	out["residentMb"] = serverMemory(pid) / 1e6
	check(json.NewEncoder(os.Stdout).Encode(out))
}

// until handles events until a time; each poll takes up to timeoutMs.
func (l *rawLoop) until(end time.Time, timeoutMs int) {
	for time.Now().Before(end) {
		l.poll(timeoutMs)
	}
}

// settle waits for the settings of new connections, and for the first calls on them.
func (l *rawLoop) settle(conns []*rawConn) {
	for _, c := range conns {
		for !c.settled {
			l.poll(1000)
		}
		c.greet()
		l.flush(c)
	}
	l.drain(conns)
}

// drain waits until no call is in flight.
func (l *rawLoop) drain(conns []*rawConn) {
	for _, c := range conns {
		for len(c.active)+len(c.waiting) > 0 {
			l.poll(1000)
		}
	}
}
