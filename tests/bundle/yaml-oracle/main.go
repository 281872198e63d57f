// yaml-oracle prints what Kubernetes' own Go libraries make of YAML files: each
// file is split by apimachinery's YAMLReader and read by sigs.k8s.io/yaml. One
// JSON object a file: {"file", "docs": [canonical JSON], "error"}; `strict` has
// the error of the strict reader, which refuses repeated keys.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

type result struct {
	File   string   `json:"file"`
	Docs   []string `json:"docs"`
	Error  string   `json:"error"`
	Strict string   `json:"strict"`
}

// Go escapes <, >, &, U+2028 and U+2029 for HTML; the values are the same without.
func canonical(j []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(j))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	s := bytes.TrimRight(b.Bytes(), "\n")
	s = bytes.ReplaceAll(s, []byte(`\u2028`), []byte("\u2028"))
	s = bytes.ReplaceAll(s, []byte(`\u2029`), []byte("\u2029"))
	return string(s), nil
}

func read(data []byte) (r result) {
	defer func() {
		if p := recover(); p != nil {
			r.Error = fmt.Sprint("panic: ", p)
		}
	}()
	reader := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	r.Docs = []string{}
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return r
		}
		if err != nil {
			r.Error = err.Error()
			return r
		}
		j, err := yaml.YAMLToJSON(doc)
		if err != nil {
			r.Error = err.Error()
			return r
		}
		if _, err := yaml.YAMLToJSONStrict(doc); err != nil && r.Strict == "" {
			r.Strict = err.Error()
		}
		s, err := canonical(j)
		if err != nil {
			r.Error = err.Error()
			return r
		}
		if s != "null" {
			r.Docs = append(r.Docs, s)
		}
	}
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, name := range os.Args[1:] {
		data, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		r := read(data)
		r.File = name
		if err := out.Encode(r); err != nil {
			os.Exit(1)
		}
	}
}
