#include "modules-set.h"

#include "file.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#define INDEX_MAX (64U << 20) /* bytes of one modules.* file; modules.alias has about 2 MB */

static const char *const text_names[TEXTS] = {
	[DEP] = "modules.dep",
	[SOFTDEP] = "modules.softdep",
	[ALIAS] = "modules.alias",
	[BUILTIN] = "modules.builtin",
	[BUILTIN_MODINFO] = "modules.builtin.modinfo",
};

/* "-" and "_" are the same, but inside of a pattern's [...] (as kmod does). */
static void normalize(char *s)
{
	bool in_set = false;

	for (; *s; s++) {
		if (*s == '[')
			in_set = true;
		else if (*s == ']')
			in_set = false;
		else if (*s == '-' && !in_set)
			*s = '_';
	}
}

static const char *normalized(const char *s, size_t len, char dst[static MODULES_NAME_MAX])
{
	(void)snprintf(dst, MODULES_NAME_MAX, "%.*s", (int)len, s);
	normalize(dst);
	return dst;
}

const char *modules_normalize(const char *s, char dst[static MODULES_NAME_MAX])
{
	return normalized(s, strnlen(s, MODULES_NAME_MAX), dst);
}

const char *modules_name_of_path(const char *path, char dst[static MODULES_NAME_MAX])
{
	const char *base = strrchr(path, '/');
	const char *end;

	base = base ? base + 1 : path;
	end = strstr(base, ".ko");
	return normalized(base, end ? (size_t)(end - base) : strnlen(base, MODULES_NAME_MAX), dst);
}

/* On the heap, whatever its length: patterns of aliases are long. */
static char *new_name(const char *s)
{
	char *name = strdup(s);

	if (name)
		normalize(name);
	return name;
}

static char *new_name_of_path(const char *path)
{
	char name[MODULES_NAME_MAX];

	return strdup(modules_name_of_path(path, name));
}

static int facts_add(struct facts *f, char *name, const char *value)
{
	cleanup_free char *owned = name;

	if (!owned)
		return -ENOMEM;
	if (f->len == f->size) {
		size_t size = f->size ? f->size * 2 : 64;
		struct fact *items = reallocarray(f->items, size, sizeof(*items));

		if (!items)
			return -ENOMEM;
		f->items = items;
		f->size = size;
	}
	f->items[f->len++] = (struct fact){ TAKE_PTR(owned), value };
	return 0;
}

static void facts_done(struct facts *f)
{
	for (size_t i = 0; i < f->len; i++)
		free(f->items[i].name);
	free(f->items);
	*f = (struct facts){ 0 };
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->len; i++)
		free(m->items[i].name);
	free(m->items);
	facts_done(&m->softdeps);
	facts_done(&m->aliases);
	facts_done(&m->builtins);
	for (size_t i = 0; i < TEXTS; i++)
		buf_done(&m->texts[i]);
	free(m->release);
	free(m);
}

int modules_open_file(const struct modules *m, const char *rel, int *ret, struct err *err)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "lib/modules/%s/%s", m->release, rel) >= (int)sizeof(path))
		return err_setf(err, -ENAMETOOLONG, "cannot open '%s': the name is too long", rel);
	fd = (int)neg_errno(syscall(SYS_openat2, m->root_fd, path, &how, sizeof(how)));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '/%s'", path);
	*ret = fd;
	return 0;
}

static int read_text(struct modules *m, int which, struct err *err)
{
	cleanup_close int fd = -EBADF;
	struct buf *b = &m->texts[which];
	size_t len;
	char *text;
	int r;

	r = modules_open_file(m, text_names[which], &fd, err);
	if (r == -ENOENT)
		return err_setf(
			err, r,
			"kernel %s: no '%s': depmod has not run, or the kernel is not there",
			m->release, text_names[which]);
	if (r < 0)
		return r;
	r = file_read_fd(fd, text_names[which], INDEX_MAX, &text, &len, err);
	if (r < 0)
		return err_wrapf(err, r, "kernel %s", m->release);
	*b = (struct buf){ .data = text, .len = len, .size = len + 1, .max = len };
	return 0;
}

