package images

import "testing"

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"busybox":                   "docker.io/library/busybox:latest",
		"busybox:1.36":              "docker.io/library/busybox:1.36",
		"rancher/pause:3":           "docker.io/rancher/pause:3",
		"localhost/x":               "localhost/x:latest",
		"reg:5000/a/b":              "reg:5000/a/b:latest",
		"quay.io/cilium/cilium:v1":  "quay.io/cilium/cilium:v1",
		"ghcr.io/a/b@sha256:012345": "ghcr.io/a/b@sha256:012345",
	} {
		if got := Normalize(in); got != want {
			t.Errorf("%s: %s, not %s", in, got, want)
		}
	}
}

func TestStatusIsCapped(t *testing.T) {
	d := Open(t.TempDir())
	d.list["x"] = []Image{{Names: []string{"small"}, SizeBytes: 1}, {Names: []string{"big"}, SizeBytes: 9}}
	if got := d.Status(1); len(got) != 1 || got[0].Names[0] != "big" {
		t.Error(got)
	}
	if got := d.Status(-1); len(got) != 2 {
		t.Error(got)
	}
}
