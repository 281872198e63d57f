/* plan-print - a plan for people and for programs */
#include "plan.h"

#include "derive.h"
#include "digest.h"
#include "parse.h"

#include <string.h>

static const char *role_name(const struct node *n)
{
	return n->role == ROLE_CONTROL_PLANE ? "control-plane" : "worker";
}

static size_t count_secrets(const struct fileset *fs)
{
	size_t n = 0;

	for (size_t i = 0; i < fs->len; i++)
		n += (fs->items[i].flags & FILESET_SECRET) != 0;
	return n;
}

static void print_nodes(const struct plan *p, FILE *out)
{
	char addr[IP_TEXT_MAX], size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < p->nodes_len; i++) {
		const struct plan_node *n = &p->nodes[i];

		fprintf(out, "  %-12s %-13s %-8s %-5s ", n->node->name, role_name(n->node),
			n->board->name, n->board->arch);
		for (size_t a = 0; a < n->node->addresses.len; a++)
			fprintf(out, "%s ",
				ip_addr_format(&n->node->addresses.items[a].addr, addr));
		fprintf(out, " %zu files, %zu secret, seed %s%s\n", n->files.len,
			count_secrets(&n->files), size_human(n->seed_bytes, size),
			n->node->on_demand ? ", on demand" : "");
	}
}

void plan_print(const struct plan *p, FILE *out)
{
	const struct cluster *c = p->cluster;
	char size[SIZE_TEXT_MAX];

	fprintf(out, "cluster %s, %s: %zu nodes, %zu components\n", c->name, c->k3s.version,
		c->nodes_len, c->components_len);
	fputs("components", out);
	for (size_t i = 0; i < c->components_len; i++)
		fprintf(out, "%s %s", i ? "," : "", c->components[i].name);
	fputs("\n\ninputs\n", out);
	for (size_t i = 0; i < p->inputs_len; i++) {
		const struct plan_input *in = &p->inputs[i];

		fprintf(out, "  %-24s %-16s %s", in->name, in->version ?: "", in->state);
		if (in->size_bytes > 0)
			fprintf(out, ", %s", size_human(in->size_bytes, size));
		fputc('\n', out);
	}
	fputs("\nnodes\n", out);
	print_nodes(p, out);
	if (!p->has_secrets)
		fputs("\nThe cluster has no identity yet: where secrets would be, the files have "
		      "stand-ins.\n",
		      out);
}

void plan_print_files(const struct plan_node *n, FILE *out)
{
	for (size_t i = 0; i < n->files.len; i++) {
		const struct fileset_entry *e = &n->files.items[i];

		fprintf(out, "%c%04o %u:%u %8zu %s%s%s%s\n", "-dl"[e->type], e -> mode, e -> uid,
			e -> gid, e -> type == FILESET_FILE ? e -> len : 0, e -> path,
			e -> type == FILESET_SYMLINK ? " -> " : "",
			e->type == FILESET_SYMLINK ? e->data : "",
			e->flags & FILESET_SECRET ? "  (secret)" : "");
	}
}

int plan_print_file(const struct plan_node *n, const char *path, FILE *out, struct err *err)
{
	cleanup_free char *absolute = NULL;
	const struct fileset_entry *e;

	if (asprintf(&absolute, "/%s", path + strspn(path, "/")) < 0) {
		absolute = NULL;
		return err_nomem(err);
	}
	e = fileset_find(&n->files, absolute);
	if (!e)
		return err_setf(err, -ENOENT,
				"the seed of '%s' has no file '%s'; --files lists them",
				n->node->name, path);
	if (e->type == FILESET_DIR)
		return err_setf(err, -EISDIR, "'%s' is a folder", path);
	if (e->flags & FILESET_SECRET)
		fprintf(out, "<hidden: %zu bytes>\n", e->len);
	else if (fwrite(e->data, 1, e->len, out) != e->len)
		return err_errnof(err, -EIO, "cannot write '%s'", path);
	if (e->type == FILESET_SYMLINK)
		fputc('\n', out);
	return 0;
}

/* ---- JSON ---- */

static json_t *entry_json(const struct fileset_entry *e)
{
	static const char *const types[] = {
		[FILESET_FILE] = "file",
		[FILESET_DIR] = "folder",
		[FILESET_SYMLINK] = "symlink",
	};
	bool secret = e->flags & FILESET_SECRET;
	char mode[8], hex[SHA256_HEX_MAX];
	json_t *j;

	(void)snprintf(mode, sizeof(mode), "%04o", e->mode);
	j = json_pack("{s:s s:s s:s s:i s:i s:b}", "path", e->path, "type", types[e->type], "mode",
		      mode, "uid", (int)e->uid, "gid", (int)e->gid, "secret", secret);
	if (j && e->type == FILESET_SYMLINK)
		(void)json_object_set_new(j, "target", json_string(e->data));
	if (j && e->type == FILESET_FILE) {
		(void)json_object_set_new(j, "bytes", json_integer((json_int_t)e->len));
		/* a digest of something short would tell it */
		if (!secret)
			(void)json_object_set_new(
				j, "sha256", json_string(sha256_mem_hex(e->data, e->len, hex)));
	}
	return j;
}

static json_t *node_json(const struct plan_node *n)
{
	json_t *addresses = json_array();
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < n->node->addresses.len; i++)
		(void)json_array_append_new(
			addresses,
			json_string(ip_prefix_format(&n->node->addresses.items[i], text)));
	return json_pack("{s:s s:s s:s s:s s:o s:b s:i s:i s:I}", "name", n->node->name, "role",
			 role_name(n->node), "board", n->board->name, "arch", n->board->arch,
			 "addresses", addresses, "on_demand", n->node->on_demand, "files",
			 (int)n->files.len, "secrets", (int)count_secrets(&n->files), "seed_bytes",
			 (json_int_t)n->seed_bytes);
}

int plan_json(const struct plan *p, json_t **ret, struct err *err)
{
	json_t *inputs = json_array(), *nodes = json_array(), *all;

	for (size_t i = 0; i < p->inputs_len; i++)
		(void)json_array_append_new(inputs, json_pack("{s:s s:s? s:s s:I}", "name",
							      p->inputs[i].name, "version",
							      p->inputs[i].version, "state",
							      p->inputs[i].state, "size_bytes",
							      (json_int_t)p->inputs[i].size_bytes));
	for (size_t i = 0; i < p->nodes_len; i++)
		(void)json_array_append_new(nodes, node_json(&p->nodes[i]));
	all = json_pack("{s:s s:s s:b s:o s:o}", "cluster", p->cluster->name, "k3s",
			p->cluster->k3s.version, "has_secrets", p->has_secrets, "inputs", inputs,
			"nodes", nodes);
	if (!all)
		return err_nomem(err);
	*ret = all;
	return 0;
}

int plan_files_json(const struct plan_node *n, json_t **ret, struct err *err)
{
	json_t *files = json_array(), *all;

	for (size_t i = 0; i < n->files.len; i++)
		(void)json_array_append_new(files, entry_json(&n->files.items[i]));
	all = json_pack("{s:s s:o}", "node", n->node->name, "files", files);
	if (!all)
		return err_nomem(err);
	*ret = all;
	return 0;
}
