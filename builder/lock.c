#include "lock.h"

#include <string.h>

static void *grow(void *items, size_t len, size_t item_bytes)
{
	if (len & (len - 1)) /* room doubles at each power of two */
		return items;
	return reallocarray(items, len ? 2 * len : 1, item_bytes);
}

static void package_done(struct lock_package *p)
{
	free(p->name);
	free(p->version);
	free(p->arch);
	free(p->url);
	free(p->sha256);
}

static void set_done(struct lock_set *s)
{
	free(s->board);
	free(s->arch);
	lock_list_done(&s->names);
	lock_list_done(&s->packages);
}

static void file_done(struct lock_file *f)
{
	free(f->name);
	free(f->version);
	free(f->arch);
	free(f->url);
	free(f->sha256);
}

void lock_image_done(struct lock_image *i)
{
	for (size_t k = 0; k < i->platforms_len; k++) {
		free(i->platforms[k].arch);
		free(i->platforms[k].sha256);
	}
	free(i->platforms);
	free(i->name);
	free(i->sha256);
	*i = (struct lock_image){ 0 };
}

void lock_done(struct lock *l)
{
	for (size_t i = 0; i < l->packages_len; i++)
		package_done(&l->packages[i]);
	for (size_t i = 0; i < l->sets_len; i++)
		set_done(&l->sets[i]);
	for (size_t i = 0; i < l->files_len; i++)
		file_done(&l->files[i]);
	free(l->mirror);
	free(l->security_mirror);
	for (size_t i = 0; i < l->images_len; i++)
		lock_image_done(&l->images[i]);
	free(l->packages);
	free(l->sets);
	free(l->files);
	free(l->images);
	*l = (struct lock){ 0 };
}

char *lock_package_id(const struct lock_package *p)
{
	char *id;

	return asprintf(&id, "%s_%s_%s", p->name, p->version, p->arch) < 0 ? NULL : id;
}

static int id_cmp(const struct lock_package *p, const char *id)
{
	cleanup_free char *own = lock_package_id(p);

	return own ? strcmp(own, id) : -1;
}

const struct lock_package *lock_find(const struct lock *l, const char *id)
{
	size_t name_len = strcspn(id, "_");

	for (size_t i = 0; i < l->packages_len; i++) {
		const struct lock_package *p = &l->packages[i];

		if (strncmp(p->name, id, name_len) == 0 && id_cmp(p, id) == 0)
			return p;
	}
	return NULL;
}

const struct lock_set *lock_set(const struct lock *l, const char *board, const char *arch)
{
	for (size_t i = 0; i < l->sets_len; i++)
		if (strcmp(l->sets[i].board, board) == 0 && strcmp(l->sets[i].arch, arch) == 0)
			return &l->sets[i];
	return NULL;
}

const struct lock_file *lock_file(const struct lock *l, const char *name, const char *arch)
{
	for (size_t i = 0; i < l->files_len; i++)
		if (strcmp(l->files[i].name, name) == 0 && strcmp(l->files[i].arch, arch) == 0)
			return &l->files[i];
	return NULL;
}

const struct lock_image *lock_image(const struct lock *l, const char *name)
{
	for (size_t i = 0; i < l->images_len; i++)
		if (strcmp(l->images[i].name, name) == 0)
			return &l->images[i];
	return NULL;
}

const struct lock_platform *lock_platform(const struct lock_image *i, const char *arch)
{
	for (size_t k = 0; k < i->platforms_len; k++)
		if (strcmp(i->platforms[k].arch, arch) == 0)
			return &i->platforms[k];
	return NULL;
}

int lock_add_package(struct lock *l, const struct lock_package *p)
{
	cleanup_free char *id = lock_package_id(p);
	struct lock_package *all;

	if (!id)
		return -ENOMEM;
	if (lock_find(l, id))
		return 0;
	all = grow(l->packages, l->packages_len, sizeof(*all));
	if (!all)
		return -ENOMEM;
	l->packages = all;
	all += l->packages_len++;
	*all = (struct lock_package){ strdup(p->name), strdup(p->version), strdup(p->arch),
				      strdup(p->url),  strdup(p->sha256),  p->size_bytes };
	return all->name && all->version && all->arch && all->url && all->sha256 ? 0 : -ENOMEM;
}

static int copy_list(struct string_list *to, const struct string_list *from)
{
	int r = 0;

	for (size_t i = 0; i < from->len && r >= 0; i++)
		r = lock_list_add(to, from->items[i]);
	return r;
}

