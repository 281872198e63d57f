# The bundle: YAML as Kubernetes reads it, components to a manifest bundle.
SUITES += bundle

.PHONY: test-bundle
test-bundle: all
	$(Q)sh tests/bundle/run.sh $(abspath $(O)) $(abspath $(srcdir))

# Kubernetes' own YAML libraries beside ours (needs go and its module proxy)
yaml_oracle := $(O)/tests/bundle/yaml-oracle
$(yaml_oracle): $(wildcard tests/bundle/yaml-oracle/*)
	@mkdir -p $(@D)
	$(Q)cd tests/bundle/yaml-oracle && nice go build -o $(abspath $@) .
SUITES_FULL += yaml-oracle
.PHONY: test-yaml-oracle
test-yaml-oracle: all $(yaml_oracle)
	$(Q)sh tests/bundle/run-yaml.sh $(abspath $(O))/kiln $(abspath $(srcdir)) $(abspath $(yaml_oracle))
