#include "forwards.h"

#include "file.h"
#include "json.h"
#include "qemu-net.h"

#include <fcntl.h>

#define SCHEMA 1
#define FILE_MAX ((size_t)64 << 10)
#define TRIES 100

static bool taken(const struct forwards *f, unsigned int port)
{
	for (size_t i = 0; i < f->len; i++)
		if (f->items[i].ssh == port || f->items[i].api == port)
			return true;
	return false;
}

static int free_port(const struct forwards *f, unsigned int *ret, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		unsigned int port = 0;
		int r = qemu_free_port(&port, err);

		if (r < 0)
			return r;
		if (!taken(f, port)) {
			*ret = port;
			return 0;
		}
	}
	return err_setf(err, -EADDRINUSE, "cannot find a free port");
}

int forwards_pick(const struct cluster *c, unsigned int first_ssh, struct forwards *ret,
		  struct err *err)
{
	*ret = (struct forwards){ 0 };
	if (c->nodes_len > FORWARDS_MAX)
		return err_setf(err, -E2BIG, "more than %d nodes", FORWARDS_MAX);
	for (size_t i = 0; i < c->nodes_len; i++) {
		const struct node *n = &c->nodes[i];
		int r = 0;

		ret->items[i].node = n;
		ret->items[i].ssh = first_ssh + (unsigned int)i;
		ret->len = i + 1;
		if (first_ssh == 0)
			r = free_port(ret, &ret->items[i].ssh, err);
		if (r == 0 && n->role == ROLE_CONTROL_PLANE)
			r = free_port(ret, &ret->items[i].api, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int forwards_write(const struct forwards *f, const char *path, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(FILE_MAX);
	json_t *nodes = json_object();
	cleanup_json json_t *all = json_pack("{s:i, s:o}", "schema", SCHEMA, "nodes", nodes);

	for (size_t i = 0; all && i < f->len; i++) {
		json_t *one = json_pack("{s:i}", "ssh", (int)f->items[i].ssh);

		if (one && f->items[i].api &&
		    json_object_set_new(one, "api", json_integer(f->items[i].api)) < 0)
			return json_decref(one), err_nomem(err);
		if (json_object_set_new(nodes, f->items[i].node->name, one) < 0)
			return err_nomem(err);
	}
	if (!all || js_pretty(all, &b) < 0)
		return err_nomem(err);
	return file_replace_at(AT_FDCWD, path, b.data, b.len, 0644, err);
}

static int read_node(const json_t *one, const struct cluster *c, const char *name,
		     struct forwards *ret, struct err *err)
{
	uint32_t ssh = 0, api = 0;
	const struct node *n = cluster_node(c, name);
	int r;

	if (!n)
		return err_setf(err, -EINVAL, "the cluster has no node '%s'", name);
	r = jget_u32(one, "ssh", &ssh, err);
	if (r >= 0)
		r = jget_u32_opt(one, "api", &api, err);
	if (r < 0)
		return r;
	if (ssh > 65535 || api > 65535 || ret->len == FORWARDS_MAX)
		return err_setf(err, -EINVAL, "'%s': no such port", name);
	ret->items[ret->len].node = n;
	ret->items[ret->len].ssh = ssh;
	ret->items[ret->len++].api = api;
	return 0;
}

int forwards_read(const char *path, const struct cluster *c, struct forwards *ret, struct err *err)
{
	cleanup_json json_t *all = NULL;
	cleanup_free char *text = NULL;
	json_t *nodes, *one;
	const char *name;
	uint32_t schema;
	size_t len;
	int r;

	*ret = (struct forwards){ 0 };
	r = file_read_at(AT_FDCWD, path, FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = js_read(text, len, &all, err);
	if (r >= 0)
		r = jget_u32(all, "schema", &schema, err);
	if (r >= 0 && schema != SCHEMA)
		r = err_setf(err, -EINVAL, "schema %u, this program knows %d", schema, SCHEMA);
	if (r >= 0)
		r = jget_obj(all, "nodes", &nodes, err);
	if (r < 0)
		return err_wrapf(err, -EINVAL, "%s", path);
	json_object_foreach (nodes, name, one) {
		r = read_node(one, c, name, ret, err);
		if (r < 0)
			return err_wrapf(err, r, "%s", path);
	}
	return 0;
}
