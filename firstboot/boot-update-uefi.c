#include "boot-update-internal.h"

#include "bootfiles.h"
#include "file.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>

#define ENTRIES "loader/entries"
#define TRIES "+3"

/* "kiln-<release>.conf", "kiln-<release>+2-1.conf": the release's length; 0: no entry of ours. */
static size_t entry_release(const char *name, const char **ret)
{
	size_t len = strlen(name), n;

	if (strncmp(name, "kiln-", 5) != 0 || len < 11 || strcmp(name + len - 5, ".conf") != 0)
		return 0;
	*ret = name + 5;
	n = len - 10;
	/* a counter is "+" and digits, maybe "-" and digits, at the end; releases have "+" too */
	for (size_t i = n; i > 0; i--) {
		const char *p = name + 5 + i - 1;
		size_t left, done = 0;

		if (*p != '+')
			continue;
		left = strspn(p + 1, "0123456789");
		if (left && p[1 + left] == '-')
			done = strspn(p + 2 + left, "0123456789") + 1;
		if (left && i + left + done == n)
			return i - 1;
		break;
	}
	return n;
}

static int list_entries(const struct boot_update *u, struct name_list *ret, struct err *err)
{
	bool there;
	int r = file_exists_at(u->boot_fd, ENTRIES, &there, err);

	if (r < 0 || !there)
		return r < 0 ? r
			     : err_setf(err, -ENOENT, "the boot partition has no '" ENTRIES "'");
	return tree_list_at(u->boot_fd, ENTRIES, ret, err);
}

static bool is_entry_of(const char *name, const char *release)
{
	const char *of;
	size_t n = entry_release(name, &of);

	return n && n == strlen(release) && strncmp(of, release, n) == 0;
}

int boot_update_uefi_remove(const struct boot_update *u, const char *release, struct err *err)
{
	cleanup_name_list struct name_list entries = { 0 };
	char name[512];
	int r = list_entries(u, &entries, err);

	for (size_t i = 0; i < entries.len && r >= 0; i++) {
		if (!is_entry_of(entries.items[i], release))
			continue;
		(void)snprintf(name, sizeof(name), ENTRIES "/%s", entries.items[i]);
		boot_update_drop(u, name);
	}
	return r;
}

/* The options of the running kernel's entry, else of any of ours. */
static int find_options(const struct boot_update *u, const struct name_list *entries, char **ret,
			struct err *err)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < entries->len; i++) {
			cleanup_free char *text = NULL;
			char name[512];
			const char *of, *line;
			int r;

			if (pass == 0 ? !is_entry_of(entries->items[i], u->running)
				      : !entry_release(entries->items[i], &of))
				continue;
			(void)snprintf(name, sizeof(name), ENTRIES "/%s", entries->items[i]);
			r = file_read_at(u->boot_fd, name, BOOT_UPDATE_TEXT_MAX, &text, NULL, err);
			if (r < 0)
				return r;
			line = strncmp(text, "options ", 8) == 0 ? text
								 : strstr(text, "\noptions ");
			if (!line)
				continue;
			line += (*line == '\n') + 8;
			*ret = strndup(line, strcspn(line, "\r\n"));
			return *ret ? 0 : err_nomem(err);
		}
	}
	return err_setf(err, -ENOENT,
			"no entry of Kiln's in '" ENTRIES
			"' with a kernel command line to take over");
}

static void clean_entries(const struct boot_update *u, const struct name_list *entries)
{
	char name[512];

	for (size_t i = 0; i < entries->len; i++) {
		(void)snprintf(name, sizeof(name), ENTRIES "/%s", entries->items[i]);
		if (boot_update_is_left(entries->items[i]))
			boot_update_drop(u, name);
	}
}

int boot_update_uefi_switch(const struct boot_update *u, struct err *err)
{
	cleanup_name_list struct name_list entries = { 0 };
	cleanup_buf struct buf text = BUF_INIT(BOOT_UPDATE_TEXT_MAX);
	cleanup_free char *options = NULL;
	char name[256];
	int r;

	r = list_entries(u, &entries, err);
	if (r >= 0)
		r = find_options(u, &entries, &options, err);
	if (r < 0)
		return r;
	clean_entries(u, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		if (!is_entry_of(entries.items[i], u->release))
			continue;
		(void)buf_addf(u->report, "%s is there already\n", entries.items[i]);
		return 0; /* its kernel was reinstalled; the entry names the same files */
	}
	r = bootfiles_add_entry(&text, u->release, options);
	if (r < 0)
		return err_errnof(err, r, "cannot make the loader's entry");
	(void)snprintf(name, sizeof(name), ENTRIES "/kiln-%s" TRIES ".conf", u->release);
	return boot_update_put(u, name, buf_str(&text), text.len, err);
}

int boot_update_good(const struct boot_update *u, struct err *err)
{
	cleanup_name_list struct name_list entries = { 0 };
	char from[512], to[512];
	int r;

	if (u->board->boot != BOARD_BOOT_UEFI)
		return 0;
	r = list_entries(u, &entries, err);
	for (size_t i = 0; i < entries.len && r >= 0; i++) {
		if (!is_entry_of(entries.items[i], u->running))
			continue;
		(void)snprintf(from, sizeof(from), ENTRIES "/%s", entries.items[i]);
		(void)snprintf(to, sizeof(to), ENTRIES "/kiln-%s.conf", u->running);
		if (strcmp(from, to) == 0)
			continue;
		if (renameat(u->boot_fd, from, u->boot_fd, to) < 0)
			return err_errnof(err, -errno, "cannot rename '%s'", from);
		r = file_sync_dir_at(u->boot_fd, to, err);
		(void)buf_addf(u->report, "kernel %s is good: it boots from now on\n", u->running);
	}
	return r;
}
