module kiln.test/k3s

go 1.25.0

require (
	go.yaml.in/yaml/v2 v2.4.3
	golang.org/x/crypto v0.47.0
)
