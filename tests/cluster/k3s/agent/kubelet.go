package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiln.test/k3s/images"
	"kiln.test/k3s/pki"
)

const (
	beat     = 10 * time.Second // how often the Node is renewed
	leaseSec = 40
)

// object is any Kubernetes object; the agent links no client library.
type object = map[string]any

// kubelet keeps Node, Lease and image list of this machine.
type kubelet struct {
	cfg     *Config
	conf    serverConfig
	client  *http.Client
	version string
	images  *images.Dir
}

func newKubelet(cfg *Config, j *joiner) (*kubelet, error) {
	base := filepath.Join(cfg.dir, "client-kubelet")
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return nil, err
	}
	return &kubelet{cfg: cfg, conf: j.conf, client: pinned(j.bundle, &pair),
		images: images.Open(filepath.Join(cfg.dir, "images"))}, nil
}

// call sends one request under system:node:<name>.
func (k *kubelet) call(ctx context.Context, method, path, ctype string, body, ret any) error {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, k.cfg.APIURL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if ctype != "" {
		req.Header.Set("Content-Type", ctype)
	}
	req.Header.Set("User-Agent", "testk3s-agent")
	out, err := do(k.client, req)
	if err != nil || ret == nil {
		return err
	}
	return json.Unmarshal(out, ret)
}

func (k *kubelet) waitAPI(ctx context.Context) error {
	for {
		var v struct{ GitVersion string }
		err := k.call(ctx, "GET", "/version", "", nil, &v)
		if err == nil {
			k.version = v.GitVersion
			return nil
		}
		logf("info", "Waiting for API server to become available: %v", err)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// run imports images, registers, then renews until the context ends.
func (k *kubelet) run(ctx context.Context) error {
	k.images.Scan(func(file string, err error) { logf("error", "Error encountered while importing %s: %v", file, err) })
	for {
		err := k.register(ctx)
		if err == nil {
			break
		}
		logf("error", "Unable to register node with API server: %v", err)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	logf("info", "Node %s registered", k.cfg.Name)
	wait := time.Duration(0)
	for {
		if err := pause(ctx, wait); err != nil {
			return err
		}
		ready := k.networkReady(ctx)
		if err := k.renew(ctx, ready); err != nil {
			logf("error", "Error updating node status, will retry: %v", err)
		}
		k.images.Scan(nil)
		wait = beat
		if !ready {
			wait = time.Second
		}
	}
}

// register creates the Node, or takes up the one that is there, labels and
// taints as they then are: K3s sets them at first registration only.
func (k *kubelet) register(ctx context.Context) error {
	node := object{"apiVersion": "v1", "kind": "Node",
		"metadata": object{"name": k.cfg.Name, "labels": k.labels(), "annotations": k.annotations()},
		"spec":     object{"taints": k.taints()},
		"status":   k.status(false)}
	err := k.call(ctx, "POST", "/api/v1/nodes", "application/json", node, nil)
	var he *httpError
	if errors.As(err, &he) && he.code == http.StatusConflict {
		patch := object{"metadata": object{"annotations": k.annotations()}}
		return k.call(ctx, "PATCH", "/api/v1/nodes/"+k.cfg.Name, "application/merge-patch+json", patch, nil)
	}
	return err
}

// renew writes status and lease. A Node that somebody deleted stays away until
// the agent starts again, as with a real kubelet.
func (k *kubelet) renew(ctx context.Context, ready bool) error {
	path := "/api/v1/nodes/" + k.cfg.Name
	var node struct {
		Status struct {
			Conditions []object
			Addresses  []object
		}
	}
	if err := k.call(ctx, "GET", path, "", nil, &node); err != nil {
		return err
	}
	status := k.status(ready)
	status["conditions"] = keepTransitions(node.Status.Conditions, status["conditions"].([]object))
	// The list of addresses has one entry a type for a strategic patch: a
	// JSON merge patch replaces it whole.
	if err := k.call(ctx, "PATCH", path+"/status", "application/merge-patch+json", object{"status": status}, nil); err != nil {
		return err
	}
	return k.lease(ctx)
}

func (k *kubelet) lease(ctx context.Context) error {
	const base = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
	spec := object{"holderIdentity": k.cfg.Name, "leaseDurationSeconds": leaseSec,
		"renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")}
	err := k.call(ctx, "PATCH", base+"/"+k.cfg.Name, "application/merge-patch+json", object{"spec": spec}, nil)
	var he *httpError
	if errors.As(err, &he) && he.code == http.StatusNotFound {
		return k.call(ctx, "POST", base, "application/json", object{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": object{"name": k.cfg.Name}, "spec": spec}, nil)
	}
	return err
}

// networkReady says whether a CNI is configured. With K3s' own flannel that
// is at once; with flannel-backend none the file that Cilium's agent drops
// decides, and the played pod of Cilium, once Ready here, drops one.
func (k *kubelet) networkReady(ctx context.Context) bool {
	if k.conf.FlannelBackend != "none" {
		return true
	}
	dir := filepath.Join(k.cfg.dir, "etc", "cni", "net.d")
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return true
	}
	var pods struct {
		Items []struct {
			Metadata struct{ Labels map[string]string }
			Status   struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	q := url.Values{"fieldSelector": {"spec.nodeName=" + k.cfg.Name}}
	if err := k.call(ctx, "GET", "/api/v1/pods?"+q.Encode(), "", nil, &pods); err != nil {
		return false
	}
	for _, p := range pods.Items {
		if p.Metadata.Labels["k8s-app"] != "cilium" {
			continue
		}
		for _, c := range p.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" {
				text := []byte("{\"cniVersion\": \"0.3.1\", \"name\": \"cilium\", \"plugins\": [{\"type\": \"cilium-cni\"}]}\n")
				return pki.WriteFile(filepath.Join(dir, "05-cilium.conflist"), text, 0o600) == nil
			}
		}
	}
	return false
}

// keepTransitions leaves the time of the last change where nothing changed.
func keepTransitions(old, fresh []object) []object {
	for _, f := range fresh {
		for _, o := range old {
			if o["type"] == f["type"] && o["status"] == f["status"] && o["lastTransitionTime"] != nil {
				f["lastTransitionTime"] = o["lastTransitionTime"]
			}
		}
	}
	for _, o := range old { // what others wrote stays, such as NetworkUnavailable
		known := false
		for _, f := range fresh {
			known = known || f["type"] == o["type"]
		}
		if !known {
			fresh = append(fresh, o)
		}
	}
	return fresh
}

func splitTaint(text string) object {
	rest, effect, _ := strings.Cut(text, ":")
	key, value, _ := strings.Cut(rest, "=")
	t := object{"key": key, "effect": effect}
	if value != "" {
		t["value"] = value
	}
	return t
}
