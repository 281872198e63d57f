/* cmd-bake - make the images of nodes; what is the same for a board is made once and kept */
#include "cmd-bake.h"

#include "base-ahead.h"
#include "bundle.h"
#include "cache-use.h"
#include "cluster-open.h"
#include "commands.h"
#include "image.h"
#include "options.h"
#include "out-dir.h"
#include "phase.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

#define WIPES_MAX 32

const char cmd_bake_help[] =
	"Without NODE: all nodes. Makes out/NODE.img, out/NODE.bmap and out/NODE.image.json.\n"
	"Needs neither root nor loop devices. A second run makes only what has changed: a new\n"
	"address is a new seed in the image that is there.\n"
	"\n"
	"  -f FILE             the cluster's file (default: cluster.yaml)\n"
	"  --offline           never use the network; what the cache lacks is an error\n"
	"  --zst               also out/NODE.img.zst\n"
	"  --emulate           foreign boards under qemu-user (slow), not by the twin\n"
	"  --wipe NODE=SERIAL  the node may zero the disk with this serial, once, for Ceph\n"
	"  --json              what was made, as JSON on stdout; progress on stderr\n"
	"\n"
	"SOURCE_DATE_EPOCH, when set, is the time of everything that is made. Root trees are made\n"
	"in memory where there is room; KILN_SCRATCH=disk keeps them in the cache's folder.\n";

struct wipe_arg {
	const char *serial;
	size_t node_len;
	const char *text; /* "NODE=SERIAL" */
};
struct bake_args {
	const char *file;
	const char **nodes; /* owned array of borrowed names */
	size_t nodes_len;
	struct wipe_arg wipes[WIPES_MAX];
	size_t wipes_len;
	unsigned int flags; /* enum image_flags */
	bool json;
};

static void args_done(struct bake_args *a)
{
	free(a->nodes);
}

static int take_wipe(void *args, const char *text, struct err *err)
{
	struct bake_args *a = args;
	const char *eq = strchr(text, '=');

	if (!eq || eq == text || !eq[1])
		return err_setf(err, CMD_USAGE, "--wipe takes NODE=SERIAL, not '%s'", text);
	if (a->wipes_len == WIPES_MAX)
		return err_setf(err, CMD_USAGE, "at most %d of '--wipe'", WIPES_MAX);
	a->wipes[a->wipes_len++] = (struct wipe_arg){ eq + 1, (size_t)(eq - text), text };
	return 0;
}

static int take_node(void *args, const char *name, struct err *err)
{
	struct bake_args *a = args;

	(void)err;
	a->nodes[a->nodes_len++] = name;
	return 0;
}

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct bake_args, file),
	OPTION_FN("--wipe", OPTION_CALL, take_wipe),
	OPTION_OF_BIT("--offline", struct bake_args, flags, IMAGE_OFFLINE),
	OPTION_OF_BIT("--zst", struct bake_args, flags, IMAGE_ZST),
	OPTION_OF_BIT("--emulate", struct bake_args, flags, IMAGE_EMULATE),
	OPTION("--json", OPTION_FLAG, struct bake_args, json),
	OPTION_FN("node", OPTION_OPERANDS, take_node),
	{ 0 },
};

static int parse_args(int argc, char **argv, struct bake_args *a, struct err *err)
{
	a->nodes = calloc((size_t)argc, sizeof(*a->nodes));
	return a->nodes ? options_parse(rows, argc, argv, a, err) : err_nomem(err);
}

static bool wanted(const struct bake_args *a, const struct node *n)
{
	if (a->nodes_len == 0)
		return true;
	for (size_t i = 0; i < a->nodes_len; i++)
		if (strcmp(a->nodes[i], n->name) == 0)
			return true;
	return false;
}

static int check_names(const struct bake_args *a, const struct cluster *c, struct err *err)
{
	const struct node *n = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->nodes_len; i++)
		r = cluster_open_node(c, a->nodes[i], &n, err);
	for (size_t i = 0; r == 0 && i < a->wipes_len; i++) {
		cleanup_free char *name = strndup(a->wipes[i].text, a->wipes[i].node_len);

		if (!name)
			return err_nomem(err);
		r = cluster_open_node(c, name, &n, err);
		if (r == 0 && !wanted(a, n))
			r = err_setf(err, -EINVAL, "--wipe names node '%s', which is not baked",
				     name);
	}
	return r;
}

