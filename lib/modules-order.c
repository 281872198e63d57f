/* modules-order - what to load for some names, each after what it needs; see modules.h */
#include "modules-set.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

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
	struct module *mod = modules_find(w->m, name);
	bool found = false;

	if (mod)
		return place(w, mod, err);
	for (size_t i = 0; i < w->m->aliases.len; i++) {
		const struct fact *f = &w->m->aliases.items[i];
		char target[MODULES_NAME_MAX];
		int r;

		if (fnmatch(f->name, name, 0) != 0)
			continue;
		mod = modules_find(w->m, modules_normalize(f->value, target));
		if (!mod)
			continue;
		r = place(w, mod, err);
		if (r < 0)
			return r;
		found = true;
	}
	if (found)
		return 0;
	return modules_has_builtin(w->m, name) ? 1 : -ESRCH;
}

/* True if a module that is being placed right now is among the dependencies of this name's. */
static bool leads_back(const struct walk *w, const char *name)
{
	const struct module *mod = modules_find(w->m, name);

	for (const char *p = mod ? mod->deps : ""; *(p += strspn(p, " \t"));
	     p += strcspn(p, " \t")) {
		char path[PATH_MAX], dep[MODULES_NAME_MAX];
		const struct module *d;

		(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(p, " \t"), p);
		d = modules_find(w->m, modules_name_of_path(path, dep));
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
		char name[MODULES_NAME_MAX];
		int r;

		if (strcmp(p, "pre:") == 0 || strcmp(p, "post:") == 0) {
			pre = strcmp(p, "pre:") == 0;
			post = !pre;
			continue;
		}
		if (!pre && !post)
			continue;
		(void)modules_normalize(p, name);
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
		char name[MODULES_NAME_MAX];
		struct module *dep;

		if (*path) {
			dep = modules_find(w->m, modules_name_of_path(path, name));
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
		char name[MODULES_NAME_MAX];
		int r = place_name(w, modules_normalize(names[i], name), err);

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
