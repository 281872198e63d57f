#include "microcode.h"

#include "archive-util.h"
#include "file.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdbool.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define UPDATES_MAX (16U << 20)
#define MEMBER "kernel/x86/microcode/GenuineIntel.bin"

/* Intel SDM volume 3, 10.11.1 "Microcode Update Format" */
struct update_header {
	uint32_t header_version;
	uint32_t revision;
	uint32_t date;
	uint32_t signature; /* CPUID(1).EAX */
	uint32_t checksum;  /* all 32-bit words of the update add up to 0 */
	uint32_t loader_revision;
	uint32_t flags;
	uint32_t data_bytes;  /* 0: 2000 */
	uint32_t total_bytes; /* 0: 2048 */
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct update_header) == 48, "as on disk");

static void model_of(uint32_t signature, char ret[static 6])
{
	unsigned int family = signature >> 8 & 15, model = signature >> 4 & 15;

	if (family == 15)
		family += signature >> 20 & 255;
	if (family == 6 || family >= 15)
		model |= signature >> 12 & 0xf0;
	(void)snprintf(ret, 6, "%02x-%02x", family & 255, model);
}

/* One file holds one or more updates one after another, all of this model. */
static int check_updates(const char *data, size_t len, const char *model, const char *name,
			 struct err *err)
{
	size_t at = 0;

	while (at < len) {
		struct update_header h;
		uint32_t total, sum = 0;
		char is[6];

		if (len - at < sizeof(h))
			return err_setf(err, -EBADMSG, "microcode '%s' is cut short", name);
		memcpy(&h, data + at, sizeof(h));
		total = h.total_bytes ? le32toh(h.total_bytes) : 2048;
		if (le32toh(h.header_version) != 1 || total % 4 || total < sizeof(h) ||
		    total > len - at)
			return err_setf(err, -EBADMSG,
					"microcode '%s' is damaged: no update header at byte %zu",
					name, at);
		for (size_t i = 0; i < total; i += 4) {
			uint32_t word;

			memcpy(&word, data + at + i, 4);
			sum += le32toh(word);
		}
		if (sum != 0)
			return err_setf(err, -EBADMSG, "microcode '%s' is damaged: wrong checksum",
					name);
		model_of(le32toh(h.signature), is);
		if (strcmp(is, model) != 0)
			return err_setf(err, -EBADMSG, "microcode '%s' is for CPU model %s, not %s",
					name, is, model);
		at += total;
	}
	return 0;
}

static int add_file(int dir_fd, const char *name, const char *model, struct buf *updates,
		    struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len;
	int r;

	r = file_read_at(dir_fd, name, UPDATES_MAX, &data, &len, err);
	if (r < 0)
		return r;
	if (len == 0)
		return err_setf(err, -EBADMSG, "microcode '%s' is empty", name);
	r = check_updates(data, len, model, name, err);
	if (r < 0)
		return r;
	r = buf_add(updates, data, len);
	if (r < 0)
		return err_errnof(err, r, "cannot take microcode '%s'", name);
	return 0;
}

/* "06-5e-03", or "06-5e-03.initramfs": a stepping of the model */
static bool is_of_model(const char *name, const char *model)
{
	size_t len = strlen(model);

	return strncmp(name, model, len) == 0 && name[len] == '-' &&
	       strspn(name + len + 1, "0123456789abcdef") == 2 &&
	       (name[len + 3] == '\0' || name[len + 3] == '.');
}

static int add_model(int dir_fd, const char *dir, const char *model, struct buf *updates,
		     struct err *err)
{
	struct dirent **names = NULL;
	int found = 0, r = 0;
	const char *last = "";
	int n = neg_errno(scandirat(dir_fd, ".", &names, NULL, alphasort));

	if (n < 0)
		return err_errnof(err, n, "cannot list '/%s'", dir);
	for (int i = 0; i < n && r >= 0; i++) {
		const char *name = names[i]->d_name;

		/* one file a stepping, whatever its suffix */
		if (!is_of_model(name, model) || strncmp(name, last, strlen(model) + 3) == 0)
			continue;
		r = add_file(dir_fd, name, model, updates, err);
		last = name;
		found++;
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	if (r >= 0 && !found)
		return err_setf(
			err, -ENOENT,
			"no microcode for CPU model '%s' in '/%s': is intel-microcode installed?",
			model, dir);
	return r;
}

static int add_member(struct archive *a, const char *path, mode_t mode, const void *data,
		      size_t len, int64_t mtime_s, struct err *err)
{
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();

	if (!e)
		return err_nomem(err);
	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, mode);
	archive_entry_set_nlink(e, S_ISDIR(mode) ? 2 : 1);
	archive_entry_set_size(e, (la_int64_t)len);
	archive_entry_set_mtime(e, (time_t)mtime_s, 0);
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    (len && archive_write_data(a, data, len) != (la_ssize_t)len))
		return err_archive(err, a, "cannot write the microcode's cpio");
	return 0;
}

/* @pad bytes are put in front, as a file of their own. */
static int write_cpio(const struct buf *updates, size_t pad, int64_t mtime_s, char *memory,
		      size_t size, size_t *ret_len, struct err *err)
{
	cleanup_archive_sink struct archive *a = archive_write_new();
	static const char zeros[16];
	int r;

	if (!a)
		return err_nomem(err);
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, 512) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 512) != ARCHIVE_OK ||
	    archive_write_open_memory(a, memory, size, ret_len) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write the microcode's cpio");
	r = add_member(a, "kernel", S_IFDIR | 0755, NULL, 0, mtime_s, err);
	if (r >= 0)
		r = add_member(a, "kernel/x86", S_IFDIR | 0755, NULL, 0, mtime_s, err);
	if (r >= 0)
		r = add_member(a, "kernel/x86/microcode", S_IFDIR | 0755, NULL, 0, mtime_s, err);
	if (r >= 0)
		r = add_member(a, "kernel/x86/microcode/.align", S_IFREG | 0644, zeros, pad,
			       mtime_s, err);
	if (r >= 0)
		r = add_member(a, MEMBER, S_IFREG | 0644, updates->data, updates->len, mtime_s,
			       err);
	if (r < 0)
		return r;
	if (archive_write_close(a) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write the microcode's cpio");
	return 0;
}

int microcode_early_cpio(int root_fd, const char *dir, char *const *models, size_t len,
			 int64_t mtime_s, struct buf *out, struct err *err)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT };
	cleanup_buf struct buf updates = BUF_INIT(UPDATES_MAX);
	cleanup_close int dir_fd = -EBADF;
	cleanup_free char *memory = NULL;
	size_t size;

	dir_fd = (int)neg_errno(syscall(SYS_openat2, root_fd, dir, &how, sizeof(how)));
	if (dir_fd < 0)
		return err_errnof(err, dir_fd, "cannot open '/%s': is intel-microcode installed?",
				  dir);
	for (size_t i = 0; i < len; i++) {
		int r = add_model(dir_fd, dir, models[i], &updates, err);

		if (r < 0)
			return r;
	}
	size = updates.len + 4096;
	memory = malloc(size);
	if (!memory)
		return err_nomem(err);
	for (size_t pad = 0; pad < 16; pad += 4) {
		size_t used = 0;
		const char *data;
		int r = write_cpio(&updates, pad, mtime_s, memory, size, &used, err);

		if (r < 0)
			return r;
		data = memmem(memory, used, updates.data, updates.len);
		if (data && (size_t)(data - memory) % 16 == 0)
			return buf_add(out, memory, used) < 0 ? err_nomem(err) : 0;
	}
	return err_setf(err, -EPROTO, "cannot align the microcode to 16 bytes");
}
