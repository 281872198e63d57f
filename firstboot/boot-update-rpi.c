#include "boot-update-internal.h"

#include "bootfiles.h"
#include "file.h"

#include <string.h>

#define DTB_MAX ((size_t)4 << 20)

/* The release in "kernel=vmlinuz-<release>"; "" if there is none. */
void boot_update_rpi_release(const char *text, char *dst, size_t size)
{
	static const char key[] = "kernel=vmlinuz-";
	const char *line =
		strncmp(text, key, sizeof(key) - 1) == 0 ? text : strstr(text, "\nkernel=vmlinuz-");

	dst[0] = '\0';
	if (!line)
		return;
	line += (*line == '\n') + sizeof(key) - 1;
	(void)snprintf(dst, size, "%.*s", (int)strcspn(line, "\r\n"), line);
}

/* config.txt with the two lines that name a kernel changed, all else as a person left it. */
static int edit_config(const char *text, const char *release, struct buf *out)
{
	bool kernel = false, initrd = false;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		if (strncmp(p, "kernel=", 7) == 0) {
			(void)buf_addf(out, "kernel=vmlinuz-%s\n", release);
			kernel = true;
		} else if (strncmp(p, "initramfs ", 10) == 0) {
			(void)buf_addf(out, "initramfs initrd-%s followkernel\n", release);
			initrd = true;
		} else {
			(void)buf_addf(out, "%.*s\n", (int)len, p);
		}
		p += len + (p[len] == '\n');
	}
	if (!kernel)
		(void)buf_addf(out, "kernel=vmlinuz-%s\n", release);
	if (!initrd)
		(void)buf_addf(out, "initramfs initrd-%s followkernel\n", release);
	return buf_error(out);
}

/* The old tree stays beside as <name>.old. 1: it differed. */
static int put_dtb(const struct boot_update *u, const char *name, struct err *err)
{
	char a[256], b[256], old_name[128];
	const char *const places[] = { a, b, NULL };
	cleanup_free char *now = NULL, *old = NULL;
	size_t len, old_len = 0;
	struct err none = { 0 };
	int r;

	(void)snprintf(a, sizeof(a), "/usr/lib/modules/%s/dtb/broadcom/%s", u->release, name);
	(void)snprintf(b, sizeof(b), "/usr/lib/linux-image-%s/broadcom/%s", u->release, name);
	(void)snprintf(old_name, sizeof(old_name), "%s.old", name);
	r = boot_update_read_root(u, places, "device tree for the Pi 5", DTB_MAX, &now, &len, err);
	if (r < 0)
		return r;
	if (file_read_at(u->boot_fd, name, DTB_MAX, &old, &old_len, &none) < 0)
		old_len = 0;
	if (old_len == len && memcmp(old, now, len) == 0)
		return 0;
	if (old_len)
		r = boot_update_put(u, old_name, old, old_len, err);
	if (r >= 0)
		r = boot_update_put(u, name, now, len, err);
	return r < 0 ? r : 1;
}

int boot_update_rpi_switch(const struct boot_update *u, const char *config, const char *former,
			   struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(BOOT_UPDATE_TEXT_MAX);
	char kept[160];
	int r, c0, d0;

	c0 = put_dtb(u, BOOTFILES_DTB_C0, err);
	d0 = c0 < 0 ? c0 : put_dtb(u, BOOTFILES_DTB_D0, err);
	if (d0 < 0)
		return d0;
	if ((c0 || d0) && !strstr(config, "\ndevice_tree="))
		(void)buf_addf(u->report, "the device trees changed: a board of stepping D0 should "
					  "say 'stepping: d0' in "
					  "cluster.yaml, until it is baked anew\n");
	r = edit_config(config, u->release, &text);
	if (r < 0)
		return err_errnof(err, r, "cannot make config.txt");
	if (text.len > BOOTFILES_CONFIG_MAX)
		return err_setf(err, -E2BIG, "config.txt has %zu bytes; a Pi 5 takes %d", text.len,
				BOOTFILES_CONFIG_MAX);
	if (former[0] && strcmp(former, u->release) != 0) {
		(void)snprintf(kept, sizeof(kept), "config-%s.txt", former);
		r = boot_update_put(u, kept, config, strlen(config), err);
		if (r < 0)
			return r;
		(void)buf_addf(u->report,
			       "to go back: copy %s over config.txt on the boot partition\n", kept);
	}
	return boot_update_put(u, "config.txt", buf_str(&text), text.len, err);
}
