package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"kiln.test/k3s/agent"
	"kiln.test/k3s/conf"
	"kiln.test/k3s/notify"
	"kiln.test/k3s/token"
)

// server holds what the parts of one running server share.
type server struct {
	s      *settings
	ca     *authorities
	users  *users
	etcd   *etcdServer
	egress *egress
	sup    *supervisor
	client kubernetes.Interface
	rest   *rest.Config
	began  time.Time

	scenario *scenario
}

// runServer is `k3s server`: it returns when a signal ends it or a part fails.
func runServer(o *conf.Options) error {
	notify.Take()
	s, err := newSettings(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	srv := &server{s: s, began: time.Now(), scenario: newScenario()}
	if err := srv.prepare(ctx); err != nil {
		return err
	}
	if err := srv.etcd.start(); err != nil {
		return fmt.Errorf("starting etcd: %w", err)
	}
	failed := make(chan error, 8)
	if err := srv.startControlPlane(ctx, failed); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		srv.shutdown()
		return nil
	case err := <-failed:
		srv.shutdown()
		return err
	}
}

// prepare makes or reads everything that must lie on disk before a start.
func (srv *server) prepare(ctx context.Context) error {
	s := srv.s
	join, err := joinServer(ctx, s)
	if err != nil {
		return err
	}
	if srv.ca, err = loadAuthorities(s); err != nil {
		return err
	}
	if err := srv.ca.writeLeaves(s); err != nil {
		return err
	}
	if srv.users, err = loadUsers(s, srv.ca); err != nil {
		return err
	}
	if err := writeKubeconfigs(s, srv.ca); err != nil {
		return err
	}
	if srv.egress, err = newEgress(s); err != nil {
		return err
	}
	if srv.etcd, err = newEtcd(s); err != nil {
		return err
	}
	srv.etcd.join = join
	srv.rest, err = clientcmd.BuildConfigFromFlags("", s.cred("supervisor.kubeconfig"))
	if err != nil {
		return err
	}
	srv.rest.QPS, srv.rest.Burst = -1, -1
	srv.client, err = kubernetes.NewForConfig(srv.rest)
	return err
}

// startControlPlane opens port 6443 first, answering 503 as K3s does until
// the API server is there, then starts the components behind it.
func (srv *server) startControlPlane(ctx context.Context, failed chan<- error) error {
	s := srv.s
	sup := newSupervisor(srv)
	srv.sup = sup
	if err := sup.listen(ctx, failed); err != nil {
		return err
	}
	handler, runAPI, err := apiServer(ctx, s, srv.etcd, srv.egress.config)
	if err != nil {
		return err
	}
	go srv.egress.run(ctx, srv.client, failed)
	go func() { failed <- wrap("kube-apiserver", runAPI()) }()
	if err := srv.waitReady(ctx); err != nil {
		return err
	}
	sup.serveAPI(handler)
	if !s.o.Bool("disable-controller-manager") {
		go func() { failed <- wrap("kube-controller-manager", controllerManager(ctx, s)) }()
	}
	if !s.o.Bool("disable-scheduler") {
		go func() { failed <- wrap("kube-scheduler", scheduler(ctx, s)) }()
	}
	if err := srv.startupHooks(ctx); err != nil {
		return err
	}
	if srv.scenario.file != "" {
		if _, err := srv.scenario.load(); err != nil {
			return fmt.Errorf("scenario: %w", err)
		}
		srv.apply(ctx, scenarioFile{Pods: srv.scenario.podRules()}, srv.scenario.get())
		go srv.scenario.follow(ctx, srv)
		go srv.enforce(ctx)
	}
	go func() { failed <- wrap("kwok", runKwok(ctx, srv)) }()
	if !s.o.Bool("disable-agent") {
		go func() { failed <- wrap("agent", srv.runAgent(ctx)) }()
		go srv.labelOwnNode(ctx)
	}
	fmt.Fprintf(os.Stderr, "level=info msg=\"k3s is up and running\" after=%s\n",
		time.Since(srv.began).Round(10*time.Millisecond))
	return notify.Send("READY=1\n")
}

// runAgent is the agent inside a server: it joins its own supervisor with the
// node token, and needs no balancer.
func (srv *server) runAgent(ctx context.Context) error {
	full, err := token.Format("node:"+srv.users.node, srv.ca.server.Bundle)
	if err != nil {
		return err
	}
	return agent.Start(ctx, agent.Config{
		Options: srv.s.o, Token: full, APIURL: srv.s.apiURL(),
		Server: srv.s.supervisorURL(),
	}, func() error { return nil })
}

// waitReady polls the API server's own port until /readyz is 200.
func (srv *server) waitReady(ctx context.Context) error {
	for {
		res := srv.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx)
		var code int
		if res.StatusCode(&code); code == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// shutdown keeps the data safe and leaves; K3s too does not drain clients.
func (srv *server) shutdown() {
	_ = notify.Send("STOPPING=1\n")
	klog.Flush()
	srv.etcd.stop()
}

func wrap(part string, err error) error {
	if err == nil {
		return fmt.Errorf("%s ended", part)
	}
	return fmt.Errorf("%s: %w", part, err)
}

func quietLogger(level zapcore.Level) *zap.Logger {
	cfg := zap.NewProductionConfig()
	cfg.Level = zap.NewAtomicLevelAt(level)
	l, err := cfg.Build()
	if err != nil {
		return zap.NewNop()
	}
	return l
}

func parseMode(text string) (os.FileMode, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	return os.FileMode(n), err
}

// selfDir is where testk3s and its companions lie.
func selfDir() string {
	self, err := os.Executable()
	if err != nil {
		return "."
	}
	return filepath.Dir(self)
}
