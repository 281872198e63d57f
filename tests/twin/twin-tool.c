/*
 * twin-tool - twin_make() on a root and packages of one's own
 *
 * usage: twin-tool FROM TO NATIVE.tar OUT.tar DEB...
 */
#include "base-scrub.h"
#include "base-twin.h"

#include <fcntl.h>
#include <locale.h>
#include <string.h>

static int order(const void *a, const void *b)
{
	return strcmp(((const struct deb *)a)->package, ((const struct deb *)b)->package);
}

static int run(int argc, char **argv, struct err *err)
{
	cleanup_rootfs struct rootfs root = { .spool_fd = -EBADF }, native = { .spool_fd = -EBADF };
	cleanup_close int in = open(argv[3], O_RDONLY | O_CLOEXEC);
	cleanup_close int out = open(argv[4], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct deb debs[32] = { 0 };
	struct twin t = { &root, &native, debs, 0, deb_arch_find(argv[1]), deb_arch_find(argv[2]),
			  NULL };
	int r;

	if (in < 0 || out < 0 || !t.from || !t.to || argc > 5 + 32)
		return err_setf(err, -EINVAL, "cannot open the files");
	r = rootfs_init(&root, "/tmp", err);
	if (r >= 0)
		r = rootfs_init(&native, "/tmp", err);
	for (int i = 5; i < argc && r >= 0; i++)
		r = deb_read(argv[i], root.spool_fd, &root.spool_bytes, &debs[t.debs_len++], err);
	qsort(debs, t.debs_len, sizeof(debs[0]), order);
	if (r >= 0)
		r = rootfs_read_tar(&root, in, err);
	if (r >= 0)
		r = rootfs_read_tar(&native, in, err);
	if (r >= 0)
		r = twin_make(&t, err);
	if (r >= 0)
		r = rootfs_write_tar(&root, out, INT64_MAX, err);
	for (size_t i = 0; i < t.debs_len; i++)
		deb_done(&debs[i]);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (argc < 5)
		return 2;
	if (run(argc, argv, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
