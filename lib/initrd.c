#include "initrd.h"

#include "archive-util.h"
#include "buf.h"
#include "file.h"
#include "microcode.h"
#include "modules.h"

#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define INIT_MAX (16U << 20)
#define DEFAULT_LEVEL 12U /* 19 takes seven times as long for a twelfth less */

/* A member of the cpio. What a module holds is read only when it is written. */
struct member {
	char *path; /* owned; without a leading slash */
	mode_t mode;
	const char *module; /* path below lib/modules/<release>, or NULL */
	const char *data;   /* borrowed; of other files */
	size_t len;
};

struct initrd {
	const struct initrd_spec *spec;
	struct modules *modules; /* owned */
	struct member *members;	 /* owned */
	size_t len;
	char *init; /* owned */
	size_t init_len;
	struct buf order;
	int out_fd;
	uint64_t written, unpacked, max;
	int sink_error; /* the first; what libarchive gives after it goes nowhere */
};

static void initrd_done(struct initrd *i)
{
	for (size_t n = 0; n < i->len; n++)
		free(i->members[n].path);
	free(i->members);
	free(i->init);
	buf_done(&i->order);
	modules_free(i->modules);
}
#define cleanup_initrd CLEANUP(initrd_done)

void initrd_info_done(struct initrd_info *info)
{
	struct modules_list a = { info->modules, info->modules_len };
	struct modules_list b = { info->missing_soft, info->missing_soft_len };

	modules_list_done(&a);
	modules_list_done(&b);
	*info = (struct initrd_info){ 0 };
}

static int add(struct initrd *i, const char *path, mode_t mode, const char *module,
	       const char *data, size_t len)
{
	struct member *members = reallocarray(i->members, i->len + 1, sizeof(*members));

	if (!members)
		return -ENOMEM;
	i->members = members;
	members[i->len] = (struct member){ strdup(path), mode, module, data, len };
	return members[i->len].path ? (i->len++, 0) : -ENOMEM;
}

static bool has(const struct initrd *i, const char *path)
{
	for (size_t n = i->len; n > 0; n--)
		if (strcmp(i->members[n - 1].path, path) == 0)
			return true;
	return false;
}

/* The folders that lead to @path, each once. */
static int add_parents(struct initrd *i, const char *path)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		cleanup_free char *dir = strndup(path, (size_t)(p - path));
		int r;

		if (!dir)
			return -ENOMEM;
		if (has(i, dir))
			continue;
		r = add(i, dir, S_IFDIR | 0755, NULL, NULL, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_modules(struct initrd *i, const struct modules_list *order)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	int r = 0;

	buf_init(&i->order, 1 << 20);
	for (size_t n = 0; n < order->len && r >= 0; n++) {
		const char *end = strstr(order->items[n], ".ko");
		int stem = end ? (int)(end - order->items[n]) : (int)strlen(order->items[n]);

		(void)buf_addf(&i->order, "%.*s.ko\n", stem, order->items[n]);
		buf_clear(&path);
		(void)buf_addf(&path, "lib/modules/%s/%.*s.ko", i->spec->release, stem,
			       order->items[n]);
		r = buf_error(&path);
		if (r >= 0)
			r = add_parents(i, buf_str(&path));
		if (r >= 0)
			r = add(i, buf_str(&path), S_IFREG | 0644, order->items[n], NULL, 0);
	}
	buf_clear(&path);
	(void)buf_addf(&path, "lib/modules/%s/" INITRD_ORDER_FILE, i->spec->release);
	if (r >= 0)
		r = buf_error(&path) < 0 ? buf_error(&path) : buf_error(&i->order);
	if (r >= 0)
		r = add_parents(i, buf_str(&path));
	if (r >= 0)
		r = add(i, buf_str(&path), S_IFREG | 0644, NULL, buf_str(&i->order), i->order.len);
	return r;
}

static int add_base(struct initrd *i)
{
	static const char *const dirs[] = { "dev", "proc", "root", "run", "sys" };
	int r = 0;

	for (size_t n = 0; n < ARRAY_SIZE(dirs) && r >= 0; n++)
		r = add(i, dirs[n], S_IFDIR | 0755, NULL, NULL, 0);
	if (r >= 0) /* the kernel opens it for init before anything is mounted */
		r = add(i, "dev/console", S_IFCHR | 0600, NULL, NULL, 0);
	if (r >= 0)
		r = add(i, "init", S_IFREG | 0755, NULL, i->init, i->init_len);
	return r;
}

static int read_init(struct initrd *i, struct err *err)
{
	const char *path = i->spec->init_path;
	int r;

	r = file_read_at(AT_FDCWD, path, INIT_MAX, &i->init, &i->init_len, err);
	if (r < 0)
		return err_wrapf(err, r, "kiln-init");
	if (i->init_len < sizeof(Elf64_Ehdr) || memcmp(i->init, ELFMAG, SELFMAG) != 0)
		return err_setf(err, -ENOEXEC, "kiln-init '%s' is no program", path);
	return 0;
}

/* Both are ELF; a kiln-init of the desk's own architecture would boot nowhere else. */
static int check_machine(const struct initrd *i, const char *module, const char *path,
			 struct err *err)
{
	Elf64_Ehdr a, b;

	memcpy(&a, i->init, sizeof(a));
	memcpy(&b, module, sizeof(b));
	if (a.e_machine == b.e_machine)
		return 0;
	return err_setf(err, -ENOEXEC,
			"kiln-init '%s' is for another architecture (ELF machine %u) than the "
			"kernel's module '%s' (%u)",
			i->spec->init_path, le16toh(a.e_machine), path, le16toh(b.e_machine));
}

