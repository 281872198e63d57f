#include "fstab.h"

#include <string.h>
#include <strings.h>
#include <sys/mount.h>

static void entry_done(struct fstab_entry *e)
{
	free(e->spec);
	free(e->dir);
	free(e->type);
	free(e->options);
	*e = (struct fstab_entry){ 0 };
}

void fstab_done(struct fstab *f)
{
	for (size_t i = 0; i < f->len; i++)
		entry_done(&f->items[i]);
	free(f->items);
	*f = (struct fstab){ 0 };
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* The next field without its escapes; NULL: no memory, or (with *end) none left. */
static char *field(const char **pos, bool *end)
{
	const char *p = *pos + strspn(*pos, " \t");
	size_t len = strcspn(p, " \t\n");
	char *out, *o;

	*end = len == 0 || *p == '#';
	if (*end)
		return NULL;
	out = o = malloc(len + 1);
	if (!out)
		return NULL;
	for (const char *stop = p + len; p < stop;) {
		if (*p == '\\' && stop - p >= 4 && is_octal(p + 1)) {
			*o++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*o++ = *p++;
		}
	}
	*o = '\0';
	*pos = p;
	return out;
}

/* 1: an entry, 0: a blank or comment line. */
static int parse_line(const char *line, struct fstab_entry *e)
{
	char **fields[] = { &e->spec, &e->dir, &e->type, &e->options };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		bool end;

		*fields[i] = field(&line, &end);
		if (end && i == 3) /* options may be missing */
			*fields[i] = strdup("defaults");
		else if (end)
			return i == 0 ? 0 : -EINVAL;
		if (!*fields[i])
			return -ENOMEM;
	}
	return 1;
}

static int append(struct fstab *f, const struct fstab_entry *e)
{
	struct fstab_entry *items = reallocarray(f->items, f->len + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	f->items = items;
	f->items[f->len++] = *e;
	return 0;
}

int fstab_parse(const char *text, struct fstab *ret, struct err *err)
{
	cleanup_fstab struct fstab f = { 0 };
	unsigned int line = 0;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		struct fstab_entry e = { 0 };
		int r = parse_line(p, &e);

		line++;
		if (r > 0)
			r = append(&f, &e);
		else
			entry_done(&e);
		if (r == -EINVAL)
			return err_setf(err, r,
					"/etc/fstab:%u: a line needs a device, a folder and a type",
					line);
		if (r < 0)
			return err_nomem(err);
	}
	*ret = f;
	f = (struct fstab){ 0 };
	return 0;
}

bool fstab_is_uuid(const struct fstab_entry *e, const char *uuid)
{
	return strncmp(e->spec, "UUID=", 5) == 0 && strcasecmp(e->spec + 5, uuid) == 0;
}

static const struct {
	const char *name;
	unsigned long set, clear;
} flag_options[] = {
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 },
	{ "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "noatime", MS_NOATIME, 0 },
	{ "atime", 0, MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "diratime", 0, MS_NODIRATIME },
	{ "relatime", MS_RELATIME, 0 },
	{ "norelatime", 0, MS_RELATIME },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "lazytime", MS_LAZYTIME, 0 },
	{ "nolazytime", 0, MS_LAZYTIME },
	{ "defaults", 0, 0 },
	{ "auto", 0, 0 },
	{ "nofail", 0, 0 },
	{ "_netdev", 0, 0 },
	{ "user", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
	{ "nouser", 0, 0 },
};

static int take_option(const char *word, struct mount_options *o)
{
	if (strcmp(word, "noauto") == 0 || strcmp(word, "x-systemd.automount") == 0) {
		o->noauto = true;
		return 0;
	}
	if (strncmp(word, "x-", 2) == 0 || strncmp(word, "comment=", 8) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(flag_options); i++) {
		if (strcmp(word, flag_options[i].name) != 0)
			continue;
		o->flags = (o->flags | flag_options[i].set) & ~flag_options[i].clear;
		return 0;
	}
	return buf_addf(&o->data, "%s%s", o->data.len ? "," : "", word);
}

int mount_options_parse(const char *text, struct mount_options *ret, struct err *err)
{
	struct mount_options o = { .data = BUF_INIT(4000) }; /* the kernel takes a page */
	cleanup_free char *copy = strdup(text);
	char *save = NULL;
	int r = copy ? 0 : -ENOMEM;

	for (char *p = copy ? strtok_r(copy, ",", &save) : NULL; p && r >= 0;
	     p = strtok_r(NULL, ",", &save))
		r = take_option(p, &o);
	if (r < 0) {
		mount_options_done(&o);
		return err_errnof(err, r, "cannot take the mount options '%.200s'", text);
	}
	*ret = o;
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	buf_done(&o->data);
}
