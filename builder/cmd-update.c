#include "base-inputs.h"
#include "board.h"
#include "bundle-lock.h"
#include "cluster-open.h"
#include "cmd-update.h"
#include "commands.h"
#include "http.h"
#include "k3s-lock.h"
#include "lock.h"
#include "oci-lock.h"
#include "options.h"
#include "phase.h"

#include <string.h>

const char cmd_update_help[] =
	"  -f FILE  default: cluster.yaml here; kiln.lock is beside it\n"
	"\n"
	"Asks apt what the boards' packages mean today and writes versions, URLs and\n"
	"SHA-256 into kiln.lock, and the K3s release of cluster.yaml. Needs the network. Keep "
	"kiln.lock in Git: a bake uses\n"
	"exactly what it names.\n"
	"\n"
	"Charts and manifests of the components are rendered (by helm), and every container image\n"
	"that stands in them is looked up (by skopeo) for the architectures of the boards: one\n"
	"that a board could not run is an error, with the place that names it.\n";

static bool first_of_board(const struct cluster *c, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->nodes[k].board, c->nodes[i].board) == 0)
			return false;
	return true;
}

static int lock_boards(const struct cluster *c, struct lock *l, struct phases *p, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < c->nodes_len && r >= 0; i++) {
		cleanup_board struct board *b = NULL;

		if (!first_of_board(c, i))
			continue;
		phase_begin(p, "%s: packages", c->nodes[i].board);
		r = board_load(c->nodes[i].board, &b, err);
		if (r >= 0)
			r = base_inputs_lock(c, b, l, err);
		if (r >= 0)
			phase_end(p, NULL);
	}
	return r;
}

static int lock_k3s(const struct cluster *c, struct lock *l, struct phases *p, struct err *err)
{
	cleanup_http struct http *h = NULL;
	int r = c->k3s.binary ? 0 : http_new(&h, err);

	for (size_t i = 0; i < c->nodes_len && r >= 0 && h; i++) {
		cleanup_board struct board *b = NULL;

		r = board_load(c->nodes[i].board, &b, err);
		if (r < 0 || lock_file(l, K3S_BINARY, b->arch))
			continue;
		phase_begin(p, "K3s %s for %s", c->k3s.version, b->arch);
		r = k3s_lock(c, b->arch, h, l, err);
		if (r >= 0)
			phase_end(p, NULL);
	}
	return r;
}

static int update(const char *path, struct err *err)
{
	cleanup_cluster struct cluster *c = NULL;
	cleanup_lock struct lock l = { 0 };
	struct phases phases;
	int r;

	r = cluster_open(path, &c, err);
	if (r < 0)
		return r;
	phases_init(&phases, stderr);
	r = lock_k3s(c, &l, &phases, err);
	if (r >= 0)
		r = lock_boards(c, &l, &phases, err);
	if (r >= 0)
		r = bundle_lock(c, &l, &phases, err);
	if (r >= 0)
		r = oci_lock(c, &l, &phases, err);
	if (r < 0)
		return r;
	lock_sort(&l);
	r = lock_save(c, &l, err);
	if (r >= 0)
		printf("kiln.lock: %zu packages, %zu files, %zu images\n", l.packages_len,
		       l.files_len, l.images_len);
	return r;
}

int cmd_update(int argc, char **argv, struct err *err)
{
	static const struct option_row rows[] = { { .name = "-f", .kind = OPTION_TEXT }, { 0 } };
	const char *path = CLUSTER_FILE;
	int r = options_parse(rows, argc, argv, &path, err);

	return r != 0 ? r : update(path, err);
}
