#include "yaml-json.h"

#include "yaml-scalar.h"
#include "yaml-tree.h"

#include <string.h>

void yaml_docs_done(struct yaml_docs *d)
{
	free(d->items);
	*d = (struct yaml_docs){ 0 };
}

static int docs_add(struct yaml_docs *d, struct kval *root)
{
	if (d->len == d->size) {
		size_t size = d->size ? d->size * 2 : 16;
		struct yaml_doc *items = reallocarray(d->items, size, sizeof(*items));

		if (!items)
			return -ENOMEM;
		d->items = items;
		d->size = size;
	}
	d->items[d->len++] = (struct yaml_doc){ root, root->line };
	return 0;
}

/* CR before LF dropped and a final newline added, as the line reader of Kubernetes does. */
static char *normalize(const char *text, size_t len, size_t *ret_len)
{
	char *copy = malloc(len + 2);
	size_t n = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len;) {
		const char *cr = memchr(text + i, '\r', len - i);
		size_t span = cr ? (size_t)(cr - text) - i : len - i;

		memcpy(copy + n, text + i, span);
		n += span;
		i += span;
		if (i < len && !(i + 1 < len && text[i + 1] == '\n'))
			copy[n++] = text[i];
		i++;
	}
	if (n > 0 && copy[n - 1] != '\n')
		copy[n++] = '\n';
	copy[n] = '\0';
	*ret_len = n;
	return copy;
}

static unsigned int count_lines(const char *from, const char *to)
{
	unsigned int n = 0;

	while (from < to && (from = memchr(from, '\n', (size_t)(to - from)))) {
		n++;
		from++;
	}
	return n;
}

/* The next line that begins with "---", or the end. */
static const char *next_separator(const char *from, const char *end, const char *text)
{
	while (from < end) {
		const char *hit = memmem(from, (size_t)(end - from), "---", 3);

		if (!hit)
			return end;
		if (hit == text || hit[-1] == '\n')
			return hit;
		hit = memchr(hit, '\n', (size_t)(end - hit));
		if (!hit)
			return end;
		/* the newline before a separator is part of the match above */
		from = hit + 1;
	}
	return end;
}

/* After "---" only blanks or a comment may stand. */
static int check_separator(const char *name, const char *sep, const char *end, unsigned int line,
			   struct err *err)
{
	const char *nl = memchr(sep, '\n', (size_t)(end - sep));
	const char *c = sep + 3;

	while (c < nl && (*c == ' ' || *c == '\t' || *c == '\r' || *c == '\v' || *c == '\f'))
		c++;
	if (c == nl || *c == '#')
		return 0;
	return err_setf(
		err, -EINVAL,
		"%s:%u:%u: text after '---'; Kubernetes splits documents at lines that begin with "
		"'---' and takes only a comment behind it",
		name, line, (unsigned int)(c - sep) + 1);
}

int yaml_docs_read(struct kval_pool *pool, const char *name, const char *text, size_t len,
		   struct yaml_docs *ret, struct err *err)
{
	cleanup_free char *copy = NULL;
	const char *at, *end;
	unsigned int line = 1;
	int r;

	if (len > YAML_FILE_MAX)
		return err_setf(err, -EFBIG, "%s: more than %u MiB", name, YAML_FILE_MAX >> 20);
	copy = normalize(text, len, &len);
	if (!copy)
		return err_nomem(err);
	at = copy;
	end = copy + len;
	while (at < end) {
		const char *sep = next_separator(at, end, copy);
		struct yaml_piece piece = { name, at, (size_t)(sep - at), line, 0, 0 };
		struct kval *root = NULL;

		r = yaml_tree_read(pool, &piece, &root, err);
		if (r < 0)
			return r;
		if (root && root->type != KVAL_NULL && docs_add(ret, root) < 0)
			return err_nomem(err);
		line += count_lines(at, sep);
		if (sep == end)
			break;
		r = check_separator(name, sep, end, line, err);
		if (r < 0)
			return r;
		at = (const char *)memchr(sep, '\n', (size_t)(end - sep)) + 1;
		line++;
	}
	return 0;
}
