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
	"  -f FILE       default: cluster.yaml here; kiln.lock is beside it\n"
	"  --components  only charts, manifests and container images; packages and K3s stay\n"
	"                what kiln.lock says, and with them the base images of nodes that run\n"
	"\n"
	"Asks apt what the boards' packages mean today and writes versions, URLs and\n"
	"SHA-256 into kiln.lock, and the K3s release of cluster.yaml. Needs the network. Keep "
	"kiln.lock in Git: a bake uses\n"
	"exactly what it names.\n"
	"\n"
	"Charts and manifests of the components are rendered (by helm), and every container image\n"
	"that stands in them is looked up (by skopeo) for the architectures of the boards: one\n"
	"that a board could not run is an error, with the place that names it.\n";

struct update_args {
	const char *file;
	bool components;
};

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct update_args, file),
	OPTION("--components", OPTION_FLAG, struct update_args, components),
	{ 0 },
};

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
		if (r >= 0 && !lock_set(l, b->name, b->arch))
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

/* Into an empty @l: the packages of the lock that there is, and K3s if it is the same version. */
static int keep_base(const struct cluster *c, struct lock *l, struct err *err)
{
	cleanup_lock struct lock old = { 0 };
	int r = lock_load(c, &old, err);

	if (r < 0)
		return r;
	r = lock_set_mirrors(l, old.mirror, old.security_mirror);
	for (size_t i = 0; i < old.packages_len && r >= 0; i++)
		r = lock_add_package(l, &old.packages[i]);
	for (size_t i = 0; i < old.sets_len && r >= 0; i++)
		r = lock_add_set(l, &old.sets[i]);
	for (size_t i = 0; i < old.files_len && r >= 0; i++) {
		const struct lock_file *f = &old.files[i];

		if (strcmp(f->version, c->k3s.version) == 0 &&
		    (strcmp(f->name, K3S_BINARY) == 0 || strcmp(f->name, K3S_IMAGES) == 0))
			r = lock_add_file(l, f);
	}
	return r < 0 ? err_nomem(err) : 0;
}

static int update(const char *path, bool components, struct err *err)
{
	cleanup_cluster struct cluster *c = NULL;
	cleanup_lock struct lock l = { 0 };
	struct phases phases;
	int r;

	r = cluster_open(path, &c, err);
	if (r < 0)
		return r;
	if (components)
		r = keep_base(c, &l, err);
	phases_init(&phases, stderr);
	if (r >= 0)
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
	struct update_args a = { .file = CLUSTER_FILE };
	int r = options_parse(rows, argc, argv, &a, err);

	return r != 0 ? r : update(a.file, a.components, err);
}
