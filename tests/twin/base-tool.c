/*
 * base-tool - the base root of one board, for tests and measurements
 *
 * usage: base-tool CLUSTER.yaml BOARD [emulate|rebuild|offline|find]... [unpack=DIR]
 * Prints "key tar kernel packages seconds", separated by blanks.
 */
#include "base.h"
#include "diag.h"
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

struct unpack {
	const struct base_root *root;
	const char *dir;
};

static int unpack(void *arg, struct err *err)
{
	const struct unpack *u = arg;

	return base_root_unpack(u->root, u->dir, NULL, 0, err);
}

static int run(char **argv, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_board struct board *b = NULL;
	cleanup_base_root struct base_root root = { 0 };
	unsigned int flags = 0;
	bool find = false;
	const char *dir = NULL;
	double start = now();
	int r;

	for (char **a = argv + 3; *a; a++) {
		flags |= strcmp(*a, "emulate") == 0 ? BASE_EMULATE : 0;
		flags |= strcmp(*a, "rebuild") == 0 ? BASE_REBUILD : 0;
		flags |= strcmp(*a, "offline") == 0 ? BASE_OFFLINE : 0;
		find |= strcmp(*a, "find") == 0;
		dir = strncmp(*a, "unpack=", 7) == 0 ? *a + 7 : dir;
	}
	r = cluster_load(argv[1], &c, &diags, err);
	diag_print(&diags, stderr);
	if (r >= 0)
		r = board_load(argv[2], &b, err);
	if (r >= 0)
		r = find ? base_root_find(c, b, &root, err)
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