/* One bake at a time for a cluster: the second waits and then finds all in the cache. */
static int take_lock(const struct cluster *c, FILE *progress, int *ret_fd, struct err *err)
{
	cleanup_free char *path = NULL, *dir = NULL;
	cleanup_close int fd = -EBADF;
	int r;

	if (asprintf(&dir, "%s/.kiln", c->dir) < 0)
		dir = NULL;
	if (!dir || asprintf(&path, "%s/bake.lock", dir) < 0)
		path = NULL;
	if (!path)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, dir, 0755, err);
	if (r < 0)
		return r;
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	r = neg_errno(flock(fd, LOCK_EX | LOCK_NB));
	if (r == -EWOULDBLOCK) {
		fprintf(progress, "waiting for another kiln bake of this cluster\n");
		do
			r = neg_errno(flock(fd, LOCK_EX));
		while (r == -EINTR);
	}
	if (r < 0)
		return err_errnof(err, r, "cannot lock '%s'", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

struct baking {
	const struct bake_args *args;
	const struct cluster *cluster;
	struct phases phases;
	struct bundle_result bundle; /* made when the first control-plane needs it */
	json_t *made;		     /* owned; array */
	uint64_t now;
};

static void baking_done(struct baking *b)
{
	bundle_result_done(&b->bundle);
	json_decref(b->made);
}

static int bake_node(struct baking *b, const struct node *n, const struct board *board,
		     const struct image_base *base, struct err *err)
{
	static const char *const results[] = { "made", "new-seed", "unchanged" };
	const char *wipe[WIPES_MAX + 1] = { 0 };
	cleanup_free char *path = image_out_path(b->cluster, n->name, IMAGE_SUFFIX);
	struct image_node_spec spec = {
		.cluster = b->cluster,
		.node = n,
		.board = board,
		.base = base,
		.wipe = wipe,
		.now = b->now,
		.flags = b->args->flags,
	};
	enum image_result result = IMAGE_MADE;
	size_t wipes = 0;
	int r;

	for (size_t i = 0; i < b->args->wipes_len; i++) {
		const struct wipe_arg *w = &b->args->wipes[i];

		if (strlen(n->name) == w->node_len && strncmp(n->name, w->text, w->node_len) == 0)
			wipe[wipes++] = w->serial;
	}
	if (n->role == ROLE_CONTROL_PLANE)
		spec.bundle_path = b->bundle.path;
	r = image_node_bake(&spec, &b->phases, &result, err);
	if (r < 0)
		return r;
	if (!path ||
	    json_array_append_new(b->made, json_pack("{s:s, s:s, s:s, s:s, s:s}", "node", n->name,
						     "board", board->name, "base", base->base.id,
						     "image", path, "result", results[result])) < 0)
		return err_nomem(err);
	return 0;
}

static int make_bundle(struct baking *b, struct err *err)
{
	bool needed = false;
	int r;

	for (size_t i = 0; i < b->cluster->nodes_len; i++)
		needed |= b->cluster->nodes[i].role == ROLE_CONTROL_PLANE &&
			  wanted(b->args, &b->cluster->nodes[i]);
	if (!needed)
		return 0;
	phase_begin(&b->phases, "%s: bundle", b->cluster->name);
	r = bundle_build(b->cluster, BUNDLE_LOCKED, &b->bundle, err);
	if (r < 0)
		return err_wrapf(err, r, "bundle");
	phase_end(&b->phases, NULL);
	if (b->bundle.warnings && *b->bundle.warnings)
		fputs(b->bundle.warnings, stderr);
	return 0;
}

/* Board by board, so that a base is looked up once. */
static int bake_board(struct baking *b, const char *name, struct err *err)
{
	cleanup_image_base struct image_base base = { 0 };
	cleanup_board struct board *board = NULL;
	int r;

	r = board_load(name, &board, err);
	if (r == 0)
		r = image_base_get(b->cluster, board, b->args->flags, &b->phases, &base, err);
	for (size_t i = 0; r == 0 && i < b->cluster->nodes_len; i++) {
		const struct node *n = &b->cluster->nodes[i];

		if (strcmp(n->board, name) == 0 && wanted(b->args, n))
			r = bake_node(b, n, board, &base, err);
	}
	return r;
}

/* Whether node number i is the first of its board among those that are wanted. */
static bool first_of_board(const struct baking *b, size_t i)
{
	const struct cluster *c = b->cluster;

	for (size_t k = 0; k < i; k++)
		if (wanted(b->args, &c->nodes[k]) &&
		    strcmp(c->nodes[k].board, c->nodes[i].board) == 0)
			return false;
	return wanted(b->args, &c->nodes[i]);
}

static void start_ahead(const struct baking *b, struct base_ahead *ahead)
{
	unsigned int flags = image_base_flags(b->args->flags);
	bool first = true;

	for (size_t i = 0; i < b->cluster->nodes_len; i++) {
		if (!first_of_board(b, i))
			continue;
		if (!first)
			base_ahead_start(ahead, b->cluster, b->cluster->nodes[i].board, flags);
		first = false;
	}
}

static int bake_all(struct baking *b, struct err *err)
{
	CLEANUP(base_ahead_done) struct base_ahead ahead = { 0 };
	int r;

	r = make_bundle(b, err);
	if (r == 0)
		start_ahead(b, &ahead);
	for (size_t i = 0; r == 0 && i < b->cluster->nodes_len; i++)
		if (first_of_board(b, i))
			r = bake_board(b, b->cluster->nodes[i].board, err);
	return r;
}

/* ".cow.img.Ab3xYz": what tempfile_new() makes beside cow.img */
static bool is_half_made(const char *name)
{
	static const char *const kinds[] = { ".img.", ".img.zst.", ".image.json.", ".bmap." };
	size_t len = strlen(name);

	if (*name != '.' || len < 8 || name[len - 7] != '.')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (len > n + 6 && strncmp(name + len - 6 - n, kinds[i], n) == 0)
			return true;
	}
	return false;
}

