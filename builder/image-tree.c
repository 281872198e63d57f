#include "image-tree.h"

#include "board-json.h"
#include "overlay.h"
#include "buf.h"
#include "boot.h"
#include "file.h"
#include "fileset.h"
#include "initrd.h"
#include "lint-boot.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

const struct image_subvolume image_subvolumes[IMAGE_SUBVOLUMES] = {
	{ "@", "/", 0755 },
	{ "@home", "/home", 0755 },
	{ "@log", "/var/log", 0755 },
	{ "@rancher", "/var/lib/rancher", 0755 },
	{ "@kubelet", "/var/lib/kubelet", 0755 },
	{ "@rook", "/var/lib/rook", 0755 },
	{ "@snapshots", "/.snapshots", 0700 },
};

static int open_root(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/tree/@", dir);
	fd = neg_errno(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	return fd;
}

static int put_entry(int root_fd, const struct fileset_entry *e, struct err *err)
{
	cleanup_close int dir_fd = -EBADF;
	cleanup_close int fd = -EBADF;
	const char *name = NULL;
	int r = 0;

	dir_fd = path_open_parent(root_fd, e->path, 0755, &name, err);
	if (dir_fd < 0)
		return dir_fd;
	if (e->type == FILESET_DIR) {
		if (mkdirat(dir_fd, name, e->mode) < 0 && errno != EEXIST)
			r = -errno;
	} else if (e->type == FILESET_SYMLINK) {
		(void)unlinkat(dir_fd, name, 0);
		r = neg_errno(symlinkat(e->data, dir_fd, name));
	} else {
		(void)unlinkat(dir_fd, name, 0);
		fd = neg_errno(openat(dir_fd, name,
				      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
		r = fd < 0 ? fd : write_all(fd, e->data, e->len);
		if (r == 0)
			r = neg_errno(fchown(fd, e->uid, e->gid));
		if (r == 0)
			r = neg_errno(fchmod(fd, e->mode));
	}
	if (r < 0)
		return err_errnof(err, r, "cannot put '%s' into the root", e->path);
	return 0;
}

static int put_text(int root_fd, const char *path, const char *text, size_t len, struct err *err)
{
	struct fileset_entry e = {
		.path = (char *)(uintptr_t)path,
		.mode = 0644,
		.data = (char *)(uintptr_t)text,
		.len = len,
	};

	return put_entry(root_fd, &e, err);
}

static int put_overlay(const struct image_tree_spec *spec, int root_fd, struct err *err)
{
	cleanup_fileset struct fileset fs = { 0 };
	int r;

	if (!spec->overlay_dir)
		return 0;
	r = overlay_add_dir(spec->overlay_dir, &fs, err);
	for (size_t i = 0; r == 0 && i < fs.len; i++)
		r = put_entry(root_fd, &fs.items[i], err);
	return r;
}

static int put_fstab(const struct image_tree_spec *spec, int root_fd, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(65536);
	const char *compress = spec->cluster->storage.compress;
	int r;

	(void)buf_adds(
		&b,
		"# Written by kiln bake. kiln-init mounts all of Btrfs before systemd starts.\n");
	for (size_t i = 0; i < IMAGE_SUBVOLUMES; i++)
		(void)buf_addf(&b, "UUID=%s %s btrfs subvol=%s,noatime%s%s%s 0 0\n",
			       spec->base->root_uuid, image_subvolumes[i].mount,
			       image_subvolumes[i].name, compress ? ",compress=" : "",
			       compress ? compress : "",
			       i == 0 ? ",x-systemd.growfs"
				      : ""); /* fills the partition, however that grew */
	/* mounted only while something looks at it: FAT has no journal */
	(void)buf_addf(&b,
		       "UUID=%s " IMAGE_BOOT_MOUNT " vfat umask=0077,noatime,nofail,noauto,"
		       "x-systemd.automount,x-systemd.idle-timeout=1min 0 0\n",
		       spec->base->boot_uuid);
	r = buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot make /etc/fstab");
	return put_text(root_fd, "/etc/fstab", b.data, b.len, err);
}

static int put_base(const struct image_tree_spec *spec, int root_fd, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	r = base_json_format(spec->base, &text, &len, err);
	if (r < 0)
		return r;
	return put_text(root_fd, "/usr/lib/kiln/base.json", text, len, err);
}

/* What `kiln-node boot-update` must know of the board to write an initrd on the node. */
static int put_board(const struct image_tree_spec *spec, int root_fd, struct err *err)
{
	const struct board *b = spec->board;
	struct board_json json = {
		.boot = b->boot == BOOT_RPI ? BOARD_BOOT_RPI : BOARD_BOOT_UEFI,
		.modules = { b->initrd_modules.items, b->initrd_modules.len },
		.microcode = { b->microcode.items, b->microcode.len },
	};
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	r = board_json_format(&json, &text, &len, err);
	if (r < 0)
		return r;
	return put_text(root_fd, BOARD_JSON_PATH, text, len, err);
}

/* "<tree>/@/var/log" becomes "<tree>/@log"; an empty folder like it stays as mount point. */
static int split(const struct image_tree_spec *spec, int root_fd, const struct image_subvolume *s,
		 struct err *err)
{
	cleanup_close int dir_fd = -EBADF;
	cleanup_close int tree_fd = -EBADF;
	const char *name = NULL;
	char path[PATH_MAX];
	struct stat st;
	int r;

	dir_fd = path_open_parent(root_fd, s->mount, 0755, &name, err);
	if (dir_fd < 0)
		return dir_fd;
	(void)snprintf(path, sizeof(path), "%s/tree", spec->dir);
	tree_fd = neg_errno(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (tree_fd < 0)
		return err_errnof(err, tree_fd, "cannot open '%s'", path);
	if (mkdirat(dir_fd, name, s->mode) < 0 && errno != EEXIST)
		return err_errnof(err, -errno, "cannot make '%s' in the root", s->mount);
	r = neg_errno(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW));
	if (r == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r == 0)
		r = neg_errno(renameat(dir_fd, name, tree_fd, s->name));
	if (r == 0)
		r = neg_errno(mkdirat(dir_fd, name, 0700));
	if (r == 0)
		r = neg_errno(fchownat(dir_fd, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW));
	if (r == 0)
		r = neg_errno(fchmodat(dir_fd, name, st.st_mode & 07777, 0));
	if (r < 0)
		return err_errnof(err, r, "cannot split subvolume '%s' off '%s'", s->name,
				  s->mount);
	return 0;
}

int image_tree_make(struct image_tree_spec *spec, struct err *err)
{
	cleanup_close int root_fd = -EBADF;
	cleanup_close int boot_fd = -EBADF;
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s/tree", spec->dir);
	r = tree_mkdirs_at(AT_FDCWD, path, 0755, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/tree/@", spec->dir);
	r = base_root_unpack(spec->root, path, NULL, 0, err);
	if (r == 0)
		r = k3s_install(spec->k3s, path, err);
	if (r < 0)
		return r;
	root_fd = open_root(spec->dir, err);
	if (root_fd < 0)
		return root_fd;
	r = put_overlay(spec, root_fd, err);
	if (r == 0)
		r = put_fstab(spec, root_fd, err);
	if (r == 0)
		r = put_base(spec, root_fd, err);
	if (r == 0)
		r = put_board(spec, root_fd, err);
	if (r < 0)
		return r;
	boot_fd = path_mkdirs(root_fd, IMAGE_BOOT_MOUNT, 0755, err);
	if (boot_fd < 0)
		return boot_fd;
	for (size_t i = 1; i < IMAGE_SUBVOLUMES; i++) {
		r = split(spec, root_fd, &image_subvolumes[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_initrd(struct image_tree_spec *spec, const char *path, struct err *err)
{
	const struct board *b = spec->board;
	cleanup_initrd_info struct initrd_info info = { 0 };
	cleanup_close int root_fd = open_root(spec->dir, err);
	cleanup_close int fd = -EBADF;
	struct initrd_spec in = {
		.root_fd = root_fd,
		.release = spec->base->kernel,
		.init_path = spec->init_path,
		.modules = b->initrd_modules.items,
		.modules_len = b->initrd_modules.len,
		.microcode = b->microcode.items,
		.microcode_len = b->microcode.len,
		.mtime_s = (int64_t)spec->base->created_at,
	};
	int r;

	if (root_fd < 0)
		return root_fd;
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s'", path);
	r = initrd_build(&in, fd, &info, err);
	if (r < 0)
		return err_wrapf(err, r, "initrd");
	spec->initrd_bytes = info.size_bytes;
	return 0;
}

static int stage_kiln(const struct boot_spec *boot, const struct image_tree_spec *spec,
		      const char *dir, struct err *err)
{
	cleanup_free char *text = NULL, *initrd = NULL;
	char name[NAME_MAX];
	size_t len = 0, initrd_len = 0;
	int r;

	r = base_json_format(spec->base, &text, &len, err);
	if (r == 0)
		r = boot_stage_text(boot, dir, "kiln/base.json", text, len, err);
	if (r == 0)
		r = file_read_at(AT_FDCWD, boot->initrd, INITRD_MAX_BYTES, &initrd, &initrd_len,
				 err);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "initrd-%s", spec->base->kernel);
	return boot_stage_text(boot, dir, name, initrd, initrd_len, err);
}

static int stage_drivers(const struct boot_spec *boot, const struct image_tree_spec *spec,
			 const char *dir, struct err *err)
{
	cleanup_close int root_fd = open_root(spec->dir, err);

	return root_fd < 0 ? root_fd : lint_drivers_stage(boot, root_fd, dir, err);
}

int image_tree_boot(struct image_tree_spec *spec, struct err *err)
{
	char root[PATH_MAX], dir[PATH_MAX], initrd[PATH_MAX];
	struct boot_spec boot = {
		.board = spec->board,
		.root_dir = root,
		.release = spec->base->kernel,
		.initrd = initrd,
		.root_uuid = spec->base->root_uuid,
		.boot_uuid = spec->base->boot_uuid,
		.mtime_s = (int64_t)spec->base->created_at,
	};
	int r;

	(void)snprintf(root, sizeof(root), "%s/tree/@", spec->dir);
	(void)snprintf(dir, sizeof(dir), "%s/boot", spec->dir);
	(void)snprintf(initrd, sizeof(initrd), "%s/initrd", spec->dir);
	r = make_initrd(spec, initrd, err);
	if (r == 0)
		r = tree_mkdirs_at(AT_FDCWD, dir, 0755, err);
	if (r == 0)
		r = boot_method_get(spec->board->boot)->stage(&boot, dir, err);
	if (r == 0)
		r = stage_kiln(&boot, spec, dir, err);
	if (r == 0 && spec->board->boot == BOOT_RPI)
		r = stage_drivers(&boot, spec, dir, err);
	if (r < 0)
		return err_wrapf(err, r, "boot files of '%s'", spec->board->name);
	return 0;
}
