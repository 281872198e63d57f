/* kiln-node boot-update - what the kernel hooks call; see boot-update.h */
#include "boot-update.h"
#include "commands.h"
#include "file.h"
#include "path.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define INIT_NOTES "/run/kiln/init" /* what kiln-init left: boot=<partition> */
#define MOUNT_DIR "/run/kiln/boot"
#define LOCK "/run/kiln/boot-update.lock"
#define KILN_INIT "/usr/lib/kiln/kiln-init"

#define USAGE(err, ...) ((void)err_setf(err, -EINVAL, __VA_ARGS__), CMD_USAGE)

struct options {
	const char *release, *boot, *root;
	bool remove, good;
};

static int parse(int argc, char **argv, struct options *o, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const char **value = strcmp(argv[i], "--boot") == 0   ? &o->boot
				     : strcmp(argv[i], "--root") == 0 ? &o->root
								      : NULL;

		if (value && i + 1 == argc)
			return USAGE(err, "option '%s' needs a folder", argv[i]);
		if (value)
			*value = argv[++i];
		else if (strcmp(argv[i], "--remove") == 0)
			o->remove = true;
		else if (strcmp(argv[i], "--good") == 0)
			o->good = true;
		else if (argv[i][0] == '-')
			return USAGE(err, "unknown option '%s'", argv[i]);
		else if (o->release)
			return USAGE(err, "one kernel release at a time: '%s' is too much",
				     argv[i]);
		else
			o->release = argv[i];
	}
	if (o->good ? o->release || o->remove : !o->release)
		return USAGE(err, "%s",
			     o->good ? "--good takes no kernel release"
				     : "which kernel? give its release");
	return 0;
}

/*
 * Mounts the partition that this boot came from, for us alone: the name is kiln-init's, since two
 * disks may carry one image and so one UUID. 1: mounted, 0: this is no running node.
 */
static int mount_boot(struct err *err)
{
	cleanup_free char *text = NULL;
	char dev[128];
	const char *name;
	bool there;
	int r;

	r = file_exists_at(AT_FDCWD, INIT_NOTES, &there, err);
	if (r < 0 || !there)
		return r;
	r = file_read_at(AT_FDCWD, INIT_NOTES, 4096, &text, NULL, err);
	if (r < 0)
		return r;
	name = strstr(text, "\nboot=");
	if (!name)
		return err_setf(err, -EBADMSG, "'" INIT_NOTES "' does not name the boot partition");
	(void)snprintf(dev, sizeof(dev), "/dev/%.*s", (int)strcspn(name + 6, "\n"), name + 6);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errnof(err, -errno, "cannot make mounts of our own");
	if (mkdir(MOUNT_DIR, 0700) < 0 && errno != EEXIST)
		return err_errnof(err, -errno, "cannot make '" MOUNT_DIR "'");
	if (mount(dev, MOUNT_DIR, "vfat", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
		  "umask=0077") < 0)
		return err_errnof(err, -errno, "cannot mount the boot partition %s", dev);
	return 1;
}

static int read_board(int root_fd, struct board_json *ret, struct err *err)
{
	cleanup_close int fd = path_open(root_fd, BOARD_JSON_PATH, O_RDONLY, 0, err);
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd < 0 ? fd : file_read_fd(fd, BOARD_JSON_PATH, BOARD_JSON_MAX, &text, &len, err);
	return r < 0 ? r : board_json_parse(text, len, ret, err);
}

static int update(const struct options *o, const char *boot_dir, struct err *err)
{
	cleanup_board_json struct board_json board = { 0 };
	cleanup_buf struct buf report = BUF_INIT(64 << 10);
	cleanup_free char *init_path = NULL;
	cleanup_close int root_fd = -EBADF;
	cleanup_close int boot_fd = -EBADF;
	struct boot_update u = { .release = o->release, .board = &board, .report = &report };
	struct utsname name;
	int r;

	(void)uname(&name);
	u.running = name.release;
	root_fd = u.root_fd = neg_errno(open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (root_fd < 0)
		return err_errnof(err, root_fd, "cannot open '%s'", o->root);
	boot_fd = u.boot_fd = neg_errno(open(boot_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (boot_fd < 0)
		return err_errnof(err, boot_fd, "cannot open '%s'", boot_dir);
	init_path = path_join(o->root, KILN_INIT);
	if (!init_path)
		return err_nomem(err);
	u.init_path = init_path;
	r = read_board(root_fd, &board, err);
	if (r >= 0)
		r = o->good	? boot_update_good(&u, err)
		    : o->remove ? boot_update_remove(&u, err)
				: boot_update_install(&u, err);
	if (r >= 0 && syncfs(boot_fd) < 0)
		r = err_errnof(err, -errno, "cannot sync the boot partition");
	fputs(buf_str(&report), stdout);
	return r;
}

int cmd_boot_update(int argc, char **argv, struct err *err)
{
	struct options o = { .root = "/" };
	cleanup_close int lock = -EBADF;
	int r;

	r = parse(argc, argv, &o, err);
	if (r != 0)
		return r;
	if (o.boot)
		return update(&o, o.boot, err);
	r = mount_boot(err);
	if (r < 0)
		return r;
	if (r == 0) { /* a chroot, or an image being made: the desk writes its boot partition */
		puts("boot-update: this is no running node of Kiln's: nothing to do");
		return 0;
	}
	lock = neg_errno(open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errnof(err, lock < 0 ? lock : -errno, "cannot lock '" LOCK "'");
	r = update(&o, MOUNT_DIR, err);
	(void)umount2(MOUNT_DIR, 0);
	return r;
}
