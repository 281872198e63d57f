#include "switch-root.h"

#include "tree.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static const char *const kept[] = { "dev", "proc", "sys", "run" };

/* Only what is surely the kernel's own memory file system, and only names that are not mounted on.
 */
static void empty_initrd(int fd)
{
	static const char *const names[] = { "init", "lib" };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0 || (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)tree_remove_at(fd, names[i]);
}

static int has_init(const char *root, const char *init, struct err *err)
{
	char path[1024];
	struct stat st;

	/* a symlink to /lib/systemd/systemd resolves in the root only: after the switch */
	(void)snprintf(path, sizeof(path), "%s%s", root, init);
	if (lstat(path, &st) < 0)
		return err_errnof(err, -errno, "the root has no '%s'", init);
	return 0;
}

int switch_root(const char *root, const char *init, char **argv, struct err *err)
{
	cleanup_close int old = neg_errno(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int r = has_init(root, init, err);

	if (r < 0)
		return r;
	if (old < 0)
		return err_errnof(err, old, "cannot open the initrd");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		char from[32], to[256];

		(void)snprintf(from, sizeof(from), "/%s", kept[i]);
		(void)snprintf(to, sizeof(to), "%s/%s", root, kept[i]);
		(void)mkdir(to, 0755);
		if (mount(from, to, NULL, MS_MOVE, NULL) < 0)
			return err_errnof(err, -errno, "cannot move %s into the root", from);
	}
	if (chdir(root) < 0)
		return err_errnof(err, -errno, "cannot enter the root");
	empty_initrd(old);
	if (mount(root, "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_errnof(err, -errno, "cannot make the root /");
	argv[0] = (char *)init;
	(void)execv(init, argv);
	return err_errnof(err, -errno, "cannot start '%s'", init);
}
