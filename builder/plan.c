#include "plan.h"

#include "bake-time.h"
#include "render.h"

#include <string.h>

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
		.cluster = p->cluster,
		.node = n,
		.secrets = p->secrets,
		.baked_at = now,
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
	if (!p.nodes)
		return err_nomem(err);
	r = plan_secrets(&p, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->nodes_len; i++) {
		if (only && only != &c->nodes[i])
			continue;
		r = add_node(&p, &c->nodes[i], now, err);
		if (r < 0)
			return r;
	}
	r = only ? 0 : plan_inputs(&p, err);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}
