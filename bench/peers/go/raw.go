package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Frame types and flags (RFC 9113 §6), and sizes.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameRstStream    = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4

	refusedStream = 0x7

	frameHeaderBytes = 9
	maxFrameBytes    = 16384
	// Largest output that waits for the socket while bodies are sent, so that small calls don't wait for large ones.
	maxQueuedBytes    = 65536
	receiveWindow     = 8 << 20
	tcpNotSentLowat   = 25
	settingStreams    = 0x3
	settingWindow     = 0x4
	initialWindowSize = 65535
)

// request is what a kind of call sends.
type request struct {
	path string
	// body is one gRPC message with its prefix, which the server echoes.
	body []byte
}

// call is one in flight.
type call struct {
	kind int
	// due is when it should have been sent.
	due    time.Time
	id     uint32
	unsent []byte
	window int
	got    int
}

// rawConn is an HTTP/2 connection: its input is fed, its output taken.
type rawConn struct {
	fd       int
	requests []request
	blocks   [][]byte
	done     func(*rawConn, *call)

	settled  bool
	out      []byte
	blocked  bool
	rest     []byte
	skip     int
	window   int
	perCall  int
	streams  int
	nextID   uint32
	received int
	refused  int
	active   map[uint32]*call
	waiting  []*call
	sending  []*call
}

// rawLoop drives connections with epoll.
type rawLoop struct {
	epoll  int
	conns  map[int32]*rawConn
	events []syscall.EpollEvent
	buffer []byte
}

func newLoop() *rawLoop {
	epoll, err := syscall.EpollCreate1(0)
	check(err)
	return &rawLoop{
		epoll:  epoll,
		conns:  map[int32]*rawConn{},
		events: make([]syscall.EpollEvent, 256),
		buffer: make([]byte, 1<<18),
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func readRequests(paths []string, files []string) []request {
	var requests []request
	for i, file := range files {
		body, err := os.ReadFile(file)
		check(err)
		requests = append(requests, request{paths[i], body})
	}
	return requests
}

// connect opens a connection from a local address and sends the preface; the loop's events complete it.
func (l *rawLoop) connect(address string, source [4]byte, requests []request, done func(*rawConn, *call)) *rawConn {
	target, err := net.ResolveTCPAddr("tcp4", address)
	check(err)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	check(err)
	check(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: source}))
	remote := &syscall.SockaddrInet4{Port: target.Port}
	copy(remote.Addr[:], target.IP.To4())
	check(syscall.Connect(fd, remote))
	check(syscall.SetNonblock(fd, true))
	check(syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1))
	check(syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpNotSentLowat, maxQueuedBytes))
	// Closing resets the connection, so that its port is free at once.
	check(syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}))
	c := newConn(address, "http", requests, done)
	c.fd = fd
	l.conns[int32(fd)] = c
	check(syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}))
	l.flush(c)
	return c
}

// newConn returns a connection whose output is the preface.
func newConn(authority, scheme string, requests []request, done func(*rawConn, *call)) *rawConn {
	c := &rawConn{
		requests: requests, done: done,
		window: initialWindowSize, perCall: initialWindowSize, streams: 100, nextID: 1,
		active: map[uint32]*call{},
	}
	c.out = append(c.out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"...)
	c.frame(frameSettings, 0, 0, settings(settingWindow, receiveWindow))
	c.frame(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, receiveWindow-initialWindowSize))
	c.encodeBlocks(authority, scheme)
	return c
}

func settings(id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), value)
}

