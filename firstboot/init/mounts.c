#include "mounts.h"

#include "file.h"
#include "path.h"
#include "say.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define FSTAB_MAX (1U << 20)

static void early(const char *type, const char *dir, unsigned long flags, const char *data)
{
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		sayf(SAY_ERROR, "cannot make %s: %s", dir, strerror(errno));
	if (mount(type, dir, type, flags, data) < 0 && errno != EBUSY)
		sayf(SAY_ERROR, "cannot mount %s: %s", dir, strerror(errno));
}

void mount_early(void)
{
	early("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	early("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	early("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
	early("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
	(void)mkdir("/run/kiln", 0755);
}

static int mount_at(const char *name, const char *dir, const char *type, unsigned long flags,
		    const char *data, struct err *err)
{
	char dev[80];

	(void)snprintf(dev, sizeof(dev), "/dev/%s", name);
	if (mount(dev, dir, type, flags, data) < 0)
		return err_errnof(err, -errno, "cannot mount %s (%s%s%s)", dev, type,
				  *data ? ", " : "", data);
	return 0;
}

int mount_fat(const char *name, bool writable, struct err *err)
{
	unsigned long flags =
		MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | (writable ? 0 : MS_RDONLY);
	int fd, r;

	if (mkdir(BOOT_DIR, 0700) < 0 && errno != EEXIST)
		return err_errnof(err, -errno, "cannot make '" BOOT_DIR "'");
	r = mount_at(name, BOOT_DIR, "vfat", flags, "umask=0077,errors=remount-ro", err);
	if (r < 0)
		return r;
	fd = neg_errno(open(BOOT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd >= 0)
		return fd;
	umount_fat();
	return err_errnof(err, fd, "cannot open '" BOOT_DIR "'");
}

void umount_fat(void)
{
	if (umount2(BOOT_DIR, 0) < 0)
		sayf(SAY_ERROR, "cannot unmount the boot partition: %s", strerror(errno));
}

/* Two disks with one image have one filesystem id: the kernel must not remember the other. */
static void btrfs_forget(void)
{
	struct btrfs_ioctl_vol_args none = { 0 };
	int fd = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)ioctl(fd, BTRFS_IOC_FORGET_DEV, &none);
	(void)close(fd);
}

static int mount_root_as(const char *name, const char *options, unsigned long set, const char *more,
			 struct err *err)
{
	cleanup_mount_options struct mount_options o = { 0 };
	int fd, r;

	r = mount_options_parse(options, &o, err);
	if (r < 0)
		return r;
	if (*more)
		(void)buf_addf(&o.data, "%s%s", o.data.len ? "," : "", more);
	(void)mkdir(ROOT_DIR, 0755);
	btrfs_forget();
	r = mount_at(name, ROOT_DIR, "btrfs", (o.flags & ~(unsigned long)MS_RDONLY) | set,
		     buf_str(&o.data), err);
	if (r < 0)
		return r;
	fd = neg_errno(open(ROOT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd >= 0)
		return fd;
	umount_root();
	return err_errnof(err, fd, "cannot open '" ROOT_DIR "'");
}

int mount_root(const char *name, const char *options, struct err *err)
{
	return mount_root_as(name, options, 0, "", err);
}

int mount_root_look(const char *name, const char *options, struct err *err)
{
	return mount_root_as(name, options, MS_RDONLY, "rescue=nologreplay", err);
}

void umount_root(void)
{
	if (umount2(ROOT_DIR, 0) < 0)
		sayf(SAY_ERROR, "cannot unmount the root: %s", strerror(errno));
}

static int read_fstab(int root_fd, struct fstab *ret, struct err *err)
{
	cleanup_close int fd = path_open(root_fd, "/etc/fstab", O_RDONLY, 0, err);
	cleanup_free char *text = NULL;
	int r;

	r = fd < 0 ? fd : file_read_fd(fd, "/etc/fstab", FSTAB_MAX, &text, NULL, err);
	return r < 0 ? r : fstab_parse(text, ret, err);
}

/* Through the descriptor: what the root's symlinks say about the folder's name is settled. */
static int mount_beneath(int root_fd, const char *name, const struct fstab_entry *e,
			 const struct mount_options *o, struct err *err)
{
	cleanup_close int fd = path_mkdirs(root_fd, e->dir, 0755, err);
	char target[64];

	if (fd < 0)
		return err_wrapf(err, fd, "/etc/fstab: '%s'", e->dir);
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	return mount_at(name, target, e->type, o->flags, buf_str(&o->data), err);
}

/* Compression and the like take effect for all that is written from here on. */
static int remount_root(const struct mount_options *o, struct err *err)
{
	if (mount(NULL, ROOT_DIR, NULL, MS_REMOUNT | (o->flags & ~(unsigned long)MS_RDONLY),
		  buf_str(&o->data)) < 0)
		return err_errnof(err, -errno, "cannot give / the options of /etc/fstab (%s)",
				  buf_str(&o->data));
	return 0;
}

struct mounting {
	int root_fd;
	const char *name, *type, *uuid; /* of the partition */
};

/* What @f says of that one filesystem. */
static int mount_entry(const struct mounting *m, const struct fstab_entry *e, struct err *err)
{
	cleanup_mount_options struct mount_options o = { 0 };
	int r;

	if (strcmp(e->type, m->type) != 0 || !fstab_is_uuid(e, m->uuid))
		return 0;
	r = mount_options_parse(e->options, &o, err);
	if (r < 0 || o.noauto)
		return r;
	if (strcmp(e->dir, "/") == 0)
		return remount_root(&o, err);
	return mount_beneath(m->root_fd, m->name, e, &o, err);
}

static int mount_entries(const struct mounting *m, struct err *err)
{
	cleanup_fstab struct fstab f = { 0 };
	int r = read_fstab(m->root_fd, &f, err);

	for (size_t i = 0; i < f.len && r >= 0; i++)
		r = mount_entry(m, &f.items[i], err);
	return r;
}

int mount_subvolumes(int root_fd, const char *root_name, const char *root_uuid, struct err *err)
{
	return mount_entries(&(struct mounting){ root_fd, root_name, "btrfs", root_uuid }, err);
}

int mount_boot_entry(int root_fd, const char *boot_name, const char *boot_uuid, struct err *err)
{
	return mount_entries(&(struct mounting){ root_fd, boot_name, "vfat", boot_uuid }, err);
}
