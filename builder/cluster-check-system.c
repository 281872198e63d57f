/* cluster-check-system - what the desk itself can tell about time zones and files */
#include "cluster-tables.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define ZONEINFO "/usr/share/zoneinfo"

/* A desk without the tables cannot tell; the node's systemd then falls back to UTC. */
static void check_timezone(struct check *k)
{
	char path[PATH_MAX];
	struct stat st;

	if (!k->c->system.timezone || access(ZONEINFO "/Europe", X_OK) < 0)
		return;
	(void)snprintf(path, sizeof(path), ZONEINFO "/%s", k->c->system.timezone);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		check_at(k, "system.timezone", "no time zone '%s' in " ZONEINFO,
			 k->c->system.timezone);
}

static void check_binary(struct check *k)
{
	cleanup_free char *path = k->c->k3s.binary ? cluster_path(k->c, k->c->k3s.binary) : NULL;
	struct stat st;

	if (!path)
		return;
	if (stat(path, &st) < 0)
		check_at(k, "cluster.k3s.binary", "cannot read '%s': %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		check_at(k, "cluster.k3s.binary", "'%s' is not a file", path);
}

void cluster_check_system(struct check *k)
{
	check_timezone(k);
	check_binary(k);
}
