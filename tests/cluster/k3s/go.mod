module kiln.test/k3s

go 1.25.0

require (
	github.com/klauspost/compress v1.20.3
	github.com/pierrec/lz4/v4 v4.1.33
	go.yaml.in/yaml/v2 v2.4.3
	golang.org/x/crypto v0.47.0
)
