#include "qemu-boot.h"
#include "fat.h"
#include "gpt.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

int qemu_no_image(const struct qemu_spec *s, int r, struct err *err)
{
	if (r == -ENOENT)
		return err_setf(err, r, "there is no '%s' yet; 'kiln bake %s' makes it", s->image,
				s->node->name);
	return err_errnof(err, r, "cannot open '%s'", s->image);
}

static int extract(const struct fat *f, const char *name, const char *to, struct err *err)
{
	const struct fat_entry *e = fat_find(f, name);
	cleanup_close int fd = -EBADF;

	if (!e)
		return err_setf(err, -ENOENT, "the boot partition has no '%s'", name);
	fd = neg_errno(open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s'", to);
	return fat_extract(f, e, fd, err);
}

/*
 * Linux takes the first console= of a driver: with the Pi's debug port, which this machine
 * lacks, in the line, the one that is there stays silent.
 */
static void drop_words(char *line, const char *prefix)
{
	size_t n = strlen(prefix);
	char *to = line;

	for (const char *p = line; *p;) {
		size_t word = strcspn(p, " "), blanks = strspn(p + word, " ");

		if (strncmp(p, prefix, n) != 0) {
			memmove(to, p, word + blanks);
			to += word + blanks;
		}
		p += word + blanks;
	}
	*to = '\0';
}

int qemu_boot_extract(const struct qemu_spec *s, const char *dir, struct boot_read *ret,
		      struct err *err)
{
	cleanup_close int fd = neg_errno(open(s->image, O_RDONLY | O_CLOEXEC));
	cleanup_fat struct fat f = { 0 };
	struct gpt_table t = { 0 };
	char path[PATH_MAX];
	int r;

	if (fd < 0)
		return qemu_no_image(s, fd, err);
	r = gpt_read(fd, s->image, &t, err);
	if (r == 0 && t.len == 0)
		r = err_setf(err, -EINVAL, "'%s' has no partitions", s->image);
	if (r == 0)
		r = fat_open(fd, t.parts[0].start_bytes, &f, err);
	if (r == 0)
		r = boot_read_fat(&f, s->board->boot, ret, err);
	if (r < 0)
		return r;
	drop_words(ret->cmdline, "console=ttyAMA10");
	(void)snprintf(path, sizeof(path), "%s/kernel", dir);
	r = extract(&f, ret->kernel, path, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/initrd", dir);
	return extract(&f, ret->initrd, path, err);
}
