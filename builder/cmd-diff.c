/* cmd-diff - the seed that an image carries against what cluster.yaml would give it now */
#include "cmd-diff.h"

#include "cluster-open.h"
#include "commands.h"
#include "file.h"
#include "image.h"
#include "json.h"
#include "options.h"
#include "render.h"
#include "seed-diff.h"
#include "seed-read.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#define BUNDLE_FILE "/var/lib/kiln/bundle.tar"
#define DIFFERS 1

const char cmd_diff_help[] =
	"Lists the files of NODE's seed that were added (+), removed (-) or changed (~) since the\n"
	"bake. FILE is an image, a disk or a seed's tar; without it out/NODE.img. Contents are\n"
	"compared and never shown; 'kiln plan NODE --cat PATH' shows what would be written.\n"
	"Exit 0: the same, 1: they differ or cannot be compared, 2: wrong usage. The manifest\n"
	"bundle is not rendered anew: 'kiln bundle diff' compares it.\n"
	"\n"
	"  -f FILE  the cluster's file (default: cluster.yaml)\n"
	"  --json   {node, image, baked_at, same, files: [{path, change, what}]}\n";

struct diff_args {
	const char *file, *node, *image;
	bool json;
};

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct diff_args, file),
	OPTION("--json", OPTION_FLAG, struct diff_args, json),
	OPTION("node", OPTION_OPERAND, struct diff_args, node),
	OPTION("image", OPTION_OPERAND, struct diff_args, image),
	{ 0 },
};

static int parse_args(int argc, char **argv, struct diff_args *a, struct err *err)
{
	int r = options_parse(rows, argc, argv, a, err);

	return r == 0 && !a->node ? err_setf(err, CMD_USAGE, "which node?") : r;
}

struct sides {
	struct seed_json json; /* of the image's seed */
	struct fileset before, after;
};

static void sides_done(struct sides *s)
{
	seed_json_done(&s->json);
	fileset_done(&s->before);
	fileset_done(&s->after);
}

static int read_before(const char *path, const struct node *n, struct sides *s, struct err *err)
{
	cleanup_free char *tar = NULL;
	size_t len = 0;
	int r = seed_read_tar(path, &tar, &len, err);

	if (r < 0)
		return r;
	r = seed_read_json(tar, len, &s->json, err);
	if (r >= 0 && strcmp(s->json.node, n->name) != 0)
		r = err_setf(err, -EINVAL, "it is the seed of node '%s', not of '%s'", s->json.node,
			     n->name);
	if (r >= 0)
		r = seed_read_files(tar, len, &s->before, err);
	explicit_bzero(tar, len);
	return r < 0 ? err_wrapf(err, r, "'%s'", path) : 0;
}

/* The serials of the bake's --wipe, as an array ended by NULL; borrowed from @j. */
static int wipe_of(const struct seed_json *j, const char ***ret, struct err *err)
{
	const char **all = calloc(j->wipe.len + 1, sizeof(*all));

	if (!all)
		return err_nomem(err);
	for (size_t i = 0; i < j->wipe.len; i++)
		all[i] = j->wipe.items[i];
	*ret = all;
	return 0;
}

/* Rendered at the time of the bake and with its bundle, so that only cluster.yaml counts. */
static int render_after(const struct cluster *c, const struct node *n, struct sides *s,
			struct err *err)
{
	const struct fileset_entry *bundle = fileset_find(&s->before, BUNDLE_FILE);
	cleanup_tempfile struct tempfile *tmp = NULL;
	cleanup_board struct board *board = NULL;
	cleanup_free const char **wipe = NULL;
	struct render in = { .cluster = c,
			     .node = n,
			     .secrets = &secret_source_disk,
			     .baked_at = s->json.baked_at };
	int r = board_load(n->board, &board, err);

	if (r >= 0)
		r = wipe_of(&s->json, &wipe, err);
	if (r >= 0 && bundle)
		r = tempfile_new_dir(NULL, "kiln-diff-", &tmp, err);
	if (r < 0)
		return r;
	in.board = board;
	in.wipe = s->json.wipe.len ? wipe : NULL;
	if (bundle) {
		cleanup_free char *path = NULL;

		if (asprintf(&path, "%s/bundle.tar", tmp->path) < 0) {
			path = NULL;
			return err_nomem(err);
		}
		r = file_create_at(AT_FDCWD, path, bundle->data, bundle->len, 0600, err);
		in.bundle_path = path;
		if (r >= 0)
			r = render_node(&in, &s->after, err);
		return r;
	}
	return render_node(&in, &s->after, err);
}

static int print_json(const struct sides *s, const struct seed_diff *d, const char *image,
		      struct err *err)
{
	cleanup_json json_t *j = json_pack("{s:s s:s s:I s:b s:o}", "node", s->json.node, "image",
					   image, "baked_at", (json_int_t)s->json.baked_at, "same",
					   d->len == 0, "files", seed_diff_json(d));

	if (!j)
		return err_nomem(err);
	if (json_dumpf(j, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
		return err_setf(err, -EIO, "cannot write the result");
	return 0;
}

static void print_text(const struct sides *s, const struct seed_diff *d, const char *image)
{
	time_t t = (time_t)s->json.baked_at;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	seed_diff_print(d, stdout);
	if (d->len)
		printf("%s: %zu file%s of '%s' (baked %s) would be different now\n", s->json.node,
		       d->len, d->len == 1 ? "" : "s", image, when);
	else
		printf("%s: '%s' (baked %s) has what cluster.yaml asks for\n", s->json.node, image,
		       when);
}

int cmd_diff(int argc, char **argv, struct err *err)
{
	struct diff_args a = { .file = CLUSTER_FILE };
	CLEANUP(sides_done) struct sides s = { 0 };
	cleanup_seed_diff struct seed_diff d = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_free char *out = NULL;
	const struct node *n = NULL;
	int r = parse_args(argc, argv, &a, err);

	if (r != 0)
		return r;
	r = cluster_open(a.file, &c, err);
	if (r >= 0)
		r = cluster_open_node(c, a.node, &n, err);
	if (r < 0)
		return r;
	if (!a.image)
		a.image = out = image_out_path(c, n->name, IMAGE_SUFFIX);
	if (!a.image)
		return err_nomem(err);
	r = read_before(a.image, n, &s, err);
	if (r == -ENOENT && out)
		return err_setf(err, r, "there is no '%s' yet; 'kiln bake %s' makes it", out,
				n->name);
	if (r >= 0)
		r = render_after(c, n, &s, err);
	if (r >= 0)
		r = seed_diff_make(&s.before, &s.after, &d, err);
	if (r >= 0 && a.json)
		r = print_json(&s, &d, a.image, err);
	else if (r >= 0)
		print_text(&s, &d, a.image);
	return r < 0 ? r : d.len ? DIFFERS : 0;
}
