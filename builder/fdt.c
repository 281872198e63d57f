#include "fdt.h"

#include <endian.h>
#include <string.h>

enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };
#define DEPTH_MAX 32
#define MAGIC 0xd00dfeedU

struct header {
	uint32_t magic, total_bytes, struct_at, strings_at, reserve_at, version, last_comp_version,
		boot_cpu;
	uint32_t strings_bytes, struct_bytes;
};
_Static_assert(sizeof(struct header) == 40, "as on disk");

struct reader {
	const unsigned char *structs, *strings;
	uint32_t structs_len, strings_len;
	uint32_t at;
	struct fdt f;
};

static int damaged(struct err *err, const char *what)
{
	return err_setf(err, -EBADMSG, "the device tree is damaged: %s", what);
}

static int word(struct reader *r, uint32_t *ret)
{
	uint32_t v;

	if (r->structs_len - r->at < 4)
		return -EBADMSG;
	memcpy(&v, r->structs + r->at, 4);
	*ret = be32toh(v);
	r->at += 4;
	return 0;
}

static void align(struct reader *r)
{
	uint32_t up = (r->at + 3) & ~UINT32_C(3);

	r->at = up < r->structs_len ? up : r->structs_len;
}

static int grow(void *items, size_t len, size_t size)
{
	void **list = items;
	void *more;

	if (len & (len - 1)) /* at 0, 1, 2, 4 ... */
		return 0;
	more = reallocarray(*list, len ? len * 2 : 1, size);
	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int begin_node(struct reader *r, int parent, struct err *err)
{
	const char *name = (const char *)r->structs + r->at;
	size_t len = strnlen(name, r->structs_len - r->at);

	if (len == r->structs_len - r->at)
		return damaged(err, "a node's name does not end");
	if (grow(&r->f.nodes, r->f.nodes_len, sizeof(*r->f.nodes)) < 0)
		return err_nomem(err);
	r->f.nodes[r->f.nodes_len++] = (struct fdt_node){ name, parent, r->f.props_len, 0 };
	r->at += (uint32_t)len + 1;
	align(r);
	return 0;
}

static int add_prop(struct reader *r, int node, struct err *err)
{
	uint32_t len, name;

	if (word(r, &len) < 0 || word(r, &name) < 0 || len > r->structs_len - r->at ||
	    name >= r->strings_len ||
	    strnlen((const char *)r->strings + name, r->strings_len - name) ==
		    r->strings_len - name)
		return damaged(err, "a property lies outside of it");
	/* properties come before the node's children: they stand together */
	if (node != (int)r->f.nodes_len - 1)
		return damaged(err, "a property after a child node");
	if (grow(&r->f.props, r->f.props_len, sizeof(*r->f.props)) < 0)
		return err_nomem(err);
	r->f.props[r->f.props_len++] =
		(struct fdt_prop){ (const char *)r->strings + name, r->structs + r->at, len };
	r->f.nodes[node].count++;
	r->at += len;
	align(r);
	return 0;
}

static int walk(struct reader *r, struct err *err)
{
	int stack[DEPTH_MAX], depth = 0, e = 0;
	uint32_t token;

	while (e >= 0 && word(r, &token) >= 0) {
		int node = depth ? stack[depth - 1] : -1;

		switch (token) {
		case BEGIN_NODE:
			if (depth == DEPTH_MAX || (depth == 0 && r->f.nodes_len))
				return damaged(err, "too deep, or two roots");
			e = begin_node(r, node, err);
			stack[depth++] = (int)r->f.nodes_len - 1;
			break;
		case END_NODE:
			if (depth == 0)
				return damaged(err, "a node ends that has not begun");
			depth--;
			break;
		case PROP:
			e = node < 0 ? damaged(err, "a property outside of any node")
				     : add_prop(r, node, err);
			break;
		case NOP:
			break;
		case END:
			return depth || !r->f.nodes_len ? damaged(err, "it ends inside of a node")
							: 0;
		default:
			return damaged(err, "an unknown token");
		}
	}
	return e < 0 ? e : damaged(err, "it is cut short");
}

int fdt_open(const void *data, size_t len, struct fdt *ret, struct err *err)
{
	struct reader r = { 0 };
	struct header h;
	uint32_t total, structs_at, strings_at;
	int e;

	if (len < sizeof(h))
		return damaged(err, "it is cut short");
	memcpy(&h, data, sizeof(h));
	total = be32toh(h.total_bytes);
	structs_at = be32toh(h.struct_at);
	strings_at = be32toh(h.strings_at);
	r.structs_len = be32toh(h.struct_bytes);
	r.strings_len = be32toh(h.strings_bytes);
	if (be32toh(h.magic) != MAGIC || be32toh(h.version) < 17)
		return damaged(err, "no header of version 17");
	if (total > len || structs_at > total || r.structs_len > total - structs_at ||
	    strings_at > total || r.strings_len > total - strings_at || structs_at % 4)
		return damaged(err, "its parts lie outside of it");
	r.structs = (const unsigned char *)data + structs_at;
	r.strings = (const unsigned char *)data + strings_at;
	e = walk(&r, err);
	if (e < 0) {
		fdt_done(&r.f);
		return e;
	}
	*ret = r.f;
	return 0;
}

void fdt_done(struct fdt *f)
{
	free(f->nodes);
	free(f->props);
	*f = (struct fdt){ 0 };
}

const struct fdt_prop *fdt_prop(const struct fdt *f, int node, const char *name)
{
	const struct fdt_node *n = &f->nodes[node];

	for (size_t i = n->first; i < n->first + n->count; i++)
		if (strcmp(f->props[i].name, name) == 0)
			return &f->props[i];
	return NULL;
}

bool fdt_cell(const struct fdt_prop *p, size_t i, uint32_t *ret)
{
	uint32_t v;

	if (i >= p->len / 4)
		return false;
	memcpy(&v, p->data + i * 4, 4);
	*ret = be32toh(v);
	return true;
}

uint32_t fdt_u32(const struct fdt *f, int node, const char *name, uint32_t otherwise)
{
	const struct fdt_prop *p = fdt_prop(f, node, name);
	uint32_t v;

	return p && fdt_cell(p, 0, &v) ? v : otherwise;
}

const char *fdt_next_string(const struct fdt_prop *p, const char *after)
{
	const char *start = (const char *)p->data, *end = start + p->len;
	const char *next = after ? after + strlen(after) + 1 : start;

	if (next >= end || !memchr(next, '\0', (size_t)(end - next)))
		return NULL;
	return next;
}

bool fdt_is_compatible(const struct fdt *f, int node, const char *compatible)
{
	const struct fdt_prop *p = fdt_prop(f, node, "compatible");

	for (const char *s = p ? fdt_next_string(p, NULL) : NULL; s; s = fdt_next_string(p, s))
		if (strcmp(s, compatible) == 0)
			return true;
	return false;
}

bool fdt_is_enabled(const struct fdt *f, int node)
{
	for (; node >= 0; node = f->nodes[node].parent) {
		const struct fdt_prop *p = fdt_prop(f, node, "status");
		const char *s = p ? fdt_next_string(p, NULL) : NULL;

		if (s && strcmp(s, "okay") != 0 && strcmp(s, "ok") != 0)
			return false;
	}
	return true;
}

int fdt_by_phandle(const struct fdt *f, uint32_t phandle)
{
	for (size_t i = 0; i < f->nodes_len; i++)
		if (fdt_u32(f, (int)i, "phandle", 0) == phandle && phandle)
			return (int)i;
	return -1;
}

const char *fdt_path(const struct fdt *f, int node, char *dst, size_t size)
{
	int chain[DEPTH_MAX], n = 0;
	size_t used = 0;

	for (; node > 0 && n < DEPTH_MAX; node = f->nodes[node].parent)
		chain[n++] = node;
	(void)snprintf(dst, size, "/");
	while (n-- > 0 && used < size) {
		int w = snprintf(dst + used, size - used, "/%s", f->nodes[chain[n]].name);

		used += w > 0 ? (size_t)w : 0;
	}
	return dst;
}