static int sink_result(const struct initrd *i, struct err *err)
{
	if (i->sink_error == -EFBIG)
		return err_setf(
			err, -EFBIG,
			"cannot write the initrd: the initrd is above %llu MiB; are all its "
			"modules needed?",
			(unsigned long long)i->max >> 20);
	return i->sink_error < 0 ? err_errnof(err, i->sink_error, "cannot write the initrd") : 0;
}

static int write_member(struct initrd *i, struct archive *a, const struct member *m,
			struct err *err)
{
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();
	cleanup_free char *module = NULL;
	const char *data = m->data;
	size_t len = m->len;
	int r;

	if (!e)
		return err_nomem(err);
	if (m->module) {
		r = modules_read(i->modules, m->module, &module, &len, err);
		if (r >= 0 && len < sizeof(Elf64_Ehdr))
			r = err_setf(err, -ENOEXEC, "module '%s' is cut short", m->module);
		if (r >= 0)
			r = check_machine(i, module, m->module, err);
		if (r < 0)
			return r;
		data = module;
	}
	archive_entry_set_pathname(e, m->path);
	archive_entry_set_mode(e, m->mode);
	archive_entry_set_nlink(e, S_ISDIR(m->mode) ? 2 : 1);
	archive_entry_set_mtime(e, (time_t)i->spec->mtime_s, 0);
	archive_entry_set_size(e, (la_int64_t)len);
	if (S_ISCHR(m->mode)) { /* the console: 5, 1 */
		archive_entry_set_rdevmajor(e, 5);
		archive_entry_set_rdevminor(e, 1);
	}
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    (len && archive_write_data(a, data, len) != (la_ssize_t)len))
		return err_archive(err, a, "cannot write the initrd");
	i->unpacked += len;
	return sink_result(i, err);
}

static int put(struct initrd *i, const char *data, size_t len)
{
	int r;

	if (len > i->max || i->written > i->max - len)
		return -EFBIG;
	i->written += len;
	r = write_all(i->out_fd, data, len);
	return r < 0 ? r : 0;
}

/* Never fails: see cleanup_archive_sink. */
static la_ssize_t put_block(struct archive *a, void *context, const void *data, size_t len)
{
	struct initrd *i = context;

	(void)a;
	if (i->sink_error == 0)
		i->sink_error = put(i, data, len);
	return (la_ssize_t)len;
}

static int member_cmp(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->path, ((const struct member *)b)->path);
}

static int write_main(struct initrd *i, struct err *err)
{
	cleanup_archive_sink struct archive *a = archive_write_new();
	char level[16];

	if (!a)
		return err_nomem(err);
	(void)snprintf(level, sizeof(level), "%u", i->spec->level ? i->spec->level : DEFAULT_LEVEL);
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK ||
	    archive_write_add_filter_zstd(a) != ARCHIVE_OK ||
	    archive_write_set_filter_option(a, "zstd", "compression-level", level) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open(a, i, NULL, put_block, NULL) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write the initrd");
	qsort(i->members, i->len, sizeof(*i->members),
	      member_cmp); /* folders come before what is in them */
	for (size_t n = 0; n < i->len; n++) {
		int r = write_member(i, a, &i->members[n], err);

		if (r < 0)
			return r;
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write the initrd");
	return sink_result(i, err);
}

static int write_early(struct initrd *i, uint64_t *ret_bytes, struct err *err)
{
	const struct initrd_spec *spec = i->spec;
	cleanup_buf struct buf early = BUF_INIT(32U << 20);
	int r;

	if (!spec->microcode_len)
		return 0;
	r = microcode_early_cpio(spec->root_fd,
				 spec->microcode_dir ? spec->microcode_dir : MICROCODE_DIR,
				 spec->microcode, spec->microcode_len, spec->mtime_s, &early, err);
	if (r < 0)
		return r;
	r = put(i, early.data, early.len);
	if (r < 0)
		return err_errnof(err, r, "cannot write the initrd");
	*ret_bytes = early.len;
	return 0;
}

int initrd_build(const struct initrd_spec *spec, int out_fd, struct initrd_info *ret,
		 struct err *err)
{
	cleanup_initrd struct initrd i = {
		.spec = spec,
		.out_fd = out_fd,
		.max = spec->max_bytes ? spec->max_bytes : INITRD_MAX_BYTES,
	};
	cleanup_modules_list struct modules_list order = { 0 }, missing = { 0 };
	uint64_t early = 0;
	int r;

	r = read_init(&i, err);
	if (r >= 0)
		r = modules_open(spec->root_fd, spec->release, &i.modules, err);
	if (r >= 0)
		r = modules_resolve(i.modules, spec->modules, spec->modules_len, &order, &missing,
				    err);
	if (r < 0)
		return r;
	r = add_base(&i);
	if (r >= 0)
		r = add_modules(&i, &order);
	if (r < 0)
		return err_errnof(err, r, "cannot list the initrd's members");
	r = write_early(&i, &early, err);
	if (r >= 0)
		r = write_main(&i, err);
	if (r < 0)
		return r;
	*ret = (struct initrd_info){
		.size_bytes = i.written,
		.early_bytes = early,
		.unpacked_bytes = i.unpacked,
		.modules = order.items,
		.modules_len = order.len,
		.missing_soft = missing.items,
		.missing_soft_len = missing.len,
	};
	order = missing = (struct modules_list){ 0 };
	return 0;
}
