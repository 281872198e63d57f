/* cmd-gc - what of the cache nothing names any more */
#include "cmd-gc.h"

#include "cache-gc.h"
#include "cluster-open.h"
#include "commands.h"
#include "json.h"
#include "lock.h"
#include "options.h"
#include "parse.h"

#include <string.h>
#include <time.h>

#define AGE_DEFAULT_S (30 * 86400)

const char cmd_gc_help[] =
	"Lists what of the cache neither the cluster's kiln.lock, nor its base roots, nor the\n"
	"images in out/ name, and nobody used for 30 days. Removes nothing unless told to. The\n"
	"cache is shared: name the file of each cluster that you still bake. What is removed\n"
	"is fetched or built again when it is asked for.\n"
	"\n"
	"  -f FILE            a cluster's file, as often as there are clusters (default:\n"
	"                     cluster.yaml); without its kiln.lock nothing is removed\n"
	"  --older-than TIME  since the last use; 0s: at once (default: 30d)\n"
	"  --remove           remove it\n"
	"  --json             {files: [{name, bytes, used_at}], bytes, kept_bytes, young_bytes, "
	"removed}\n";

struct gc_args {
	struct string_list files; /* owned */
	uint64_t min_age_s;
	bool remove, json;
};

static void args_done(struct gc_args *a)
{
	lock_list_done(&a->files);
}

static int take_file(void *args, const char *value, struct err *err)
{
	struct gc_args *a = args;

	return lock_list_add(&a->files, value) < 0 ? err_nomem(err) : 0;
}

static const struct option_row rows[] = {
	OPTION_FN("-f", OPTION_CALL, take_file),
	OPTION("--older-than", OPTION_TIME, struct gc_args, min_age_s),
	OPTION("--remove", OPTION_FLAG, struct gc_args, remove),
	OPTION("--json", OPTION_FLAG, struct gc_args, json),
	{ 0 },
};

static int parse_args(int argc, char **argv, struct gc_args *a, struct err *err)
{
	int r = options_parse(rows, argc, argv, a, err);

	return r != 0 || a->files.len ? r : take_file(a, CLUSTER_FILE, err);
}

static int print_json(const struct gc_plan *p, bool removed, struct err *err)
{
	json_t *files = json_array();
	cleanup_json json_t *j = NULL;

	for (size_t i = 0; files && i < p->len; i++)
		json_array_append_new(files, json_pack("{s:s s:I s:I}", "name", p->items[i].name,
						       "bytes", (json_int_t)p->items[i].bytes,
						       "used_at", (json_int_t)p->items[i].used_s));
	j = json_pack("{s:o s:I s:I s:I s:b}", "files", files, "bytes", (json_int_t)p->bytes,
		      "kept_bytes", (json_int_t)p->kept_bytes, "young_bytes",
		      (json_int_t)p->young_bytes, "removed", removed);
	if (!j)
		return err_nomem(err);
	if (json_dumpf(j, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
		return err_setf(err, -EIO, "cannot write the result");
	return 0;
}

static void print_text(const struct gc_plan *p, bool removed)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < p->len; i++) {
		time_t t = (time_t)p->items[i].used_s;
		char when[16] = "";
		struct tm tm;

		if (gmtime_r(&t, &tm))
			(void)strftime(when, sizeof(when), "%Y-%m-%d", &tm);
		printf("%10s  used %s  %s\n", size_human(p->items[i].bytes, size), when,
		       p->items[i].name);
	}
	printf("%s: %zu file%s, %s", removed ? "removed" : "to remove", p->len,
	       p->len == 1 ? "" : "s", size_human(p->bytes, size));
	printf("; named: %zu, %s", p->kept, size_human(p->kept_bytes, size));
	printf("; used lately: %zu, %s\n", p->young, size_human(p->young_bytes, size));
	if (!removed && p->len)
		puts("'kiln gc --remove' removes them");
}

static int keep_all(const struct gc_args *a, struct gc_keep *k, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < a->files.len && r >= 0; i++) {
		cleanup_cluster struct cluster *c = NULL;

		r = cluster_open(a->files.items[i], &c, err);
		if (r >= 0)
			r = gc_keep_cluster(k, c, err);
		if (r < 0)
			return err_wrapf(err, r, "'%s': nothing was removed", a->files.items[i]);
	}
	return r;
}

int cmd_gc(int argc, char **argv, struct err *err)
{
	CLEANUP(args_done) struct gc_args a = { .min_age_s = AGE_DEFAULT_S };
	cleanup_gc_keep struct gc_keep k = { 0 };
	cleanup_gc_plan struct gc_plan p = { 0 };
	int r = parse_args(argc, argv, &a, err);

	if (r != 0)
		return r;
	r = keep_all(&a, &k, err);
	if (r >= 0)
		r = gc_plan_make(&k, time(NULL), a.min_age_s, &p, err);
	if (r >= 0 && a.remove)
		r = gc_plan_remove(&p, err);
	if (r < 0)
		return r;
	if (a.json)
		return print_json(&p, a.remove, err);
	print_text(&p, a.remove);
	return 0;
}
