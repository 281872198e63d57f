/*
 * base-tool - the base root of one board, for tests and measurements
 *
 * usage: base-tool CLUSTER.yaml BOARD [emulate|rebuild|offline|find|key|lock|native]...
 * [unpack=DIR] [k3s=DIR] [ahead=BOARD] native: only what mmdebstrap does for the native half; prints the seconds.
 * k3s: only install K3s below DIR. ahead: as bake, make the root of a second board meanwhile, and
 * count until both are there. lock: only resolve the board's packages into kiln.lock. Prints
 * "key tar kernel packages seconds", separated by blanks.
 */
#include "base-ahead.h"
#include "base-inputs.h"
#include "base-native.h"
#include "diag.h"
#include "k3s-install.h"
#include "userns.h"

#include <locale.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* @names: boards, separated by commas. */
static int lock(const struct cluster *c, char *names, struct err *err)
{
	cleanup_lock struct lock l = { 0 };
	char *save = NULL;
	int r = 0;

	for (char *name = strtok_r(names, ",", &save); name && r >= 0;
	     name = strtok_r(NULL, ",", &save)) {
		cleanup_board struct board *b = NULL;

		r = board_load(name, &b, err);
		if (r >= 0)
			r = base_inputs_lock(c, b, &l, err);
	}
	lock_sort(&l);
	return r >= 0 ? lock_save(c, &l, err) : r;
}

static int key(const struct cluster *c, const struct board *b, unsigned int flags, struct err *err)
{
	cleanup_base_inputs struct base_inputs in = { 0 };
	int r = base_inputs_get(c, b, flags, &in, err);

	if (r >= 0)
		printf("%s\n", in.key);
	return r;
}

/* The peer of the bench: the same .debs and set-up, no twin, no payload. */
static int native(const struct cluster *c, const struct board *b, struct err *err)
{
	cleanup_base_inputs struct base_inputs in = { 0 };
	cleanup_lock_list struct string_list paths = { 0 };
	cleanup_native struct native_build n = { .log_fd = -EBADF };
	cleanup_fclose FILE *tar = tmpfile();
	struct native_spec spec = { .cluster = c, .epoch_s = 1700000000 };
	double start;
	int r = base_inputs_get(c, b, 0, &in, err);

	if (r >= 0)
		r = base_debs(&in, in.native, true, &paths, err);
	if (r < 0 || !tar)
		return r < 0 ? r : err_setf(err, -EIO, "no temporary file");
	spec.lock = &in.lock;
	spec.arch = in.native->arch;
	spec.paths = paths.items;
	spec.len = paths.len;
	spec.names = &in.native->names;
	spec.tar_fd = fileno(tar);
	start = now();
	r = native_start(&spec, &n, err);
	if (r >= 0)
		r = native_wait(&n, err);
	if (r >= 0)
		printf("%.1f\n", now() - start);
	return r;
}

struct k3s {
	const struct k3s_inputs *in;
	const char *dir;
};

static int install(void *arg, struct err *err)
{
	const struct k3s *k = arg;

	return k3s_install(k->in, k->dir, err);
}

static int k3s(const struct cluster *c, const struct board *b, unsigned int flags, const char *dir,
	       struct err *err)
{
	cleanup_k3s_inputs struct k3s_inputs in = { 0 };
	int r = k3s_inputs_get(c, b, flags, &in, err);

	return r >= 0 ? userns_run(install, &(struct k3s){ &in, dir }, err) : r;
}

struct unpack {
	const struct base_root *root;
	const char *dir;
};

static int unpack(void *arg, struct err *err)
{
	const struct unpack *u = arg;

	return base_root_unpack(u->root, u->dir, NULL, 0, err);
}

static int both(const struct cluster *c, const struct board *b, const char *second,
		unsigned int flags, struct base_root *ret, struct err *err)
{
	CLEANUP(base_ahead_done) struct base_ahead ahead = { 0 };
	cleanup_base_root struct base_root other = { 0 };
	cleanup_board struct board *b2 = NULL;
	int r = board_load(second, &b2, err);

	if (r < 0)
		return r;
	base_ahead_start(&ahead, c, second, flags);
	r = base_root_get(c, b, flags, ret, err);
	return r < 0 ? r : base_root_get(c, b2, flags, &other, err);
}

static int run(char **argv, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_board struct board *b = NULL;
	cleanup_base_root struct base_root root = { 0 };
	unsigned int flags = 0;
	bool find = false, only_lock = false, only_native = false, only_key = false;
	const char *dir = NULL, *k3s_dir = NULL, *ahead = NULL;
	double start = now();
	int r;

	for (char **a = argv + 3; *a; a++) {
		flags |= strcmp(*a, "emulate") == 0 ? BASE_EMULATE : 0;
		flags |= strcmp(*a, "rebuild") == 0 ? BASE_REBUILD : 0;
		flags |= strcmp(*a, "offline") == 0 ? BASE_OFFLINE : 0;
		only_key |= strcmp(*a, "key") == 0;
		only_native |= strcmp(*a, "native") == 0;
		only_lock |= strcmp(*a, "lock") == 0;
		find |= strcmp(*a, "find") == 0;
		k3s_dir = strncmp(*a, "k3s=", 4) == 0 ? *a + 4 : k3s_dir;
		ahead = strncmp(*a, "ahead=", 6) == 0 ? *a + 6 : ahead;
		dir = strncmp(*a, "unpack=", 7) == 0 ? *a + 7 : dir;
	}
	r = cluster_load(argv[1], &c, &diags, err);
	diag_print(&diags, stderr);
	if (r >= 0 && only_lock)
		return lock(c, argv[2], err);
	if (r >= 0)
		r = board_load(argv[2], &b, err);
	if (r >= 0 && only_key)
		return key(c, b, flags, err);
	if (r >= 0 && only_native)
		return native(c, b, err);
	if (r >= 0 && k3s_dir)
		return k3s(c, b, flags, k3s_dir, err);
	if (r >= 0)
		r = find    ? base_root_find(c, b, &root, err)
		    : ahead ? both(c, b, ahead, flags, &root, err)
			    : base_root_get(c, b, flags, &root, err);
	if (r < 0)
		return r;
	printf("%s %s %s %zu %.1f\n", root.key, root.tar, root.kernel, root.packages_len,
	       now() - start);
	return dir ? userns_run(unpack, &(struct unpack){ &root, dir }, err) : 0;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (argc < 3)
		return 2;
	if (run(argv, &err) < 0) {
		fprintf(stderr, "base-tool: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
