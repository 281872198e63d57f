#include "root-grow.h"

#include "buf.h"
#include "file.h"
#include "path.h"
#include "spawn.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#define DEFINITION "50-root.conf"
#define DEFINITION_MAX ((size_t)64 << 10)
#define REPART_TIMEOUT_MS 60000
#define REPART_OUT_MAX ((size_t)1 << 20)

static void json_freep(json_t **j)
{
	json_decref(*j);
}

/* The node's definition with our limit in the place of its own. */
static int write_limit(const char *defs, const char *scratch, uint64_t max_bytes, struct err *err)
{
	cleanup_free char *from = path_join(defs, DEFINITION), *to = path_join(scratch, DEFINITION);
	cleanup_free char *text = NULL;
	cleanup_buf struct buf b = BUF_INIT(DEFINITION_MAX);
	int r;

	if (!from || !to)
		return err_nomem(err);
	r = file_read_at(AT_FDCWD, from, DEFINITION_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		if (strncmp(p, "SizeMaxBytes=", 13) != 0)
			(void)buf_addf(&b, "%.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	(void)buf_addf(&b, "SizeMaxBytes=%ju\n", (uintmax_t)max_bytes);
	r = buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot write '%s'", to);
	return file_replace_at(AT_FDCWD, to, b.data, b.len, 0644, err);
}

static int run_repart(const char *path, const char *defs, const char *dry, char **ret,
		      struct err *err)
{
	cleanup_free char *def_arg = NULL, *dry_arg = NULL;
	int r;

	if (asprintf(&def_arg, "--definitions=%s", defs) < 0 ||
	    asprintf(&dry_arg, "--dry-run=%s", dry) < 0)
		return err_nomem(err);
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "systemd-repart", dry_arg, "--json=short",
					       "--empty=refuse", "--discard=no", def_arg, path,
					       NULL },
		.timeout_ms = REPART_TIMEOUT_MS,
		.out_max = REPART_OUT_MAX,
	};
	r = spawn_run(&s, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s.out);
	return 0;
}

/*
 * Root grows or nothing does. "Nothing" is not the last word: of a disk that is larger than
 * the image was, a dry run does not see the part behind the old backup table.
 */
static int check_plan(const char *text, const struct sysdisk *d, uint64_t max_bytes,
		      struct err *err)
{
	CLEANUP(json_freep) json_t *plan = json_loads(text, 0, NULL);
	json_t *row;
	size_t i;

	if (!json_is_array(plan))
		return err_setf(err, -EBADMSG, "systemd-repart does not tell its plan");
	json_array_foreach (plan, i, row) {
		const char *activity = json_string_value(json_object_get(row, "activity"));
		json_int_t offset = json_integer_value(json_object_get(row, "offset"));
		json_int_t old = json_integer_value(json_object_get(row, "old_size"));
		json_int_t size = json_integer_value(json_object_get(row, "raw_size"));

		if (activity && strcmp(activity, "unchanged") == 0)
			continue;
		if (!activity || strcmp(activity, "resize") != 0 ||
		    (uint64_t)offset != d->root_start ||
		    (uint64_t)old != d->root_end - d->root_start || size < old ||
		    (uint64_t)size > max_bytes)
			return err_setf(
				err, -EPERM,
				"systemd-repart would %s the partition at byte %jd, not grow "
				"root alone: nothing was changed",
				activity ? activity : "change", (intmax_t)offset);
	}
	return 0;
}

int root_grow(const char *path, unsigned int root_number, const char *defs, const char *scratch,
	      uint64_t max_bytes, bool *ret_grew, struct err *err)
{
	cleanup_free char *plan = NULL, *done = NULL;
	struct sysdisk before, after;
	uint64_t room_end;
	int r = sysdisk_read(path, root_number, NULL, &before, err);

	if (r < 0)
		return r;
	*ret_grew = false;
	room_end = before.next_start ? before.next_start : before.free_end;
	if (before.root_end - before.root_start >= max_bytes ||
	    before.root_end + SYSDISK_GRAIN > room_end)
		return 0;
	r = write_limit(defs, scratch, max_bytes, err);
	if (r >= 0)
		r = run_repart(path, scratch, "yes", &plan, err);
	if (r >= 0)
		r = check_plan(plan, &before, max_bytes, err);
	if (r < 0)
		return r;
	r = run_repart(path, scratch, "no", &done, err);
	if (r >= 0)
		r = sysdisk_read(path, root_number, NULL, &after, err);
	if (r < 0)
		return r;
	if (after.root_start != before.root_start || after.root_end < before.root_end ||
	    after.root_end - after.root_start > max_bytes || after.next_start != before.next_start)
		return err_setf(err, -EIO, "systemd-repart left another table on '%s' than it said",
				path);
	*ret_grew = after.root_end > before.root_end;
	return 0;
}
