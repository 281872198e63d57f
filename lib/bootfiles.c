#include "bootfiles.h"

#include <ctype.h>
#include <string.h>

static int add_word(struct buf *b, const char *word, struct err *err)
{
	if (!*word)
		return err_setf(err, -EINVAL, "an empty word in the kernel command line");
	for (const char *p = word; *p; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			return err_setf(err, -EINVAL,
					"a blank in word '%s' of the kernel command line", word);
	return buf_addf(b, "%s%s", b->len ? " " : "", word);
}

int bootfiles_add_cmdline(struct buf *b, const struct bootfiles_cmdline *c, struct err *err)
{
	cleanup_buf struct buf line = BUF_INIT(16384);
	int r;

	for (size_t i = 0; i < c->words_len; i++) {
		r = add_word(&line, c->words[i], err);
		if (r < 0)
			return r;
	}
	(void)buf_addf(&line, "%sroot=UUID=%s rootfstype=btrfs rootflags=subvol=@ rw kiln.boot=%s",
		       line.len ? " " : "", c->root_uuid, c->boot_uuid);
	r = buf_error(&line);
	if (r < 0)
		return err_errnof(err, r, "cannot make the kernel command line");
	if (line.len > BOOTFILES_CMDLINE_MAX)
		return err_setf(err, -E2BIG,
				"the kernel command line has %zu characters; firmware takes %d",
				line.len, BOOTFILES_CMDLINE_MAX);
	return buf_add(b, line.data, line.len);
}

static int check_lines(const char *text, struct err *err)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		if (n > BOOTFILES_CONFIG_LINE_MAX)
			return err_setf(err, -E2BIG,
					"a line of config.txt has %zu characters; firmware takes "
					"%d: '%.*s'",
					n, BOOTFILES_CONFIG_LINE_MAX, (int)n, p);
		p += n + (p[n] == '\n');
	}
	return 0;
}

int bootfiles_add_config(struct buf *b, const char *release, const char *device_tree,
			 struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(BOOTFILES_CONFIG_MAX);
	int r;

	(void)buf_addf(
		&text,
		"# Written by Kiln. Lines have at most %d characters, no blanks around '='.\n"
		"kernel=vmlinuz-%s\n"
		"initramfs initrd-%s followkernel\n",
		BOOTFILES_CONFIG_LINE_MAX, release, release);
	if (device_tree)
		(void)buf_addf(&text, "device_tree=%s\n", device_tree);
	else
		(void)buf_adds(&text, "# no device_tree: firmware takes " BOOTFILES_DTB_C0
				      ", on D0 with its overlay\n");
	(void)buf_adds(&text, "enable_uart=1\n"
			      "disable_fw_kms_setup=1\n"
			      "usb_max_current_enable=1\n");
	r = buf_error(&text);
	if (r < 0)
		return err_errnof(err, r, "cannot make config.txt");
	r = check_lines(buf_str(&text), err);
	if (r < 0)
		return r;
	return buf_add(b, text.data, text.len);
}

int bootfiles_add_loader(struct buf *b)
{
	/*
	 * A pattern, so that the newest entry wins and one whose boot counter ran out does
	 * not. editor no: a keyboard must not be enough for init=/bin/sh.
	 */
	return buf_adds(b, "default kiln-*\ntimeout 2\neditor no\nconsole-mode keep\n");
}

int bootfiles_add_entry(struct buf *b, const char *release, const char *cmdline)
{
	return buf_addf(b,
			"title Kiln (%s)\n"
			"sort-key kiln\n"
			"version %s\n"
			"linux /vmlinuz-%s\n"
			"initrd /initrd-%s\n"
			"options %s\n",
			release, release, release, release, cmdline);
}
