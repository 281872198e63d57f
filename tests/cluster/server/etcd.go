package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap/zapcore"
)

// etcdServer is the datastore; a scenario may stop it and start it again.
type etcdServer struct {
	s      *settings
	ports  etcdPorts
	join   string // client URL of a member to join, at a first start only
	mu     sync.Mutex
	server *embed.Etcd
}

// etcdPorts are kept in the data directory: a member keeps its addresses.
type etcdPorts struct {
	Client int `json:"client"`
	Peer   int `json:"peer"`
}

func newEtcd(s *settings) (*etcdServer, error) {
	e := &etcdServer{s: s}
	file := filepath.Join(s.data, "db", "ports.json")
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 { // a power cut may leave it empty, and K3s has no such file
		return e, json.Unmarshal(text, &e.ports)
	}
	if s.httpsPort == 6443 {
		e.ports = etcdPorts{2379, 2380}
	} else if e.ports, err = freePorts(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	text, _ = json.Marshal(e.ports)
	return e, os.WriteFile(file, text, 0o600)
}

func freePorts() (etcdPorts, error) {
	a, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return etcdPorts{}, err
	}
	defer a.Close()
	b, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return etcdPorts{}, err
	}
	defer b.Close()
	return etcdPorts{a.Addr().(*net.TCPAddr).Port, b.Addr().(*net.TCPAddr).Port}, nil
}

// host is where other servers find this member: the node's address when
// they may join, loopback when none ever will.
func (e *etcdServer) host() string {
	if e.s.etcdMode && len(e.s.nodeIPs) > 0 {
		return e.s.nodeIPs[0].String()
	}
	return "127.0.0.1"
}

func hostURL(host string, port int) url.URL {
	return url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(port))}
}

func (e *etcdServer) clientURL() string {
	u := hostURL(e.host(), e.ports.Client)
	return u.String()
}

func (e *etcdServer) url() string { return fmt.Sprintf("https://127.0.0.1:%d", e.ports.Client) }

// start brings the member up on loopback and waits until it serves.
func (e *etcdServer) start() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil {
		return nil
	}
	s := e.s
	cfg := embed.NewConfig()
	cfg.Name = s.nodeName
	cfg.Dir = filepath.Join(s.data, "db", "etcd")
	local, client, peer := hostURL("127.0.0.1", e.ports.Client), hostURL(e.host(), e.ports.Client), hostURL(e.host(), e.ports.Peer)
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{local}, []url.URL{client}
	if client != local {
		cfg.ListenClientUrls = append(cfg.ListenClientUrls, client)
	}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	joins := e.join != "" && !exists(filepath.Join(cfg.Dir, "member"))
	if joins {
		members, err := e.addMember(cfg.Name, peer)
		if err != nil {
			return fmt.Errorf("joining etcd at %s: %w", e.join, err)
		}
		cfg.InitialCluster, cfg.ClusterState = members, embed.ClusterStateFlagExisting
	}
	cfg.ClientTLSInfo = transport.TLSInfo{ClientCertAuth: true, TrustedCAFile: s.tls("etcd", "server-ca.crt"),
		CertFile: s.tls("etcd", "server-client.crt"), KeyFile: s.tls("etcd", "server-client.key")}
	cfg.PeerTLSInfo = transport.TLSInfo{ClientCertAuth: true, TrustedCAFile: s.tls("etcd", "peer-ca.crt"),
		CertFile: s.tls("etcd", "peer-server-client.crt"), KeyFile: s.tls("etcd", "peer-server-client.key")}
	cfg.UnsafeNoFsync = os.Getenv("TESTK3S_NO_FSYNC") != ""
	cfg.TickMs, cfg.ElectionMs = 50, 500
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(quietLogger(zapcore.ErrorLevel))

	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return err
	case <-time.After(2 * time.Minute):
		server.Close()
		return fmt.Errorf("etcd is not ready after 2 minutes")
	}
	e.server = server
	if joins {
		return e.promote(uint64(server.Server.MemberID()))
	}
	return nil
}

func (e *etcdServer) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil {
		e.server.Close()
		e.server = nil
	}
}
