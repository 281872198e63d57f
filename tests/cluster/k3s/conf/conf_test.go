package conf

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config.yaml")
}

func TestFilesMerge(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string // of tls-san
	}{
		{"main alone", map[string]string{"config.yaml": "tls-san: [a, b]"}, []string{"a", "b"}},
		{"drop-in alone", map[string]string{"config.yaml.d/1.yaml": "tls-san: a"}, []string{"a"}},
		{"last wins", map[string]string{"config.yaml": "tls-san: [a, b]", "config.yaml.d/1.yaml": "tls-san: c"}, []string{"c"}},
		{"append", map[string]string{"config.yaml": "tls-san: a", "config.yaml.d/1.yml": "tls-san+: [b, c]"}, []string{"a", "b", "c"}},
		{"reset after append", map[string]string{"config.yaml": "tls-san: a", "config.yaml.d/1.yaml": "tls-san+: b",
			"config.yaml.d/2.yaml": "tls-san: c"}, []string{"c"}},
		{"order of names", map[string]string{"config.yaml.d/2.yaml": "tls-san+: b", "config.yaml.d/1.YAML": "tls-san: a"}, []string{"a", "b"}},
		{"other suffixes and folders", map[string]string{"config.yaml": "tls-san: a", "config.yaml.d/x.txt": "tls-san: z",
			"config.yaml.d/d.yaml/x.yaml": "tls-san: z"}, []string{"a"}},
		{"no file", nil, nil},
	} {
		file := write(t, t.TempDir(), c.files)
		o, err := Parse("server", []string{"--config", file})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := o.List("tls-san"); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

func TestCommandLineWins(t *testing.T) {
	file := write(t, t.TempDir(), map[string]string{"config.yaml": "node-name: file\nnode-label: [a=1, b=2]\ncluster-init: true\n"})
	o, err := Parse("server", []string{"--config=" + file, "--node-name", "cli", "--node-label", "c=3", "--cluster-init=false"})
	if err != nil {
		t.Fatal(err)
	}
	if o.Str("node-name") != "cli" || o.Bool("cluster-init") || !reflect.DeepEqual(o.List("node-label"), []string{"c=3"}) {
		t.Error(o.values)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ role, file, arg, want string }{
		{"server", "nope: 1", "", ""},
		{"agent", "nope: 1", "", "flag provided but not defined: -nope"},
		{"agent", "cluster-cidr: 10.42.0.0/16", "", "flag provided but not defined: -cluster-cidr"},
		{"server", "", "--nope", "flag provided but not defined: -nope"},
		{"server", "https-listen-port: six", "", `invalid value "six" for flag -https-listen-port: parse error`},
		{"server", "cluster-init: maybe", "", `invalid value "maybe" for flag -cluster-init: parse error`},
		{"server", "", "word", `unexpected argument "word"`},
		{"server", "", "--node-name", "flag needs an argument: -node-name"},
	} {
		args := []string{"--config", write(t, t.TempDir(), map[string]string{"config.yaml": c.file})}
		if c.arg != "" {
			args = append(args, c.arg)
		}
		got := ""
		if _, err := Parse(c.role, args); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %q %q: %q, not %q", c.role, c.file, c.arg, got, c.want)
		}
	}
}

func TestArg(t *testing.T) {
	o, err := Parse("agent", []string{"--config", "/nonexistent", "--kubelet-arg", "node-ip=1", "--kubelet-arg=--node-ip=2"})
	if err != nil || o.Arg("kubelet-arg", "node-ip") != "2" {
		t.Error(o, err)
	}
}
