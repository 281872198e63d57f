#include "cluster-open.h"

#include "buf.h"
#include "diag.h"

#include <string.h>
#include <unistd.h>

#define NAMES_MAX 2048

int cluster_open(const char *path, struct cluster **ret, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	int r = cluster_load(path, ret, &diags, err);

	if (r < 0)
		diag_print(&diags, stderr);
	return r < 0 ? cluster_missing(path, r, err) : 0;
}

int cluster_missing(const char *path, int r, struct err *err)
{
	if (r != -ENOENT || strcmp(path, CLUSTER_FILE) != 0 || access(path, F_OK) == 0)
		return r;
	return err_setf(err, r,
			"there is no '" CLUSTER_FILE "' in this folder; begin with the one of "
			"examples/, or name yours with -f FILE");
}

int cluster_open_node(const struct cluster *c, const char *name, const struct node **ret,
		      struct err *err)
{
	cleanup_buf struct buf names = BUF_INIT(NAMES_MAX);
	const struct node *n = cluster_node(c, name);

	if (n) {
		*ret = n;
		return 0;
	}
	for (size_t i = 0; i < c->nodes_len; i++)
		(void)buf_addf(&names, "%s%s", i ? ", " : "", c->nodes[i].name);
	return err_setf(err, -ENOENT, "%s has no node '%s'; its nodes are %s", c->path, name,
			buf_str(&names));
}