/* The next line of *pos, cut; NULL at the end. Blank and comment lines are left out. */
static char *next_line(char **pos, char separator)
{
	while (*pos && **pos) {
		char *line = *pos;
		char *end = strchrnul(line, separator);

		*pos = *end ? end + 1 : end;
		*end = '\0';
		line += strspn(line, " \t");
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

static int module_cmp(const void *a, const void *b)
{
	return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

/* path: dep dep ... */
static int parse_dep(struct modules *m)
{
	char *pos = m->texts[DEP].data;
	char *line;

	while ((line = next_line(&pos, '\n'))) {
		char *colon = strchr(line, ':');

		if (!colon)
			return -EBADMSG;
		*colon = '\0';
		if (m->len == m->size) {
			size_t size = m->size ? m->size * 2 : 4096;
			struct module *items = reallocarray(m->items, size, sizeof(*items));

			if (!items)
				return -ENOMEM;
			m->items = items;
			m->size = size;
		}
		m->items[m->len] = (struct module){ new_name_of_path(line), line, colon + 1 };
		if (!m->items[m->len++].name)
			return -ENOMEM;
	}
	if (m->len > 1)
		qsort(m->items, m->len, sizeof(*m->items), module_cmp);
	return 0;
}

/* Lines "<word> <name> <value>": softdep and alias. */
static int parse_facts(struct modules *m, int which, const char *word, struct facts *facts)
{
	char *pos = m->texts[which].data;
	char *line;

	while ((line = next_line(&pos, '\n'))) {
		char *save, *value;
		const char *first = strtok_r(line, " \t", &save);
		const char *name = strtok_r(NULL, " \t", &save);

		if (!name || strcmp(first, word) != 0)
			continue;
		value = strtok_r(NULL, "", &save);
		if (!value)
			continue;
		value += strspn(value, " \t");
		int r = facts_add(facts, new_name(name), value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Names of what is built in: its paths, and its aliases ("crc32c_generic.alias=crc32c"). */
static int parse_builtin(struct modules *m)
{
	struct buf *modinfo = &m->texts[BUILTIN_MODINFO];
	char *pos = m->texts[BUILTIN].data;
	char *line;
	int r;

	while ((line = next_line(&pos, '\n'))) {
		r = facts_add(&m->builtins, new_name_of_path(line), line);
		if (r < 0)
			return r;
	}
	/* records end with a NUL; buf_add() keeps one more after the last */
	for (char *p = modinfo->data; p && p < modinfo->data + modinfo->len; p += strlen(p) + 1) {
		char *tag = strstr(p, ".alias=");

		if (!tag)
			continue;
		tag += strlen(".alias=");
		r = facts_add(&m->builtins, new_name(tag), p);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_all(struct modules *m, struct err *err)
{
	int r = parse_dep(m);

	if (r == -EBADMSG)
		return err_setf(err, r, "kernel %s: 'modules.dep' is damaged: a line without ':'",
				m->release);
	if (r >= 0)
		r = parse_facts(m, SOFTDEP, "softdep", &m->softdeps);
	if (r >= 0)
		r = parse_facts(m, ALIAS, "alias", &m->aliases);
	if (r >= 0)
		r = parse_builtin(m);
	return r < 0 ? err_nomem(err) : 0;
}

int modules_open(int root_fd, const char *release, struct modules **ret, struct err *err)
{
	cleanup_modules struct modules *m = NULL;
	int r;

	if (!*release || strchr(release, '/') || strcmp(release, ".") == 0 ||
	    strcmp(release, "..") == 0)
		return err_setf(err, -EINVAL, "'%s' is no kernel release", release);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_nomem(err);
	m->root_fd = root_fd;
	m->release = strdup(release);
	if (!m->release)
		return err_nomem(err);
	for (int i = 0; i < TEXTS; i++) {
		r = read_text(m, i, err);
		if (r < 0)
			return r;
	}
	r = parse_all(m, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

struct module *modules_find(const struct modules *m, const char *normalized)
{
	struct module key = { .name = (char *)normalized };

	if (!m->len)
		return NULL;
	return bsearch(&key, m->items, m->len, sizeof(*m->items), module_cmp);
}

const char *modules_path(const struct modules *m, const char *name)
{
	char n[MODULES_NAME_MAX];
	const struct module *mod = modules_find(m, modules_normalize(name, n));

	return mod ? mod->path : NULL;
}

bool modules_has_builtin(const struct modules *m, const char *normalized)
{
	for (size_t i = 0; i < m->builtins.len; i++)
		if (fnmatch(m->builtins.items[i].name, normalized, 0) == 0)
			return true;
	return false;
}

bool modules_is_builtin(const struct modules *m, const char *name)
{
	char n[MODULES_NAME_MAX];

	return modules_has_builtin(m, modules_normalize(name, n));
}

void modules_list_done(struct modules_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct modules_list){ 0 };
}
