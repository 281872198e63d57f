package agent

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"
)

// balancer is 127.0.0.1:6444 of an agent: TCP to the server that answers,
// the one that worked last first. It knows nothing of TLS.
type balancer struct {
	net.Listener
	mu      sync.Mutex
	servers []string
}

func newBalancer(port int, server string) (*balancer, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "443")
	}
	lis, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	return &balancer{Listener: lis, servers: []string{host}}, nil
}

// add appends servers that are not known yet.
func (b *balancer) add(list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range list {
		if !slices.Contains(b.servers, s) {
			b.servers = append(b.servers, s)
		}
	}
}

func (b *balancer) run(ctx context.Context) {
	go func() { <-ctx.Done(); b.Close() }()
	for {
		conn, err := b.Accept()
		if err != nil {
			return
		}
		go b.serve(conn)
	}
}

func (b *balancer) serve(conn net.Conn) {
	defer conn.Close()
	up := b.dial()
	if up == nil {
		return
	}
	defer up.Close()
	go func() { _, _ = io.Copy(up, conn); up.Close() }()
	_, _ = io.Copy(conn, up)
}

// dial tries each server once and moves the one that answers to the front.
func (b *balancer) dial() net.Conn {
	b.mu.Lock()
	list := slices.Clone(b.servers)
	b.mu.Unlock()
	for i, s := range list {
		conn, err := net.DialTimeout("tcp", s, 5*time.Second)
		if err != nil {
			continue
		}
		if i > 0 {
			b.mu.Lock()
			b.servers = slices.DeleteFunc(b.servers, func(x string) bool { return x == s })
			b.servers = append([]string{s}, b.servers...)
			b.mu.Unlock()
		}
		return conn
	}
	return nil
}
