#include "cluster-open.h"

#include "buf.h"
#include "diag.h"

#define NAMES_MAX 2048

int cluster_open(const char *path, struct cluster **ret, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	int r = cluster_load(path, ret, &diags, err);

	if (r < 0)
		diag_print(&diags, stderr);
	return r;
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
