package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// httpRule spoils answers of port 6443. The components of the server itself
// use port 6444 and feel nothing.
type httpRule struct {
	Path   string `json:"path"`   // regular expression on the path
	Method string `json:"method"` // empty: any
	Agent  string `json:"agent"`  // regular expression on User-Agent
	Times  int64  `json:"times"`  // 0: as often as asked

	Delay      string `json:"delay"`      // before anything else
	Status     int    `json:"status"`     // answer this instead
	RetryAfter int    `json:"retryAfter"` // seconds, with a status
	Cut        int64  `json:"cut"`        // break the connection after so many bytes of the body
}

// troubles are the rules of one scenario, with what has been used of them.
type troubles struct {
	rules []*trouble
	held  []heldCRD
}

// heldCRD is served by the API server and hidden on port 6443: by path and in discovery.
type heldCRD struct {
	group, plural string
	path          *regexp.Regexp
}

type trouble struct {
	httpRule
	n           int
	path, agent *regexp.Regexp
	delay       time.Duration
	used        atomic.Int64
}

func newTroubles(f scenarioFile) (*troubles, error) {
	t := &troubles{}
	for i, r := range f.HTTP {
		x := &trouble{httpRule: r, n: i}
		var err error
		if x.path, err = regexp.Compile(r.Path); err != nil {
			return nil, err
		}
		if x.agent, err = regexp.Compile(r.Agent); err != nil {
			return nil, err
		}
		if r.Delay != "" {
			if x.delay, err = time.ParseDuration(r.Delay); err != nil {
				return nil, err
			}
		}
		t.rules = append(t.rules, x)
	}
	for _, name := range f.CRDs.Hold {
		plural, group, ok := strings.Cut(name, ".")
		if !ok {
			return nil, fmt.Errorf("crds.hold: '%s' is not <plural>.<group>", name)
		}
		t.held = append(t.held, heldCRD{group, plural, regexp.MustCompile("^/apis/" + regexp.QuoteMeta(group) +
			"/[^/]+/(namespaces/[^/]+/)?" + regexp.QuoteMeta(plural) + "(/|$)")})
	}
	return t, nil
}

// spoil wraps port 6443 with the rules of the scenario in force.
func (sup *supervisor) spoil(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := sup.srv.scenario.troubles()
		if t == nil {
			next.ServeHTTP(w, r)
			return
		}
		if len(t.held) > 0 && strings.TrimSuffix(r.URL.Path, "/") == "/apis" {
			t.discovery(w, r, next)
			return
		}
		for _, crd := range t.held {
			if crd.path.MatchString(r.URL.Path) {
				http.Error(w, "404 page not found", http.StatusNotFound)
				return
			}
		}
		for _, x := range t.rules {
			if x.takes(r) {
				x.serve(w, r, next)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// discovery answers /apis without the CRDs that are held, and always anew.
func (t *troubles) discovery(w http.ResponseWriter, r *http.Request, next http.Handler) {
	r.Header.Del("If-None-Match")
	r.Header.Set("Accept-Encoding", "identity")
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	text := rec.Body.Bytes()
	var doc map[string]any
	if json.Unmarshal(text, &doc) == nil {
		for _, crd := range t.held {
			crd.hide(doc)
		}
		if less, err := json.Marshal(doc); err == nil {
			text = less
		}
	}
	for name, value := range rec.Header() {
		if name != "Etag" && name != "Content-Length" {
			w.Header()[name] = value
		}
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(text)
}

// hide removes the CRD's kind from an APIGroupDiscoveryList.
func (c heldCRD) hide(doc map[string]any) {
	for _, item := range list(doc["items"]) {
		if name, _, _ := unstructured.NestedString(item, "metadata", "name"); name != c.group {
			continue
		}
		for _, version := range list(item["versions"]) {
			left := []any{}
			for _, res := range list(version["resources"]) {
				if res["resource"] != c.plural {
					left = append(left, res)
				}
			}
			version["resources"] = left
		}
	}
}

// list is the objects in what may be a list of them.
func list(v any) []map[string]any {
	var ret []map[string]any
	all, _ := v.([]any)
	for _, one := range all {
		if m, ok := one.(map[string]any); ok {
			ret = append(ret, m)
		}
	}
	return ret
}

func (x *trouble) takes(r *http.Request) bool {
	if (x.Method != "" && x.Method != r.Method) || !x.path.MatchString(r.URL.Path) || !x.agent.MatchString(r.UserAgent()) {
		return false
	}
	return x.used.Add(1) <= x.Times || x.Times == 0
}

func (x *trouble) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	logf("info", "scenario: http[%d] on %s %s", x.n, r.Method, r.URL.Path)
	if x.delay > 0 {
		select {
		case <-time.After(x.delay):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case x.Status != 0:
		if x.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(x.RetryAfter))
		}
		sendError(w, r, x.Status, errors.New("by scenario"))
	case x.Cut > 0:
		// Nobody may buffer the answer or give its length away in time.
		r.Header.Set("Accept-Encoding", "identity")
		next.ServeHTTP(&cutter{ResponseWriter: w, left: x.Cut}, r)
	default:
		next.ServeHTTP(w, r)
	}
}

// cutter lets some bytes through and then breaks the connection.
type cutter struct {
	http.ResponseWriter
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if int64(len(p)) < c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (c *cutter) Flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController find the connection.
func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
