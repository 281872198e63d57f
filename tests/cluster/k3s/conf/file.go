package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v2"
)

// readFiles returns the configuration as `--key=value` words: the main file,
// then the drop-ins of `<file>.d` in the order of their names. The last file
// that sets a key wins; `key+` appends to what earlier files said. Neither
// file nor drop-in is no error: there is just nothing to read.
func readFiles(file string) ([]string, error) {
	files, err := dropIns(file)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(file); err == nil {
		files = append([]string{file}, files...)
	} else if !os.IsNotExist(err) {
		return nil, err
	}

	var order []string
	values := map[string][]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var doc yaml.MapSlice
		if err := yaml.Unmarshal(text, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, item := range doc {
			key := scalar(item.Key)
			plain := strings.TrimSuffix(key, "+")
			if _, seen := values[plain]; !seen {
				order = append(order, plain)
			}
			if plain != key {
				values[plain] = append(values[plain], listOf(item.Value)...)
			} else {
				values[plain] = listOf(item.Value)
			}
		}
	}
	return words(order, values), nil
}

// words flattens keys and values to an argument list.
func words(order []string, values map[string][]string) []string {
	var ret []string
	for _, key := range order {
		dash := "--"
		if len(key) == 1 {
			dash = "-"
		}
		for _, v := range values[key] {
			ret = append(ret, dash+key+"="+v)
		}
	}
	return ret
}

// dropIns lists `<file>.d/*.yaml` and `*.yml` whatever their case, sorted.
func dropIns(file string) ([]string, error) {
	entries, err := os.ReadDir(file + ".d")
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ret []string
	for _, e := range entries {
		low := strings.ToLower(e.Name())
		if e.IsDir() || !(strings.HasSuffix(low, ".yaml") || strings.HasSuffix(low, ".yml")) {
			continue
		}
		ret = append(ret, filepath.Join(file+".d", e.Name()))
	}
	return ret, nil
}

func listOf(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return []string{scalar(v)}
	}
	ret := []string{}
	for _, e := range list {
		ret = append(ret, scalar(e))
	}
	return ret
}

func scalar(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