// encodeBlocks encodes the headers of each kind of call twice: in the first block fields are added to HPACK's dynamic
// table, in the second all fields are taken from it.
func (c *rawConn) encodeBlocks(authority, scheme string) {
	var buffer bytes.Buffer
	encoder := hpack.NewEncoder(&buffer)
	for range 2 {
		for _, one := range c.requests {
			buffer.Reset()
			for _, field := range [][2]string{
				{":method", "POST"}, {":scheme", scheme}, {":path", one.path}, {":authority", authority},
				{"content-type", "application/grpc"}, {"te", "trailers"}, {"user-agent", "raw"},
			} {
				check(encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
			}
			c.blocks = append(c.blocks, bytes.Clone(buffer.Bytes()))
		}
	}
}

// block returns the headers of the next call. The table's order needs one call of each kind at the beginning, in
// order, which greet makes.
func (c *rawConn) block(kind int) []byte {
	if int(c.nextID/2) <= len(c.requests) {
		return c.blocks[kind]
	}
	return c.blocks[len(c.requests)+kind]
}

// greet makes one call of each kind, in order.
func (c *rawConn) greet() {
	for kind := range c.requests {
		c.start(kind, time.Now())
	}
}

func (c *rawConn) frame(kind, flags byte, stream uint32, payload []byte) {
	n := len(payload)
	c.out = append(c.out, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	c.out = binary.BigEndian.AppendUint32(c.out, stream)
	c.out = append(c.out, payload...)
}

// start opens a stream for a call, or queues the call while the server's limit on streams is reached.
func (c *rawConn) start(kind int, due time.Time) {
	one := &call{kind: kind, due: due}
	if len(c.active) >= c.streams {
		c.waiting = append(c.waiting, one)
		return
	}
	c.open(one)
}

func (c *rawConn) open(one *call) {
	one.id = c.nextID
	c.nextID += 2
	one.window = c.perCall
	one.unsent = c.requests[one.kind].body
	c.active[one.id] = one
	c.frame(frameHeaders, flagEndHeaders, one.id, c.block(one.kind))
	c.sending = append(c.sending, one)
	c.send()
}

// send writes parts of the bodies that wait, in turn, as far as flow control and the queue of the socket allow.
func (c *rawConn) send() {
	for tries := len(c.sending); tries > 0 && len(c.out) < maxQueuedBytes; {
		one := c.sending[0]
		c.sending = c.sending[1:]
		n := min(len(one.unsent), c.window, one.window, maxFrameBytes)
		if n == 0 {
			c.sending = append(c.sending, one)
			tries--
			continue
		}
		flags := byte(0)
		if n == len(one.unsent) {
			flags = flagEndStream
		}
		c.frame(frameData, flags, one.id, one.unsent[:n])
		one.unsent = one.unsent[n:]
		one.window -= n
		c.window -= n
		if len(one.unsent) > 0 {
			c.sending = append(c.sending, one)
		}
		tries = len(c.sending)
	}
}

func (l *rawLoop) flush(c *rawConn) {
	for len(c.out) > 0 && !c.blocked {
		n, err := syscall.Write(c.fd, c.out)
		if err == syscall.EAGAIN {
			l.watch(c, true)
			return
		}
		check(err)
		c.out = append(c.out[:0], c.out[n:]...)
		c.send()
	}
}

func (l *rawLoop) watch(c *rawConn, writable bool) {
	c.blocked = writable
	events := uint32(syscall.EPOLLIN)
	if writable {
		events |= syscall.EPOLLOUT
	}
	check(syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_MOD, c.fd, &syscall.EpollEvent{Events: events, Fd: int32(c.fd)}))
}

// poll handles what is ready; waits for it up to timeoutMs, without a limit if that is negative.
func (l *rawLoop) poll(timeoutMs int) {
	n, err := syscall.EpollWait(l.epoll, l.events, timeoutMs)
	if err == syscall.EINTR {
		return
	}
	check(err)
	for _, event := range l.events[:n] {
		c := l.conns[event.Fd]
		if event.Events&syscall.EPOLLOUT != 0 {
			l.watch(c, false)
		}
		if event.Events&^uint32(syscall.EPOLLOUT) != 0 {
			l.read(c)
		}
		l.flush(c)
	}
}

func (l *rawLoop) read(c *rawConn) {
	n, err := syscall.Read(c.fd, l.buffer)
	if err == syscall.EAGAIN {
		return
	}
	check(err)
	if n == 0 {
		log.Fatal("the server closed a connection")
	}
	c.feed(l.buffer[:n])
}

// feed handles received bytes; what it answers is added to the output.
func (c *rawConn) feed(data []byte) {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, data...)
		data = c.rest
	}
	for {
		skipped := min(c.skip, len(data))
		data = data[skipped:]
		c.skip -= skipped
		if len(data) < frameHeaderBytes {
			break
		}
		length := int(data[0])<<16 | int(data[1])<<8 | int(data[2])
		kind, flags, stream := data[3], data[4], binary.BigEndian.Uint32(data[5:])
		payload := data[frameHeaderBytes:]
		if kind == frameData || kind == frameHeaders {
			// Counted once the frame begins; its payload isn't needed.
			c.onStream(kind, flags, stream, length)
			data, c.skip = payload, length
			continue
		}
		if len(payload) < length {
			break
		}
		c.onControl(kind, flags, stream, payload[:length])
		data = payload[length:]
	}
	c.rest = append(c.rest[:0], data...)
}

