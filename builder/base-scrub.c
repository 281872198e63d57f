#include "base-scrub.h"

#include <fnmatch.h>
#include <string.h>

static const struct {
	const char *pattern, *reason;
} drop[] = {
	{ "etc/ssh/ssh_host_*", "each node's own, from the seed" },
	{ "etc/nvme/hostnqn", "each node's own, nvme-cli makes it" },
	{ "etc/nvme/hostid", "as hostnqn" },
	{ "etc/iscsi/initiatorname.iscsi", "each node's own, iscsi-init makes it" },
	{ "var/lib/dbus/machine-id", "each node's own, a link to /etc/machine-id" },
	{ "var/lib/systemd/random-seed", "must never be shared" },
	{ "etc/ld.so.cache",
	  "of the desk's libraries; the loader finds Debian's folders without it "
	  "and the next ldconfig writes it" },
	{ "var/cache/ldconfig/*", "ldconfig's own cache" },
	{ "var/cache/apt/*.bin", "apt's binary caches" },
	{ "var/cache/apt/archives/*.deb", "packages that are installed" },
	{ "var/lib/apt/lists/*", "indexes of the local repository it was made from" },
	{ "var/log/*", "how the root was made, not what it is" },
	{ "var/lib/dpkg/*-old", "backups" },
	{ "var/cache/debconf/*-old", "backups" },
	{ "etc/*-", "backups of passwd, group and kin" },
	{ "etc/apt/sources.list", "the local repository it was made from" },
	{ "etc/resolv.conf", "the desk's; NetworkManager writes the node's" },
	{ "etc/hostname", "each node's own, from the seed" },
	{ "dev/*", "devtmpfs is mounted over it" },
	{ "run/*", "a tmpfs is mounted over it" },
	{ "tmp/*", "of the build" },
};

int base_scrub(struct rootfs *root, struct err *err)
{
	for (size_t i = 0; i < root->len; i++) {
		struct rootfs_node *n = root->nodes[i];

		for (size_t k = 0; k < ARRAY_SIZE(drop) && !n->gone; k++) {
			bool folder = S_ISDIR(n->mode) && strncmp(n->path, "dev/", 4) != 0 &&
				      strncmp(n->path, "run/", 4) != 0;

			if (!folder && fnmatch(drop[k].pattern, n->path, 0) == 0)
				rootfs_remove(n);
		}
	}
	return rootfs_put_file(root, "etc/machine-id", 0444, "", 0, err);
}
