package conf

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrHelp is returned when the command line asks for help.
var ErrHelp = errors.New("help requested")

// Options are the values of one start: command line over environment over files.
type Options struct {
	Role     string
	Warnings []string // what K3s would have logged while reading
	Args     []string // file and command line, flattened, for node annotations
	values   map[string][]string
	flags    map[string]Flag
}

// Parse reads the words after `server` or `agent`.
func Parse(role string, args []string) (*Options, error) {
	o := &Options{Role: role, values: map[string][]string{}, flags: map[string]Flag{}}
	for _, f := range Flags(role) {
		o.flags[f.Name] = f
		if f.Short != "" {
			o.flags[f.Short] = f
		}
	}

	cli, err := o.pairs(args)
	if err != nil {
		return nil, err
	}
	fileWords, err := readFiles(configFile(cli))
	if err != nil {
		return nil, err
	}
	file, err := o.pairs(o.known(fileWords))
	if err != nil {
		return nil, err
	}

	o.fromEnv()
	o.merge(file)
	o.merge(cli)
	o.Args = append(append([]string{}, fileWords...), args...)
	return o, o.check()
}

// known drops, with a warning, what the server's file has too much, as
// K3s does; the agent's file is not looked through, so there it fails later.
func (o *Options) known(words []string) []string {
	if o.Role != "server" {
		return words
	}
	var ret []string
	for _, w := range words {
		name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if _, ok := o.flags[name]; !ok {
			o.Warnings = append(o.Warnings,
				"Unknown flag --"+name+" found in config.yaml, skipping")
			continue
		}
		ret = append(ret, w)
	}
	return ret
}

type pair struct{ name, value string }

// pairs splits words into options and values; the error text is that of
// the flag library K3s uses.
func (o *Options) pairs(args []string) ([]pair, error) {
	var ret []pair
	for i := 0; i < len(args); i++ {
		word := args[i]
		if !strings.HasPrefix(word, "-") || word == "-" {
			return nil, fmt.Errorf("unexpected argument %q", word)
		}
		name, value, has := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
		if name == "help" || name == "h" {
			return nil, ErrHelp
		}
		f, ok := o.flags[name]
		if !ok {
			return nil, fmt.Errorf("flag provided but not defined: -%s", name)
		}
		switch {
		case has:
		case f.Kind == Bool:
			value = "true"
		case i+1 < len(args):
			i++
			value = args[i]
		default:
			return nil, fmt.Errorf("flag needs an argument: -%s", name)
		}
		ret = append(ret, pair{f.Name, value})
	}
	return ret, nil
}

func configFile(cli []pair) string {
	if env := os.Getenv("K3S_CONFIG_FILE"); env != "" {
		return env
	}
	for _, p := range cli {
		if p.name == "config" {
			return p.value
		}
	}
	return "/etc/rancher/k3s/config.yaml"
}

func (o *Options) fromEnv() {
	for _, f := range o.flags {
		if f.Env != "" && os.Getenv(f.Env) != "" {
			o.values[f.Name] = []string{os.Getenv(f.Env)}
		}
	}
}

// merge lays one source over the earlier ones; a list replaces a list.
func (o *Options) merge(pairs []pair) {
	fresh := map[string]bool{}
	for _, p := range pairs {
		if o.flags[p.name].Kind == List && fresh[p.name] {
			o.values[p.name] = append(o.values[p.name], p.value)
			continue
		}
		fresh[p.name] = true
		o.values[p.name] = []string{p.value}
	}
}

func (o *Options) check() error {
	for name, values := range o.values {
		for _, v := range values {
			var err error
			switch o.flags[name].Kind {
			case Bool:
				_, err = strconv.ParseBool(v)
			case Int:
				_, err = strconv.Atoi(v)
			case Duration:
				_, err = time.ParseDuration(v)
			}
			if err != nil {
				return fmt.Errorf("invalid value %q for flag -%s: parse error", v, name)
			}
		}
	}
	return nil
}

// Str returns a scalar's value or its default.
func (o *Options) Str(name string) string {
	f, ok := o.flags[name]
	if !ok {
		panic("conf: no option " + name)
	}
	if v := o.values[name]; len(v) > 0 && v[len(v)-1] != "" {
		return v[len(v)-1]
	}
	return f.Default
}

// Bool returns a switch.
func (o *Options) Bool(name string) bool {
	b, _ := strconv.ParseBool(o.Str(name))
	return b
}

// Int returns a number, 0 when unset.
func (o *Options) Int(name string) int {
	n, _ := strconv.Atoi(o.Str(name))
	return n
}

// Raw returns a list as it was written, one entry a value.
func (o *Options) Raw(name string) []string { return o.values[name] }

// List returns a list whose entries may themselves be joined by commas.
func (o *Options) List(name string) []string {
	var ret []string
	for _, v := range o.values[name] {
		for _, part := range strings.Split(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				ret = append(ret, part)
			}
		}
	}
	return ret
}

// Token returns the token itself or the one in the token file, waiting for
// neither: `kind` is "token" or "agent-token".
func (o *Options) Token(kind string) (string, error) {
	if t := o.Str(kind); t != "" {
		return t, nil
	}
	name := o.Str(kind + "-file")
	if name == "" {
		return "", nil
	}
	b, err := os.ReadFile(name)
	return strings.TrimSpace(string(b)), err
}

// Arg finds `name=value` in a list of component arguments, the last one wins.
func (o *Options) Arg(list, name string) string {
	ret := ""
	for _, a := range o.Raw(list) {
		k, v, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if k == name {
			ret = v
		}
	}
	return ret
}
