# Container images: kiln update, fetch and bake against a registry on loopback; containerd takes the archives.
SUITES += images

.PHONY: test-images
test-images: export KILN_HELM := $(or $(KILN_HELM),$(if $(shell command -v go),$(helm)))
test-images: $(helm_needed)
test-images: $(O)/kiln $(O)/tests/twin/base-tool $(O)/tests/bundle/bundle-tool data
	$(Q)python3 -B tests/images/run.py $(O)

# The very import of K3s (containerd's client), for both architectures: needs go and its module proxy
k3s_import := $(O)/tests/images/k3s-import
$(k3s_import): $(wildcard tests/images/k3s-import/*)
	@mkdir -p $(@D)
	$(Q)cd tests/images/k3s-import && nice go build -o $(abspath $@) .
SUITES_FULL += images-k3s
.PHONY: test-images-k3s
test-images-k3s: $(O)/kiln $(O)/tests/twin/base-tool $(O)/tests/bundle/bundle-tool data $(k3s_import)
	$(Q)KILN_K3S_IMPORT=$(abspath $(k3s_import)) ONLY=k3s_imports_both_architectures python3 -B tests/images/run.py $(O)
