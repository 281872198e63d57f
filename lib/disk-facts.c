#include "disk-facts.h"

#include "buf.h"
#include "file.h"
#include "parse.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define PAGE_HEADER 4U /* of a SCSI vital product data page */

/* Length; 0 when the file is not there or empty. */
static size_t read_attr(const char *dir, const char *name, char *dst, size_t size)
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read_upto(fd, dst, size - 1);
		(void)close(fd);
	}
	if (n < 0)
		n = 0;
	dst[n] = '\0';
	return (size_t)n;
}

/* The text without blanks at its ends; what cannot be printed becomes "?". */
static void tidy(const char *text, size_t len, char *dst, size_t size)
{
	size_t n = 0;

	while (len > 0 && (isspace((unsigned char)text[len - 1]) || text[len - 1] == '\0'))
		len--;
	while (len > 0 && isspace((unsigned char)*text))
		text++, len--;
	for (; n < len && n + 1 < size; n++)
		dst[n] = (char)(isprint((unsigned char)text[n]) ? text[n] : '?');
	dst[n] = '\0';
}

static void text_attr(const char *dir, const char *name, char *dst, size_t size)
{
	char raw[512];
	size_t n = read_attr(dir, name, raw, sizeof(raw));

	tidy(raw, n, dst, size);
}

/* A number that the kernel always gives, or 0 where @name is not there. */
static int number_attr(const char *dir, const char *name, uint64_t *ret, struct err *err)
{
	cleanup_free char *path = NULL, *text = NULL;
	char tidied[32];
	size_t len;
	int r;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	r = file_read_at(AT_FDCWD, path, 4096, &text, &len, err);
	if (r == -ENOENT) {
		err_clear(err);
		*ret = 0;
		return 0;
	}
	if (r < 0)
		return r;
	tidy(text, len, tidied, sizeof(tidied));
	if (u64_parse(tidied, ret) < 0)
		return err_setf(err, -EINVAL, "'%s' holds no number", path);
	return 0;
}

/* The device's real path tells the bus: .../usb2/2-1/..., .../ata1/host0/... */
static void find_transport(const char *real, struct disk_facts *f)
{
	const char *t = "";

	if (strncmp(f->name, "nvme", 4) == 0)
		t = "nvme";
	else if (strncmp(f->name, "mmcblk", 6) == 0)
		t = "mmc";
	else if (strncmp(f->name, "vd", 2) == 0)
		t = "virtio";
	else if (strstr(real, "/usb"))
		t = "usb";
	else if (strstr(real, "/ata"))
		t = "sata";
	else if (strncmp(f->name, "sd", 2) == 0)
		t = "scsi";
	(void)snprintf(f->transport, sizeof(f->transport), "%s", t);
}

/* The nearest folder above that has a serial and is a USB device. */
static void usb_serial(const char *real, struct disk_facts *f)
{
	char dir[PATH_MAX], id[32];

	(void)snprintf(dir, sizeof(dir), "%s", real);
	for (char *slash = strrchr(dir, '/'); slash && slash != dir; slash = strrchr(dir, '/')) {
		*slash = '\0';
		if (!strstr(dir, "/usb"))
			return;
		if (read_attr(dir, "idVendor", id, sizeof(id)) == 0)
			continue;
		text_attr(dir, "serial", f->serial, sizeof(f->serial));
		return;
	}
}

static void scsi_serial(const char *dir, struct disk_facts *f)
{
	char page[512];
	size_t n = read_attr(dir, "device/vpd_pg80", page, sizeof(page)), len;

	if (n < PAGE_HEADER)
		return;
	len = (size_t)((unsigned char)page[2] << 8 | (unsigned char)page[3]);
	tidy(page + PAGE_HEADER, len < n - PAGE_HEADER ? len : n - PAGE_HEADER, f->serial,
	     sizeof(f->serial));
}

