# `make install`: kiln and its data. kiln-node goes to nodes in its package, not to the desk.
.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/kiln $(DESTDIR)$(PREFIX)/share/doc/kiln
	install -m 0755 $(O)/kiln $(DESTDIR)$(PREFIX)/bin/kiln
	sh mk/install-tree.sh $(DESTDIR)$(PREFIX)/share/kiln boards bundle overlays
	sh mk/install-tree.sh $(DESTDIR)$(PREFIX)/share/kiln -C $(O)/share/kiln agent
	$(if $(CROSS_COMPILE),,install -m 0644 $(O)/share/kiln/mkfs-repro.so $(DESTDIR)$(PREFIX)/share/kiln/)
	install -m 0644 LICENSE $(wildcard README.md) $(DESTDIR)$(PREFIX)/share/doc/kiln/
	@for page in $(wildcard man/*.[1-8]); do \
		dir=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; \
		install -d $$dir && install -m 0644 $$page $$dir/ || exit 1; \
	done
	@set -e; for c in $(wildcard completions/kiln.bash completions/_kiln completions/kiln.fish); do \
		case $$c in \
		*.bash) to=bash-completion/completions/kiln ;; \
		*/_kiln) to=zsh/site-functions/_kiln ;; \
		*.fish) to=fish/vendor_completions.d/kiln.fish ;; \
		esac; \
		install -D -m 0644 $$c $(DESTDIR)$(PREFIX)/share/$$to; \
	done
