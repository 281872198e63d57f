// Package agent is what `k3s agent` shows to a machine: it joins by token and
// node password, fetches the kubelet's certificates, balances 127.0.0.1:6444
// and keeps a Node object alive under the kubelet's own identity. No
// container runs; kwok plays the pods.
package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kiln.test/k3s/conf"
	"kiln.test/k3s/notify"
	"kiln.test/k3s/pki"
)

// Config is one agent: alone on a machine, or inside a server.
type Config struct {
	Options  *conf.Options
	Server   string   // https://host:port of the supervisor
	Token    string   // any of the forms of package token
	APIURL   string   // where the kubelet finds the API: the balancer, or the server itself
	Balance  bool     // open the balancer on lb-server-port
	NodeIPs  []net.IP // in the order they were given
	Name     string
	dir      string // <data-dir>/agent
	passFile string
}

// Run is `k3s agent`: it returns when a signal ends it or it cannot go on.
func Run(o *conf.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cfg := Config{Options: o, Server: o.Str("server"), Balance: true}
	var err error
	if cfg.Token, err = o.Token("token"); err != nil {
		return err
	}
	if cfg.Token == "" {
		return errors.New("--token is required")
	}
	if cfg.Server == "" {
		return errors.New("--server is required")
	}
	u, err := url.Parse(cfg.Server)
	if err != nil {
		return err
	}
	if u.Scheme != "https" {
		return fmt.Errorf("only https:// URLs are supported, invalid scheme: %s", cfg.Server)
	}
	cfg.APIURL = "https://127.0.0.1:" + strconv.Itoa(o.Int("lb-server-port"))
	err = Start(ctx, cfg, func() error { return notify.Send("READY=1\n") })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Start joins and then keeps the Node up until the context ends; ready is
// called when K3s would tell systemd that the agent is up.
func Start(ctx context.Context, cfg Config, ready func() error) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	j := &joiner{cfg: &cfg}
	if err := j.trust(ctx); err != nil {
		return err
	}
	if cfg.Balance {
		lb, err := newBalancer(cfg.Options.Int("lb-server-port"), cfg.Server)
		if err != nil {
			return err
		}
		defer lb.Close()
		j.lb = lb
		go lb.run(ctx)
	}
	if err := j.fetch(ctx); err != nil {
		return err
	}
	k, err := newKubelet(&cfg, j)
	if err != nil {
		return err
	}
	if err := k.waitAPI(ctx); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	return k.run(ctx)
}

// fill settles name, addresses, folders and the node password.
func (cfg *Config) fill() error {
	o := cfg.Options
	cfg.dir = filepath.Join(o.Str("data-dir"), "agent")
	if err := os.MkdirAll(cfg.dir, 0o700); err != nil {
		return err
	}
	nodeDir := "/etc/rancher/node"
	if d := os.Getenv("TESTK3S_NODE_DIR"); d != "" {
		nodeDir = d
	}
	cfg.passFile = filepath.Join(nodeDir, "password")
	if _, err := ensureRandom(cfg.passFile, 16); err != nil {
		return err
	}
	cfg.Name = strings.ToLower(o.Str("node-name"))
	if cfg.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		cfg.Name = strings.ToLower(host)
	}
	if o.Bool("with-node-id") {
		id, err := ensureRandom(filepath.Join(nodeDir, "id"), 4)
		if err != nil {
			return err
		}
		cfg.Name += "-" + id
	}
	for _, text := range o.List("node-ip") {
		ip := net.ParseIP(text)
		if ip == nil {
			return fmt.Errorf("invalid node-ip: '%s'", text)
		}
		cfg.NodeIPs = append(cfg.NodeIPs, ip)
	}
	if len(cfg.NodeIPs) == 0 {
		cfg.NodeIPs = []net.IP{DefaultIP()}
	}
	return nil
}

// ensureRandom reads a secret of a machine, or makes one for all its future.
func ensureRandom(file string, bytes int) (string, error) {
	if text, err := os.ReadFile(file); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	raw := make([]byte, bytes)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	text := hex.EncodeToString(raw)
	return text, pki.WriteFile(file, []byte(text+"\n"), 0o600)
}

// DefaultIP is the address of the default route, found without sending
// anything; loopback when there is none, where K3s would give up.
func DefaultIP() net.IP {
	conn, err := net.Dial("udp", "192.0.2.1:9")
	if err != nil {
		return net.IPv4(127, 0, 0, 1)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP
}

func logf(level, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n", time.Now().UTC().Format(time.RFC3339), level, fmt.Sprintf(format, args...))
}

// pause waits, or reports that the program is to end.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
