#include "base-list.h"
#include "datadir.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>

#define LIST_MAX (1U << 20)

static int string_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct string_list *l)
{
	size_t n = 0;

	if (!l->len)
		return;
	qsort(l->items, l->len, sizeof(*l->items), string_order);
	for (size_t i = 0; i < l->len; i++) {
		if (n && strcmp(l->items[n - 1], l->items[i]) == 0)
			free(l->items[i]);
		else
			l->items[n++] = l->items[i];
	}
	l->len = n;
}

static int add_lines(char *text, struct string_list *ret)
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(text, "\n", &save); line && r >= 0;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, "# \t\r")] = '\0';
		if (*line)
			r = lock_list_add(ret, line);
	}
	return r;
}

int base_names_native(const struct cluster *c, struct string_list *ret, struct err *err)
{
	cleanup_free char *path = NULL, *text = NULL;
	int r;

	r = datadir_path("overlays/packages", &path, err);
	if (r >= 0)
		r = file_read_at(AT_FDCWD, path, LIST_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	r = add_lines(text, ret);
	if (r >= 0 && c->system.updates == UPDATES_SECURITY)
		r = lock_list_add(ret, "unattended-upgrades");
	for (size_t i = 0; i < c->system.packages.len && r >= 0; i++)
		r = lock_list_add(ret, c->system.packages.items[i]);
	sort_unique(ret);
	return r < 0 ? err_nomem(err) : 0;
}

int base_names_board(const struct cluster *c, const struct board *b, struct string_list *ret,
		     struct err *err)
{
	int r = base_names_native(c, ret, err);

	if (r < 0)
		return r;
	r = lock_list_add(ret, b->kernel.package);
	for (size_t i = 0; i < b->packages.len && r >= 0; i++)
		r = lock_list_add(ret, b->packages.items[i]);
	sort_unique(ret);
	return r < 0 ? err_nomem(err) : 0;
}
