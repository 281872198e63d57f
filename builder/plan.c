#include "plan.h"

#include "bake-time.h"
#include "render.h"

#include <string.h>
#include <sys/stat.h>

#define TAR_BLOCK 512

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->nodes_len; i++)
		fileset_done(&p->nodes[i].files);
	free(p->nodes);
	for (size_t i = 0; i < p->inputs_len; i++) {
		free(p->inputs[i].name);
		free(p->inputs[i].version);
		free(p->inputs[i].state);
	}
	free(p->inputs);
	for (size_t i = 0; i < p->boards_len; i++)
		board_free(p->boards[i]);
	free(p->boards);
	*p = (struct plan){ 0 };
}

static int plan_board(struct plan *p, const char *name, const struct board **ret, struct err *err)
{
	struct board **bigger;
	int r;

	for (size_t i = 0; i < p->boards_len; i++) {
		if (strcmp(p->boards[i]->name, name) == 0) {
			*ret = p->boards[i];
			return 0;
		}
	}
	bigger = reallocarray(p->boards, p->boards_len + 1, sizeof(*bigger));
	if (!bigger)
		return err_nomem(err);
	p->boards = bigger;
	r = board_load(name, &p->boards[p->boards_len], err);
	if (r < 0)
		return r;
	*ret = p->boards[p->boards_len++];
	return 0;
}

static int add_input(struct plan *p, const char *name, const char *version, const char *state,
		     uint64_t size_bytes)
{
	struct plan_input *bigger = reallocarray(p->inputs, p->inputs_len + 1, sizeof(*bigger));
	struct plan_input *in;

	if (!bigger)
		return -ENOMEM;
	p->inputs = bigger;
	in = &bigger[p->inputs_len++];
	*in = (struct plan_input){
		.name = strdup(name),
		.version = version ? strdup(version) : NULL,
		.state = strdup(state),
		.size_bytes = size_bytes,
	};
	return in->name && in->state && (in->version || !version) ? 0 : -ENOMEM;
}

/* A file or folder beside cluster.yaml. */
static int add_beside(struct plan *p, const char *name, const char *missing, bool *ret_there)
{
	cleanup_free char *path = NULL;
	struct stat st;
	bool there;

	if (asprintf(&path, "%s/%s", p->cluster->dir, name) < 0)
		return -ENOMEM;
	there = stat(path, &st) == 0;
	if (ret_there)
		*ret_there = there;
	return add_input(p, name, NULL, there ? "there" : missing,
			 there && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
}

static int local_k3s(struct plan *p)
{
	const struct cluster *c = p->cluster;
	cleanup_free char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s%s%s", c->k3s.binary[0] == '/' ? "" : c->dir,
		     c->k3s.binary[0] == '/' ? "" : "/", c->k3s.binary) < 0)
		return -ENOMEM;
	if (stat(path, &st) < 0)
		return add_input(p, c->k3s.binary, c->k3s.version, "missing", 0);
	return add_input(p, c->k3s.binary, c->k3s.version, "there", (uint64_t)st.st_size);
}

static int add_inputs(struct plan *p)
{
	const struct cluster *c = p->cluster;
	int r;

	r = add_beside(p, ".kiln/secrets", "not made yet: run 'kiln init'", &p->has_secrets);
	r = r ?: add_beside(p, "kiln.lock", "not made yet: run 'kiln update'", NULL);
	if (c->k3s.binary)
		r = r ?: local_k3s(p);
	return r;
}

/* A header for each, contents in whole blocks, the end; seed.json fits two blocks. */
static uint64_t tar_bytes(const struct fileset *fs)
{
	uint64_t n = 3 * TAR_BLOCK; /* seed.json */

	for (size_t i = 0; i < fs->len; i++) {
		const struct fileset_entry *e = &fs->items[i];

		n += TAR_BLOCK;
		if (e->type == FILESET_FILE)
			n += (e->len + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	}
	n += 2 * TAR_BLOCK;
	return (n + 20 * TAR_BLOCK - 1) / (20 * TAR_BLOCK) * (20 * TAR_BLOCK);
}

static int add_node(struct plan *p, const struct node *n, uint64_t now, struct err *err)
{
	struct plan_node *pn = &p->nodes[p->nodes_len++];
	struct render in = {
		.cluster = p->cluster, .node = n, .secrets = p->secrets, .baked_at = now,
	};
	int r;

	pn->node = n;
	r = plan_board(p, n->board, &pn->board, err);
	if (r < 0)
		return r;
	in.board = pn->board;
	r = render_node(&in, &pn->files, err);
	if (r < 0)
		return r;
	pn->seed_bytes = tar_bytes(&pn->files);
	return 0;
}

int plan_make(const struct cluster *c, const struct node *only, struct plan *ret, struct err *err)
{
	cleanup_plan struct plan p = { .cluster = c };
	uint64_t now;
	int r;

	r = bake_time(&now, err);
	if (r < 0)
		return r;
	p.nodes = calloc(c->nodes_len, sizeof(*p.nodes));
	if (!p.nodes || add_inputs(&p) < 0)
		return err_nomem(err);
	p.secrets = p.has_secrets ? &secret_source_disk : &secret_source_stand_in;
	for (size_t i = 0; i < c->nodes_len; i++) {
		if (only && only != &c->nodes[i])
			continue;
		r = add_node(&p, &c->nodes[i], now, err);
		if (r < 0)
			return r;
	}
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}