/* What a killed bake left in out/; we hold the lock, so none of it is in use. */
static int remove_half_made(const char *out, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	cleanup_close int dir_fd = -EBADF;
	int r = tree_list_at(AT_FDCWD, out, &names, err);

	if (r < 0)
		return r;
	dir_fd = neg_errno(open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (dir_fd < 0)
		return err_errnof(err, dir_fd, "cannot open '%s'", out);
	for (size_t i = 0; i < names.len; i++)
		if (is_half_made(names.items[i]) && unlinkat(dir_fd, names.items[i], 0) < 0 &&
		    errno != ENOENT)
			return err_errnof(err, -errno,
					  "cannot remove '%s/%s', left by a killed bake", out,
					  names.items[i]);
	return 0;
}

static int make_out(const struct cluster *c, struct err *err)
{
	cleanup_free char *out = NULL;
	int r = out_dir_make(c, &out, err);

	return r < 0 ? r : remove_half_made(out, err);
}

static int bake(const struct bake_args *a, struct err *err)
{
	CLEANUP(baking_done) struct baking b = { .args = a, .made = json_array() };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_close int lock = -EBADF, in_use = -EBADF;
	FILE *progress = a->json ? stderr : stdout;
	int r;

	r = cluster_open(a->file, &c, err);
	if (r == 0)
		r = check_names(a, c, err);
	if (r == 0)
		r = image_now(&b.now, err);
	if (r == 0)
		r = take_lock(c, progress, &lock, err);
	if (r == 0)
		r = make_out(c, err);
	if (r < 0)
		return r;
	in_use = cache_use();
	b.cluster = c;
	phases_init(&b.phases, progress);
	r = bake_all(&b, err);
	if (r < 0) {
		phases_abort(&b.phases);
		return r;
	}
	phases_report(&b.phases);
	if (a->json && (json_dumpf(b.made, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF))
		return err_setf(err, -EIO, "cannot write the result");
	return 0;
}

int cmd_bake(int argc, char **argv, struct err *err)
{
	CLEANUP(args_done) struct bake_args a = { .file = CLUSTER_FILE };
	int r = parse_args(argc, argv, &a, err);

	return r != 0 ? r : bake(&a, err);
}
