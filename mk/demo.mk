# The main job on a bare machine: bake the lab, boot both its nodes, show them coming up.
.PHONY: demo
demo:
	$(Q)$(MAKE) deps
	$(Q)$(MAKE) -j$(jobs) all
	$(Q)bash scripts/demo.sh $(O)