static void find_serial(const char *dir, const char *real, struct disk_facts *f)
{
	if (strcmp(f->transport, "virtio") == 0)
		text_attr(dir, "serial", f->serial, sizeof(f->serial));
	else if (strcmp(f->transport, "usb") == 0)
		usb_serial(real, f);
	else
		text_attr(dir, "device/serial", f->serial, sizeof(f->serial));
	if (!f->serial[0])
		scsi_serial(dir, f);
}

int disk_facts_read(const char *sysfs, const char *name, struct disk_facts *ret, struct err *err)
{
	struct disk_facts f = { 0 };
	char dir[PATH_MAX], real[PATH_MAX];
	uint64_t sectors, removable, read_only;
	int r;

	if (strlen(name) >= sizeof(f.name) || strchr(name, '/') || name[0] == '.')
		return err_setf(err, -EINVAL, "'%s' is no disk's name", name);
	(void)snprintf(f.name, sizeof(f.name), "%s", name);
	(void)snprintf(dir, sizeof(dir), "%s/class/block/%s", sysfs, name);
	if (!realpath(dir, real))
		return err_errnof(err, -errno, "cannot find disk '%s'", name);
	r = number_attr(dir, "size", &sectors, err);
	if (r >= 0)
		r = number_attr(dir, "removable", &removable, err);
	if (r >= 0)
		r = number_attr(dir, "ro", &read_only, err);
	if (r < 0)
		return r;
	if (size_mul(sectors, 512, &f.size_bytes) <
	    0) /* sysfs counts 512, whatever the disk's sectors */
		return err_setf(err, -ERANGE, "disk '%s' has an impossible size", name);
	f.removable = removable != 0;
	f.read_only = read_only != 0;
	find_transport(real, &f);
	find_serial(dir, real, &f);
	text_attr(dir, "wwid", f.wwid, sizeof(f.wwid));
	if (!f.wwid[0])
		text_attr(dir, "device/wwid", f.wwid, sizeof(f.wwid));
	text_attr(dir, "device/model", f.model, sizeof(f.model));
	if (!f.model[0])
		text_attr(dir, "device/name", f.model, sizeof(f.model)); /* mmc */
	*ret = f;
	return 0;
}

static bool by_id_holds(const char *by_id, const struct disk_facts *f)
{
	char path[PATH_MAX], real[PATH_MAX];
	const char *base;

	if (access("/dev/disk/by-id", F_OK) < 0)
		return f->serial[0] && strstr(by_id, f->serial);
	if (snprintf(path, sizeof(path), "/dev/disk/by-id/%s", by_id) >= (int)sizeof(path) ||
	    !realpath(path, real))
		return false;
	base = strrchr(real, '/');
	return base && strcmp(base + 1, f->name) == 0;
}

bool disk_match_holds(const struct disk_match *m, const struct disk_facts *f)
{
	if (m->serial && strcmp(m->serial, f->serial) != 0)
		return false;
	if (m->wwid && strcasecmp(m->wwid, f->wwid) != 0)
		return false;
	if (m->transport && strcmp(m->transport, f->transport) != 0)
		return false;
	if (m->by_id && !by_id_holds(m->by_id, f))
		return false;
	return (!m->min_bytes || f->size_bytes >= m->min_bytes) &&
	       (!m->max_bytes || f->size_bytes <= m->max_bytes);
}

char *disk_facts_describe(const struct disk_facts *f)
{
	struct buf b = BUF_INIT(4096);
	char size[SIZE_TEXT_MAX];

	(void)buf_addf(&b, "%s: %s, %s", f->name, f->transport[0] ? f->transport : "unknown bus",
		       size_human(f->size_bytes, size));
	if (f->model[0])
		(void)buf_addf(&b, ", %s", f->model);
	(void)buf_addf(&b, ", serial %s", f->serial[0] ? f->serial : "(none)");
	if (f->removable)
		(void)buf_adds(&b, ", removable");
	return buf_steal(&b, NULL);
}
