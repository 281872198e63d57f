package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"sigs.k8s.io/yaml"
)

// scenarioFile is what a test writes to make trouble; scenarios.md has the
// words. An empty or missing file means none.
type scenarioFile struct {
	Pods       []podRule         `json:"pods"`
	Routes     map[string]string `json:"routes"`
	HTTP       []httpRule        `json:"http"`
	CRDs       crdRule           `json:"crds"`
	Certs      certRule          `json:"certs"`
	Etcd       string            `json:"etcd"`
	Namespaces []string          `json:"namespaces"`
	Status     []statusRule      `json:"status"`
	Volumes    string            `json:"volumes"`
	Images     imageRule         `json:"images"` // the agents read this one
}

type crdRule struct {
	Hold []string `json:"hold"` // names of CRDs whose paths answer 404
}

type certRule struct {
	Serving string `json:"serving"` // "expired": port 6443
	Kubelet string `json:"kubelet"` // "expired": the next ones handed to agents
	Admin   string `json:"admin"`   // "expired": the one in k3s.yaml
}

type imageRule struct {
	Hide []string `json:"hide"`
}

// scenario follows the file named by TESTK3S_SCENARIO while the server runs.
type scenario struct {
	file       string
	podChanges chan podChange

	mu   sync.Mutex
	text []byte
	now  scenarioFile
	http *troubles
}

// podChange asks for other rules; taken is closed when nobody acts by the old ones any more.
type podChange struct {
	rules []podRule
	taken chan struct{}
}

func newScenario() *scenario {
	return &scenario{file: os.Getenv("TESTK3S_SCENARIO"), podChanges: make(chan podChange)}
}

func (sc *scenario) podRules() []podRule { return sc.get().Pods }

func (sc *scenario) get() scenarioFile {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.now
}

func (sc *scenario) troubles() *troubles {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.http
}

// load reads the file if it changed; a file that does not parse changes nothing.
func (sc *scenario) load() (changed bool, err error) {
	text, err := os.ReadFile(sc.file)
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	if bytes.Equal(text, sc.text) {
		return false, nil
	}
	sc.text = text
	var next scenarioFile
	if err := yaml.UnmarshalStrict(text, &next); err != nil {
		return false, err
	}
	if _, err := kwokStages(next.Pods); err != nil {
		return false, err
	}
	tr, err := newTroubles(next)
	if err != nil {
		return false, err
	}
	if err := checkEnforced(next); err != nil {
		return false, err
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.now, sc.http = next, tr
	return true, nil
}

// follow looks at the file four times a second and carries changes out.
func (sc *scenario) follow(ctx context.Context, srv *server) {
	old := sc.get()
	for {
		if changed, err := sc.load(); err != nil {
			logf("error", "scenario: %v", err)
		} else if changed {
			srv.apply(ctx, old, sc.get())
			old = sc.get()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// apply carries out the difference of two scenarios.
func (srv *server) apply(ctx context.Context, old, now scenarioFile) {
	if !reflect.DeepEqual(old.Pods, now.Pods) {
		srv.scenario.changePods(ctx, now.Pods)
	}
	srv.egress.set(now.Routes)
	if old.Certs != now.Certs {
		if err := srv.applyCerts(now.Certs); err != nil {
			logf("error", "scenario: certs: %v", err)
		}
	}
	switch now.Etcd {
	case "stopped":
		srv.etcd.stop()
	default:
		if err := srv.etcd.start(); err != nil {
			logf("error", "scenario: etcd: %v", err)
		}
	}
	logf("info", "scenario in force")
}

// changePods returns when the old rules have ended, so that "in force" is true when it is said.
func (sc *scenario) changePods(ctx context.Context, rules []podRule) {
	change := podChange{rules, make(chan struct{})}
	select {
	case sc.podChanges <- change:
	case <-ctx.Done():
		return
	}
	select {
	case <-change.taken:
	case <-ctx.Done():
	}
}

// past is the end of a certificate's life when a scenario wants it expired.
func past(word string) time.Time {
	if word == "expired" {
		return time.Now().Add(-time.Minute)
	}
	return time.Time{}
}

func (srv *server) applyCerts(c certRule) error {
	if err := srv.sup.renewCert(past(c.Serving)); err != nil {
		return err
	}
	return writeAdmin(srv.s, srv.ca, past(c.Admin))
}

func logf(level, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n", time.Now().UTC().Format(time.RFC3339),
		level, fmt.Sprintf(format, args...))
}
