// Package images reads what K3s would import from agent/images: which names
// the archives there hold. Nothing is unpacked.
package images

import (
	"archive/tar"
	"compress/bzip2"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Image is one entry of a Node's status.
type Image struct {
	Names     []string `json:"names"`
	SizeBytes int64    `json:"sizeBytes"`
}

// Dir is agent/images with what was imported from it so far.
type Dir struct {
	path string
	seen map[string]stamp
	list map[string][]Image
}

type stamp struct {
	size  int64
	mtime int64
}

// Open names the folder; it need not exist.
func Open(path string) *Dir {
	return &Dir{path: path, seen: map[string]stamp{}, list: map[string][]Image{}}
}

// Scan imports archives that are new or, as K3s' watcher wants it, differ in
// size and are younger. A bad file is reported and passed over.
func (d *Dir) Scan(bad func(file string, err error)) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.IsDir() || !isArchive(e.Name()) {
			continue
		}
		now := stamp{info.Size(), info.ModTime().UnixNano()}
		old, had := d.seen[e.Name()]
		if had && (old.size == now.size || old.mtime >= now.mtime) {
			continue
		}
		d.seen[e.Name()] = now
		list, err := Read(filepath.Join(d.path, e.Name()))
		if err != nil {
			if bad != nil {
				bad(e.Name(), err)
			}
			continue
		}
		d.list[e.Name()] = list
	}
}

// Status is the list for the Node: largest first, at most max, all if below 0.
func (d *Dir) Status(max int) []Image {
	ret := []Image{}
	for _, l := range d.list {
		ret = append(ret, l...)
	}
	sort.Slice(ret, func(i, j int) bool {
		if ret[i].SizeBytes != ret[j].SizeBytes {
			return ret[i].SizeBytes > ret[j].SizeBytes
		}
		return strings.Join(ret[i].Names, " ") < strings.Join(ret[j].Names, " ")
	})
	if max >= 0 && len(ret) > max {
		ret = ret[:max]
	}
	return ret
}

var suffixes = []string{".tar", ".tar.lz4", ".tar.bz2", ".tbz", ".tar.gz", ".tgz", ".tar.zst", ".tzst"}

func isArchive(name string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// Read lists the images of one archive of `docker save` or OCI form.
func Read(file string) ([]Image, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := unpack(f, file)
	if err != nil {
		return nil, err
	}
	var manifest, index []byte
	sizes := map[string]int64{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		sizes[h.Name] = h.Size
		switch filepath.Clean(h.Name) {
		case "manifest.json":
			manifest, err = io.ReadAll(io.LimitReader(tr, 16<<20))
		case "index.json":
			index, err = io.ReadAll(io.LimitReader(tr, 16<<20))
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case index != nil:
		return fromIndex(index, sizes)
	case manifest != nil:
		return fromManifest(manifest, sizes)
	}
	return nil, errors.New("unrecognized image format")
}

func unpack(f io.Reader, name string) (io.Reader, error) {
	switch {
	case strings.HasSuffix(name, "gz"):
		return gzip.NewReader(f)
	case strings.HasSuffix(name, "zst"):
		return zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	case strings.HasSuffix(name, "lz4"):
		return lz4.NewReader(f), nil
	case strings.HasSuffix(name, "bz2"), strings.HasSuffix(name, "tbz"):
		return bzip2.NewReader(f), nil
	}
	return f, nil
}

func fromManifest(text []byte, sizes map[string]int64) ([]Image, error) {
	var doc []struct {
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	var ret []Image
	for _, m := range doc {
		img := Image{}
		for _, l := range m.Layers {
			img.SizeBytes += sizes[l]
		}
		for _, t := range m.RepoTags {
			img.Names = append(img.Names, Normalize(t))
		}
		if len(img.Names) > 0 {
			ret = append(ret, img)
		}
	}
	return ret, nil
}

func fromIndex(text []byte, sizes map[string]int64) ([]Image, error) {
	var doc struct {
		Manifests []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	total := int64(0)
	for _, n := range sizes {
		total += n
	}
	var ret []Image
	for _, m := range doc.Manifests {
		name := m.Annotations["io.containerd.image.name"]
		if name == "" {
			name = m.Annotations["org.opencontainers.image.ref.name"]
		}
		if name == "" || !strings.ContainsAny(name, "/:") {
			continue
		}
		name = Normalize(name)
		repo := name
		if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
			repo = name[:i]
		}
		ret = append(ret, Image{Names: []string{repo + "@" + m.Digest, name},
			SizeBytes: total / int64(len(doc.Manifests))})
	}
	return ret, nil
}

// Normalize writes a name out as containerd keeps it.
func Normalize(name string) string {
	first, rest, has := strings.Cut(name, "/")
	switch {
	case !has:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		name = "docker.io/" + first + "/" + rest
	}
	if strings.LastIndex(name, ":") <= strings.LastIndex(name, "/") && !strings.Contains(name, "@") {
		name += ":latest"
	}
	return name
}