func (c *rawConn) onStream(kind, flags byte, stream uint32, length int) {
	one := c.active[stream]
	if one == nil {
		log.Fatalf("a frame for stream %d, which isn't open", stream)
	}
	if kind == frameData {
		one.got += length
		if c.received += length; c.received >= receiveWindow/2 {
			c.frame(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(c.received)))
			c.received = 0
		}
	}
	if flags&flagEndStream == 0 {
		return
	}
	if wanted := len(c.requests[one.kind].body); one.got != wanted {
		log.Fatalf("a reply of %d bytes instead of %d: the call failed", one.got, wanted)
	}
	delete(c.active, stream)
	if len(c.waiting) > 0 && len(c.active) < c.streams {
		next := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.open(next)
	}
	c.done(c, one)
}

func (c *rawConn) onControl(kind, flags byte, stream uint32, payload []byte) {
	switch {
	case kind == frameSettings && flags&flagAck == 0:
		c.onSettings(payload)
	case kind == framePing && flags&flagAck == 0:
		c.frame(framePing, flagAck, 0, payload)
	case kind == frameWindowUpdate:
		credit := int(binary.BigEndian.Uint32(payload))
		if stream == 0 {
			c.window += credit
		} else if one := c.active[stream]; one != nil {
			one.window += credit
		}
		c.send()
	case kind == frameRstStream && binary.BigEndian.Uint32(payload) == refusedStream && c.active[stream] != nil:
		// Retried, as gRPC's clients do, because the server hasn't begun to process the call.
		one := c.active[stream]
		delete(c.active, stream)
		c.sending = slices.DeleteFunc(c.sending, func(other *call) bool { return other == one })
		c.refused++
		c.open(&call{kind: one.kind, due: one.due})
	case kind == frameRstStream || kind == frameGoAway:
		log.Fatalf("frame of type %d on stream %d: %x", kind, stream, payload)
	}
}

func (c *rawConn) onSettings(payload []byte) {
	c.streams = 1 << 30
	for ; len(payload) >= 6; payload = payload[6:] {
		value := int(binary.BigEndian.Uint32(payload[2:]))
		switch binary.BigEndian.Uint16(payload) {
		case settingStreams:
			c.streams = value
		case settingWindow:
			for _, one := range c.active {
				one.window += value - c.perCall
			}
			c.perCall = value
		}
	}
	c.frame(frameSettings, flagAck, 0, nil)
	c.settled = true
	c.send()
}

// serverCPU reads the CPU time of the server, in seconds (proc(5): utime and stime, in ticks of 10 ms).
func serverCPU(pid string) float64 {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	check(err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	return (number(fields[11]) + number(fields[12])) / 100
}

// serverMemory reads the resident memory of the server, in bytes.
func serverMemory(pid string) float64 {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	check(err)
	var kilobytes float64
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	_, err = fmt.Sscan(after, &kilobytes)
	check(err)
	return kilobytes * 1024
}
