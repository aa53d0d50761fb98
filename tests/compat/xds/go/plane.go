package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sort"
	"sync"

	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// oneGroup gives all clients the same resources.
type oneGroup struct{}

func (oneGroup) ID(*core.Node) string { return "all" }

var kinds = map[string]string{
	"listener":  resource.ListenerType,
	"route":     resource.RouteType,
	"cluster":   resource.ClusterType,
	"endpoints": resource.EndpointType,
}

// plane serves the resources that it reads from standard input, one snapshot a line: lists of JSON messages by kind, each
// with its "@type". Prints a line of JSON when a client refuses a response, and one with the address to begin with.
func plane(address string) {
	snapshots := cache.NewSnapshotCache(false, oneGroup{}, nil)
	var lock sync.Mutex
	print := func(value any) {
		text, _ := json.Marshal(value)
		lock.Lock()
		defer lock.Unlock()
		fmt.Println(string(text))
	}
	callbacks := server.CallbackFuncs{
		StreamRequestFunc: func(_ int64, request *discovery.DiscoveryRequest) error {
			if detail := request.GetErrorDetail(); detail != nil {
				print(map[string]string{"refused": detail.GetMessage(), "type": request.GetTypeUrl()})
			}
			return nil
		},
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), snapshots, callbacks))
	go func() { log.Fatal(grpcServer.Serve(listener)) }()
	print(map[string]string{"address": listener.Addr().String()})

	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		snapshot, err := parseSnapshot(line)
		if err != nil {
			log.Fatal(err)
		}
		if err := snapshots.SetSnapshot(context.Background(), "all", snapshot); err != nil {
			log.Fatal(err)
		}
	}
}

func parseSnapshot(line []byte) (*cache.Snapshot, error) {
	var given map[string][]json.RawMessage
	if err := json.Unmarshal(line, &given); err != nil {
		return nil, err
	}
	snapshot := &cache.Snapshot{}
	for kind, list := range given {
		var resources []types.Resource
		var texts []string
		for _, one := range list {
			var packed anypb.Any
			if err := protojson.Unmarshal(one, &packed); err != nil {
				return nil, fmt.Errorf("%s: %v", one, err)
			}
			message, err := packed.UnmarshalNew()
			if err != nil {
				return nil, err
			}
			resources = append(resources, message.(proto.Message))
			texts = append(texts, string(packed.Value))
		}
		// The version is that of the contents: what has not changed is not sent again.
		sort.Strings(texts)
		sum := sha256.New()
		for _, text := range texts {
			sum.Write([]byte(text))
		}
		version := hex.EncodeToString(sum.Sum(nil))[:12]
		index := cache.GetResponseType(kinds[kind])
		snapshot.Resources[index] = cache.NewResources(version, resources)
	}
	return snapshot, nil
}
