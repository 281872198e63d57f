#include "base-list.h"

#include <string.h>

static const char *const role_packages[] = {
	/* a system that boots, logs in and keeps time */
	"systemd",
	"systemd-sysv",
	"systemd-timesyncd",
	"systemd-repart",
	"libpam-systemd",
	"libnss-systemd",
	"dbus",
	"udev",
	"kmod",
	"login",
	"passwd",
	"mount",
	"util-linux-extra",
	"sudo",
	"openssh-server",
	"locales",
	"tzdata",
	"ca-certificates",
	"apt",
	"apt-utils",
	"logrotate",
	"less",
	"nano",
	"bash-completion",
	"procps",
	"psmisc",
	/* disks */
	"btrfs-progs",
	"dosfstools",
	"e2fsprogs",
	"fdisk",
	"nvme-cli",
	"lvm2",
	/* network */
	"network-manager",
	"netbase",
	"iproute2",
	"iputils-ping",
	"ethtool",
	"nftables",
	"iptables",
	"ipset",
	"conntrack",
	"curl",
	"wireless-regdb",
	/* containers: containerd loads its profile where the kernel has AppArmor */
	"apparmor",
	/* what kiln-node links to */
	"libarchive13t64",
	"libblkid1",
	"libcurl4t64",
	"libfdisk1",
	"libjansson4",
	"libssl3t64",
	"libzstd1",
	"zlib1g",
};

static int string_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct string_list *l)
{
	size_t n = 0;

	if (!l->len)
		return;
	qsort(l->items, l->len, sizeof(*l->items), string_order);
	for (size_t i = 0; i < l->len; i++) {
		if (n && strcmp(l->items[n - 1], l->items[i]) == 0)
			free(l->items[i]);
		else
			l->items[n++] = l->items[i];
	}
	l->len = n;
}

int base_names_native(const struct cluster *c, struct string_list *ret)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(role_packages) && r >= 0; i++)
		r = lock_list_add(ret, role_packages[i]);
	if (r >= 0 && c->system.updates == UPDATES_SECURITY)
		r = lock_list_add(ret, "unattended-upgrades");
	for (size_t i = 0; i < c->system.packages.len && r >= 0; i++)
		r = lock_list_add(ret, c->system.packages.items[i]);
	sort_unique(ret);
	return r;
}

int base_names_board(const struct cluster *c, const struct board *b, struct string_list *ret)
{
	int r = base_names_native(c, ret);

	if (r >= 0)
		r = lock_list_add(ret, b->kernel.package);
	for (size_t i = 0; i < b->packages.len && r >= 0; i++)
		r = lock_list_add(ret, b->packages.items[i]);
	sort_unique(ret);
	return r;
}
