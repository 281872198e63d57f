# What a target gets of Kiln: kiln-init and kiln-node.deb of both architectures, in the data
# folder as agent/<arch>/. The other architecture comes from this same Makefile, run again
# with its cross compiler and an output folder of its own.

agent_dir = $(O)/share/kiln/agent/$(deb_arch)
agent_other := $(if $(filter arm64,$(deb_arch)),amd64,arm64)
agent_cross := $(if $(filter arm64,$(agent_other)),aarch64-linux-gnu-,x86_64-linux-gnu-)
agent_other_o = $(O)/cross/$(agent_other)
agent_extra := $(wildcard firstboot/*.service firstboot/debian/*)

.PHONY: agent agent-here agent-other node-deb
# A sanitized build is for tests on this machine: it has no agent folder.
agent: $(if $(SANITIZE),,agent-here $(if $(CROSS_COMPILE),,agent-other))
agent-here: $(agent_dir)/kiln-init $(agent_dir)/kiln-node.deb
node-deb: $(agent_dir)/kiln-node.deb

$(agent_dir)/kiln-init: $(O)/kiln-init
	@mkdir -p $(@D)
	$(Q)$(CROSS_COMPILE)strip -o $@ $<
$(agent_dir)/kiln-node.deb: $(O)/kiln-node $(agent_dir)/kiln-init $(agent_extra) mk/node-deb.sh VERSION
	@echo '  DEB     $@'
	$(Q)STRIP=$(CROSS_COMPILE)strip sh mk/node-deb.sh $(deb_arch) $(version) $(O)/kiln-node $(agent_dir)/kiln-init $@

agent-other:
	$(Q)if command -v $(agent_cross)gcc >/dev/null; then \
		$(MAKE) --no-print-directory CROSS_COMPILE=$(agent_cross) CC=$(agent_cross)gcc O=$(agent_other_o) agent-here && \
		mkdir -p $(O)/share/kiln/agent && \
		{ $(call link,../../../cross/$(agent_other)/share/kiln/agent/$(agent_other),$(O)/share/kiln/agent/$(agent_other)); }; \
	else \
		echo "WARNING: no $(agent_cross)gcc: agent/$(agent_other) is not built, and $(agent_other) nodes cannot be baked" >&2; \
	fi
