#include "modules.h"

#include "archive-util.h"
#include "buf.h"
#include "file.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#define INDEX_MAX (64U << 20)  /* bytes of one modules.* file; modules.alias has about 2 MB */
#define MODULE_MAX (64U << 20) /* bytes of one module, unpacked; the largest have about 20 MB */
#define NAME_MAX_LEN 256
#define CHUNK (64U << 10)

struct module {
	char *name;	  /* owned; "-" is "_" */
	const char *path; /* into the text of modules.dep */
	const char *deps; /* the same: paths with blanks between, the innermost last */
};

/* One fact about a name: an alias (pattern, module) or a soft dependency (module, words). */
struct fact {
	char *name;	   /* owned; normalized */
	const char *value; /* into a text */
};
struct facts {
	struct fact *items;
	size_t len, size;
};

enum { DEP, SOFTDEP, ALIAS, BUILTIN, BUILTIN_MODINFO, TEXTS };
static const char *const text_names[TEXTS] = {
	[DEP] = "modules.dep",
	[SOFTDEP] = "modules.softdep",
	[ALIAS] = "modules.alias",
	[BUILTIN] = "modules.builtin",
	[BUILTIN_MODINFO] = "modules.builtin.modinfo",
};

struct modules {
	int root_fd;		 /* borrowed */
	char *release;		 /* owned */
	struct buf texts[TEXTS]; /* cut at line ends; everything else points into them */
	struct module *items;	 /* owned, sorted by name */
	size_t len, size;
	struct facts softdeps, aliases, builtins;
};

/* "-" and "_" are the same, but inside of a pattern's [...] (as kmod does). */
static char *normalize(const char *s, size_t len)
{
	char *name = strndup(s, len);
	bool in_set = false;

	for (char *p = name; p && *p; p++) {
		if (*p == '[')
			in_set = true;
		else if (*p == ']')
			in_set = false;
		else if (*p == '-' && !in_set)
			*p = '_';
	}
	return name;
}