int lock_add_set(struct lock *l, const struct lock_set *s)
{
	struct lock_set *all = grow(l->sets, l->sets_len, sizeof(*all));

	if (!all)
		return -ENOMEM;
	l->sets = all;
	all += l->sets_len++;
	*all = (struct lock_set){ .board = strdup(s->board), .arch = strdup(s->arch) };
	if (!all->board || !all->arch || copy_list(&all->names, &s->names) < 0)
		return -ENOMEM;
	return copy_list(&all->packages, &s->packages);
}

int lock_add_file(struct lock *l, const struct lock_file *f)
{
	struct lock_file *all = grow(l->files, l->files_len, sizeof(*all));

	if (!all)
		return -ENOMEM;
	l->files = all;
	all += l->files_len++;
	*all = (struct lock_file){ strdup(f->name), strdup(f->version), strdup(f->arch),
				   strdup(f->url), strdup(f->sha256) };
	return all->name && all->version && all->arch && all->url && all->sha256 ? 0 : -ENOMEM;
}

int lock_set_mirrors(struct lock *l, const char *mirror, const char *security_mirror)
{
	cleanup_free char *a = mirror ? strdup(mirror) : NULL;
	cleanup_free char *b = security_mirror ? strdup(security_mirror) : NULL;

	if ((mirror && !a) || (security_mirror && !b))
		return -ENOMEM;
	free(l->mirror);
	free(l->security_mirror);
	l->mirror = TAKE_PTR(a);
	l->security_mirror = TAKE_PTR(b);
	return 0;
}

int lock_add_image(struct lock *l, const struct lock_image *i)
{
	struct lock_image *all = grow(l->images, l->images_len, sizeof(*all));
	bool ok;

	if (!all)
		return -ENOMEM;
	l->images = all;
	all += l->images_len++;
	*all = (struct lock_image){ .name = strdup(i->name),
				    .sha256 = strdup(i->sha256),
				    .size_bytes = i->size_bytes };
	all->platforms = calloc(i->platforms_len + 1, sizeof(*all->platforms));
	ok = all->name && all->sha256 && all->platforms;
	for (size_t k = 0; ok && k < i->platforms_len; k++) {
		const struct lock_platform *p = &i->platforms[k];

		all->platforms[all->platforms_len++] =
			(struct lock_platform){ strdup(p->arch), strdup(p->sha256), p->size_bytes };
		ok = all->platforms[k].arch && all->platforms[k].sha256;
	}
	return ok ? 0 : -ENOMEM;
}

static int package_order(const void *a, const void *b)
{
	const struct lock_package *p = a, *q = b;
	int r = strcmp(p->name, q->name);

	if (r == 0)
		r = strcmp(p->arch, q->arch);
	return r ? r : strcmp(p->version, q->version);
}

static int set_order(const void *a, const void *b)
{
	const struct lock_set *p = a, *q = b;
	int r = strcmp(p->board, q->board);

	return r ? r : strcmp(p->arch, q->arch);
}

static int file_order(const void *a, const void *b)
{
	const struct lock_file *p = a, *q = b;
	int r = strcmp(p->name, q->name);

	return r ? r : strcmp(p->arch, q->arch);
}

static int image_order(const void *a, const void *b)
{
	const struct lock_image *p = a, *q = b;

	return strcmp(p->name, q->name);
}

static int platform_order(const void *a, const void *b)
{
	const struct lock_platform *p = a, *q = b;

	return strcmp(p->arch, q->arch);
}

static int string_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void lock_sort(struct lock *l)
{
	if (l->packages_len)
		qsort(l->packages, l->packages_len, sizeof(*l->packages), package_order);
	if (l->sets_len)
		qsort(l->sets, l->sets_len, sizeof(*l->sets), set_order);
	if (l->files_len)
		qsort(l->files, l->files_len, sizeof(*l->files), file_order);
	if (l->images_len)
		qsort(l->images, l->images_len, sizeof(*l->images), image_order);
	for (size_t i = 0; i < l->images_len; i++)
		if (l->images[i].platforms_len)
			qsort(l->images[i].platforms, l->images[i].platforms_len,
			      sizeof(*l->images[i].platforms), platform_order);
	for (size_t i = 0; i < l->sets_len; i++)
		if (l->sets[i].packages.len)
			qsort(l->sets[i].packages.items, l->sets[i].packages.len, sizeof(char *),
			      string_order);
}

int lock_list_add(struct string_list *l, const char *s)
{
	char **items = grow(l->items, l->len, sizeof(*items));

	if (!items)
		return -ENOMEM;
	l->items = items;
	items[l->len] = strdup(s);
	if (!items[l->len])
		return -ENOMEM;
	l->len++;
	return 0;
}

void lock_list_done(struct string_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
	free(l->pos);
	*l = (struct string_list){ 0 };
}
