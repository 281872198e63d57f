# The bundle: YAML as Kubernetes reads it, components to a manifest bundle.
# helm, from its Go module: what renders charts; kept by version
helm_version := v4.1.4
helm := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kiln/tools/helm-$(helm_version)/helm
helm_needed := $(if $(KILN_HELM),,$(if $(shell command -v go),$(helm)))
SUITES += bundle
TEST_BIN += $(O)/tests/bundle/bundle-tool $(helm_needed)

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

$(O)/tests/bundle/%.o: private all_cppflags += -I$(srcdir)builder
$(O)/tests/bundle/bundle-tool: $(O)/tests/bundle/bundle-tool.o $(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)
test-bundle: $(O)/tests/bundle/bundle-tool

# says where it is, for KILN_HELM
.PHONY: helm
helm: $(helm)
	@echo $(helm)
$(helm):
	@mkdir -p $(@D)
	nice env GOBIN=$(@D) go install helm.sh/helm/v4/cmd/helm@$(helm_version)
test-bundle: export KILN_HELM := $(or $(KILN_HELM),$(if $(shell command -v go),$(helm)))
test-bundle: $(helm_needed)