/* "kernel/fs/fat/vfat.ko.xz" is vfat */
static char *name_of_path(const char *path)
{
	const char *base = strrchr(path, '/');
	const char *end;

	base = base ? base + 1 : path;
	end = strstr(base, ".ko");
	return normalize(base, end ? (size_t)(end - base) : strlen(base));
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

static int open_file(const struct modules *m, const char *rel, int *ret, struct err *err)
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

	r = open_file(m, text_names[which], &fd, err);
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
		m->items[m->len] = (struct module){ name_of_path(line), line, colon + 1 };
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
		int r = facts_add(facts, normalize(name, strlen(name)), value);

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
		r = facts_add(&m->builtins, name_of_path(line), line);
		if (r < 0)
			return r;
	}
	/* records end with a NUL; buf_add() keeps one more after the last */
	for (char *p = modinfo->data; p && p < modinfo->data + modinfo->len; p += strlen(p) + 1) {
		char *tag = strstr(p, ".alias=");

		if (!tag)
			continue;
		tag += strlen(".alias=");
		r = facts_add(&m->builtins, normalize(tag, strlen(tag)), p);
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

static struct module *find(const struct modules *m, const char *normalized)
{
	struct module key = { .name = (char *)normalized };

	if (!m->len)
		return NULL;
	return bsearch(&key, m->items, m->len, sizeof(*m->items), module_cmp);
}

const char *modules_path(const struct modules *m, const char *name)
{
	cleanup_free char *n = normalize(name, strlen(name));
	const struct module *mod = n ? find(m, n) : NULL;

	return mod ? mod->path : NULL;
}

static bool is_builtin(const struct modules *m, const char *normalized)
{
	for (size_t i = 0; i < m->builtins.len; i++)
		if (fnmatch(m->builtins.items[i].name, normalized, 0) == 0)
			return true;
	return false;
}

bool modules_is_builtin(const struct modules *m, const char *name)
{
	cleanup_free char *n = normalize(name, strlen(name));

	return n && is_builtin(m, n);
}

/* ---- the order ---- */

struct walk {
	const struct modules *m;
	unsigned char *state; /* of each module */
	struct modules_list order, missing;
};
enum { UNSEEN, OPEN, PLACED };
enum pass { BEFORE, AFTER };

static int list_add(struct modules_list *l, const char *s)
{
	char **items = reallocarray(l->items, l->len + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	l->items = items;
	l->items[l->len] = strdup(s);
	return l->items[l->len] ? (l->len++, 0) : -ENOMEM;
}

static int place(struct walk *w, struct module *mod, struct err *err);

/* Calls place() for a module, for all that an alias stands for; 1: it is built in, -ESRCH: none. */
static int place_name(struct walk *w, const char *name, struct err *err)
{
	struct module *mod = find(w->m, name);
	bool found = false;

	if (mod)
		return place(w, mod, err);
	for (size_t i = 0; i < w->m->aliases.len; i++) {
		const struct fact *f = &w->m->aliases.items[i];
		cleanup_free char *target = NULL;
		int r;

		if (fnmatch(f->name, name, 0) != 0)
			continue;
		target = normalize(f->value, strlen(f->value));
		if (!target)
			return err_nomem(err);
		mod = find(w->m, target);
		if (!mod)
			continue;
		r = place(w, mod, err);
		if (r < 0)
			return r;
		found = true;
	}
	if (found)
		return 0;
	return is_builtin(w->m, name) ? 1 : -ESRCH;
}

/* True if a module that is being placed right now is among the dependencies of this name's. */
static bool leads_back(const struct walk *w, const char *name)
{
	const struct module *mod = find(w->m, name);
	cleanup_free char *deps = mod ? strdup(mod->deps) : NULL;
	char *save = NULL;

	for (char *p = deps ? strtok_r(deps, " \t", &save) : NULL; p;
	     p = strtok_r(NULL, " \t", &save)) {
		cleanup_free char *dep = name_of_path(p);
		const struct module *d = dep ? find(w->m, dep) : NULL;

		if (d && w->state[d - w->m->items] == OPEN)
			return true;
	}
	return false;
}

/* A soft dependency may be missing: modprobe ignores that too. */
static int place_soft_name(struct walk *w, const char *word, const char *name, struct err *err)
{
	int r = place_name(w, name, err);

	if (r != -ESRCH)
		return r;
	for (size_t i = 0; i < w->missing.len; i++)
		if (strcmp(w->missing.items[i], word) == 0)
			return 0;
	return list_add(&w->missing, word) < 0 ? err_nomem(err) : 0;
}

/* The words of one line: "pre: a b post: c"; words before a kind are not dependencies. */
static int place_soft_line(struct walk *w, const char *line, enum pass pass, struct err *err)
{
	cleanup_free char *words = strdup(line);
	bool pre = false, post = false;
	char *save = NULL;

	if (!words)
		return err_nomem(err);
	for (char *p = strtok_r(words, " \t", &save); p; p = strtok_r(NULL, " \t", &save)) {
		cleanup_free char *name = normalize(p, strlen(p));
		int r;

		if (!name)
			return err_nomem(err);
		if (strcmp(p, "pre:") == 0 || strcmp(p, "post:") == 0) {
			pre = strcmp(p, "pre:") == 0;
			post = !pre;
			continue;
		}
		if (!pre && !post)
			continue;
		if (pass == BEFORE && (post || leads_back(w, name)))
			continue;
		r = place_soft_name(w, p, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Soft dependencies: before the module the ones of the kind "pre", after it the others, and
 * those "pre" ones that need the module itself.
 */
static int place_soft(struct walk *w, const struct module *mod, enum pass pass, struct err *err)
{
	for (size_t i = 0; i < w->m->softdeps.len; i++) {
		const struct fact *f = &w->m->softdeps.items[i];
		int r;

		if (strcmp(f->name, mod->name) != 0)
			continue;
		r = place_soft_line(w, f->value, pass, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int place_deps(struct walk *w, const struct module *mod, struct err *err)
{
	cleanup_free char *deps = strdup(mod->deps);
	char *p;

	if (!deps)
		return err_nomem(err);
	while ((p = strrchr(deps, ' ')) || *deps) { /* the innermost stands last */
		const char *path = p ? p + 1 : deps;
		cleanup_free char *name = NULL;
		struct module *dep;

		if (*path) {
			name = name_of_path(path);
			dep = name ? find(w->m, name) : NULL;
			if (!dep)
				return err_setf(
					err, -ENOENT,
					"kernel %s: module '%s' needs '%s', which is not there",
					w->m->release, mod->name, path);
			int r = place(w, dep, err);

			if (r < 0)
				return r;
		}
		if (!p)
			break;
		*p = '\0';
	}
	return 0;
}

static int place(struct walk *w, struct module *mod, struct err *err)
{
	unsigned char *state = &w->state[mod - w->m->items];
	int r;

	if (*state != UNSEEN)
		return 0;
	*state = OPEN;
	r = place_soft(w, mod, BEFORE, err);
	if (r >= 0)
		r = place_deps(w, mod, err);
	if (r < 0)
		return r;
	if (list_add(&w->order, mod->path) < 0)
		return err_nomem(err);
	*state = PLACED;
	return place_soft(w, mod, AFTER, err);
}

static int resolve_into(struct walk *w, char *const *names, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		cleanup_free char *name = normalize(names[i], strlen(names[i]));
		int r;

		if (!name)
			return err_nomem(err);
		r = place_name(w, name, err);
		if (r == -ESRCH)
			return err_setf(err, -ENOENT,
					"kernel %s has no module '%s': not as a file, not built "
					"in, no alias",
					w->m->release, names[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int modules_resolve(const struct modules *m, char *const *names, size_t len,
		    struct modules_list *ret, struct modules_list *ret_missing_soft,
		    struct err *err)
{
	cleanup_free unsigned char *state = calloc(m->len ? m->len : 1, 1);
	struct walk w = { .m = m, .state = state };
	int r;

	if (!state)
		return err_nomem(err);
	r = resolve_into(&w, names, len, err);
	if (r < 0) {
		modules_list_done(&w.order);
		modules_list_done(&w.missing);
		return r;
	}
	*ret = w.order;
	if (ret_missing_soft)
		*ret_missing_soft = w.missing;
	else
		modules_list_done(&w.missing);
	return 0;
}

void modules_list_done(struct modules_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct modules_list){ 0 };
}

/* ---- contents ---- */

static int read_archive(struct archive *a, const char *path, struct buf *b, struct err *err)
{
	cleanup_free char *chunk = malloc(CHUNK);
	struct archive_entry *entry;
	la_ssize_t n;

	if (!chunk)
		return err_nomem(err);
	if (archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return err_archive(err, a, "cannot unpack module '%s'", path);
	while ((n = archive_read_data(a, chunk, CHUNK)) > 0)
		(void)buf_add(b, chunk, (size_t)n);
	if (n < 0)
		return err_archive(err, a, "cannot unpack module '%s'", path);
	if (buf_error(b) == -E2BIG)
		return err_setf(err, -E2BIG, "module '%s' is above %u MiB", path, MODULE_MAX >> 20);
	if (buf_error(b) < 0)
		return err_nomem(err);
	if (b->len < 4 || memcmp(b->data, "\177ELF", 4) != 0)
		return err_setf(err, -ENOEXEC, "module '%s' is damaged: no ELF file inside", path);
	return 0;
}

int modules_read(const struct modules *m, const char *path, char **ret, size_t *ret_len,
		 struct err *err)
{
	cleanup_archive_read struct archive *a = NULL;
	cleanup_buf struct buf b = BUF_INIT(MODULE_MAX);
	cleanup_close int fd = -EBADF;
	int r;

	r = open_file(m, path, &fd, err);
	if (r < 0)
		return r;
	a = archive_read_new();
	if (!a)
		return err_nomem(err);
	if (archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK)
		return err_archive(err, a, "cannot unpack module '%s'", path);
	r = read_archive(a, path, &b, err);
	if (r < 0)
		return r;
	*ret = buf_steal(&b, ret_len);
	return *ret ? 0 : err_nomem(err);
}
