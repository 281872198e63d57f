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
	Pods   []podRule         `json:"pods"`
	Routes map[string]string `json:"routes"`
}

// scenario follows the file named by TESTK3S_SCENARIO while the server runs.
type scenario struct {
	file       string
	podChanges chan []podRule

	mu   sync.Mutex
	text []byte
	now  scenarioFile
}

func newScenario() *scenario {
	return &scenario{file: os.Getenv("TESTK3S_SCENARIO"), podChanges: make(chan []podRule, 1)}
}

func (sc *scenario) podRules() []podRule {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.now.Pods
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
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.now = next
	return true, nil
}

// follow looks at the file four times a second and carries changes out.
func (sc *scenario) follow(ctx context.Context, srv *server) {
	old := sc.now
	for {
		if changed, err := sc.load(); err != nil {
			fmt.Fprintf(os.Stderr, "level=error msg=\"scenario: %v\"\n", err)
		} else if changed {
			srv.apply(ctx, old, sc.now)
			old = sc.now
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// apply carries out the difference of two scenarios.
func (srv *server) apply(_ context.Context, old, now scenarioFile) {
	if !reflect.DeepEqual(old.Pods, now.Pods) {
		srv.scenario.podChanges <- now.Pods
	}
	srv.egress.set(now.Routes)
	fmt.Fprintf(os.Stderr, "level=info msg=\"scenario in force\"\n")
}
