package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// egress is the way from the API server to pods and nodes. In K3s it is the
// tunnel to the agents (egress-selector-mode); here it is a CONNECT proxy on
// a Unix socket which knows the few pods that a real program stands in for.
type egress struct {
	config string // the API server's egress-selector-config-file
	socket string
	file   string // neighbours' routes

	mu     sync.Mutex
	routes map[string]string // "namespace/pod-prefix:port" -> "127.0.0.1:port"
}

func newEgress(s *settings) (*egress, error) {
	e := &egress{config: filepath.Join(s.data, "etc", "egress-selector-config.yaml"),
		socket: filepath.Join(s.data, "egress.sock"), file: filepath.Join(s.data, "routes"),
		routes: map[string]string{}}
	if len(e.socket) > 100 { // sun_path holds 108
		dir, err := os.MkdirTemp("", "testk3s")
		if err != nil {
			return nil, err
		}
		e.socket = filepath.Join(dir, "egress.sock")
	}
	_ = os.Remove(e.socket)
	text := fmt.Sprintf(`apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %s
`, e.socket)
	if err := os.MkdirAll(filepath.Dir(e.config), 0o700); err != nil {
		return nil, err
	}
	return e, os.WriteFile(e.config, []byte(text), 0o600)
}

// set replaces the routes: pods that a process on this machine stands in for.
func (e *egress) set(routes map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.routes = routes
}

func (e *egress) run(ctx context.Context, client kubernetes.Interface, failed chan<- error) {
	lis, err := net.Listen("unix", e.socket)
	if err != nil {
		failed <- err
		return
	}
	go func() { <-ctx.Done(); lis.Close() }()
	for {
		conn, err := lis.Accept()
		if err != nil {
			return
		}
		go e.serve(ctx, conn, client)
	}
}

// serve answers one CONNECT: 200 and the bytes, or 503 when nobody listens
// there, which the API server reports as a failed connection.
func (e *egress) serve(ctx context.Context, conn net.Conn, client kubernetes.Interface) {
	defer conn.Close()
	br := bufio.NewReader(conn)
	req, err := http.ReadRequest(br)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	target, err := e.resolve(ctx, client, req.Host)
	var up net.Conn
	if err == nil {
		up, err = net.DialTimeout("tcp", target, 5*time.Second)
	}
	if err != nil {
		fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\ndial tcp %s: connect: connection refused", req.Host)
		return
	}
	defer up.Close()
	fmt.Fprint(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(up, br); up.Close() }()
	_, _ = io.Copy(conn, up)
}

// resolve turns a pod's address into that of the process that plays it.
func (e *egress) resolve(ctx context.Context, client kubernetes.Interface, hostport string) (string, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return "", err
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "status.podIP=" + host})
	if err != nil {
		return "", err
	}
	routes := e.all()
	for _, pod := range pods.Items {
		for route, to := range routes {
			prefix, rport, ok := strings.Cut(route, ":")
			if ok && rport == port && strings.HasPrefix(pod.Namespace+"/"+pod.Name, prefix) {
				return to, nil
			}
		}
	}
	return "", fmt.Errorf("nobody plays %s", hostport)
}

// all are the scenario's routes and those of the neighbours that were started
// beside the server: lines of `<namespace>/<pod prefix>:<port> <address>`.
func (e *egress) all() map[string]string {
	e.mu.Lock()
	ret := maps.Clone(e.routes)
	e.mu.Unlock()
	if ret == nil {
		ret = map[string]string{}
	}
	text, err := os.ReadFile(e.file)
	if err != nil {
		return ret
	}
	for _, line := range strings.Split(string(text), "\n") {
		if from, to, ok := strings.Cut(line, " "); ok {
			ret[from] = strings.TrimSpace(to)
		}
	}
	return ret
}
