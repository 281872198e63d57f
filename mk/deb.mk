# `make deb`: the host half as a Debian package, kiln_<version>_<arch>.deb in $(O).
.PHONY: deb
deb: all
	$(Q)rm -rf $(O)/deb
	$(Q)$(MAKE) -s --no-print-directory O=$(O) PREFIX=/usr DESTDIR=$(abspath $(O))/deb install
	$(Q)sh mk/kiln-deb.sh $(deb_arch) $(version) $(O)/deb $(O)/kiln_$(version)_$(deb_arch).deb
