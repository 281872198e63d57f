/* diag - collect, sort and show mistakes with their place */
#include "diag.h"

#include "buf.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#define SHOWN_MAX 120 /* characters of a source line that are shown at once */
#define TEXT_MAX 2000 /* bytes of one message */
#define HIDDEN_MAX 10000

void diag_list_done(struct diag_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i].msg);
	free(l->items);
	free(l->hidden);
	free(l->path);
	free(l->source);
	*l = (struct diag_list){ 0 };
}

int diag_list_begin(struct diag_list *l, const char *path, const char *source, size_t source_len)
{
	diag_list_done(l);
	l->path = strdup(path);
	l->source = malloc(source_len + 1);
	if (!l->path || !l->source)
		return -ENOMEM;
	if (source_len > 0)
		memcpy(l->source, source, source_len);
	l->source[source_len] = '\0';
	l->source_len = source_len;
	return 0;
}

static int nomem(struct diag_list *l)
{
	l->nomem = true;
	return -ENOMEM;
}

int diag_addf(struct diag_list *l, unsigned int line, unsigned int col, unsigned int width,
	      const char *fmt, ...)
{
	cleanup_buf struct buf b = BUF_INIT(TEXT_MAX);
	va_list ap;

	if (l->len >= DIAG_MAX) {
		l->dropped++;
		return 0;
	}
	if (l->len == l->size) {
		size_t size = l->size ? l->size * 2 : 16;
		struct diag *items = realloc(l->items, size * sizeof(*items));

		if (!items)
			return nomem(l);
		l->items = items;
		l->size = size;
	}
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (buf_error(&b) == -ENOMEM)
		return nomem(l);
	if (buf_error(&b) < 0) { /* longer than any message of ours: a name of the file in it */
		buf_clear(&b);
		buf_adds(&b, "a mistake whose text is too long to be shown");
	}
	for (size_t i = 0; i < b.len; i++) /* a key may hold a tab or a line feed */
		if ((unsigned char)b.data[i] < 0x20 || b.data[i] == 0x7f)
			b.data[i] = '?';
	l->items[l->len] = (struct diag){ line, col, width, buf_steal(&b, NULL) };
	if (!l->items[l->len].msg)
		return nomem(l);
	l->len++;
	return 0;
}

void diag_hide(struct diag_list *l, unsigned int line, unsigned int col, unsigned int width)
{
	if (l->hidden_len == l->hidden_size) {
		size_t size = l->hidden_size ? l->hidden_size * 2 : 16;
		struct diag_hidden *h =
			size > HIDDEN_MAX ? NULL : realloc(l->hidden, size * sizeof(*h));

		if (!h) {
			l->nomem = true;
			return;
		}
		l->hidden = h;
		l->hidden_size = size;
	}
	l->hidden[l->hidden_len++] = (struct diag_hidden){ line, col, width };
}

/* Insertion sort: stable, and the lists are short (DIAG_MAX). */
void diag_sort(struct diag_list *l)
{
	for (size_t i = 1; i < l->len; i++) {
		struct diag d = l->items[i];
		size_t k = i;

		for (; k > 0; k--) {
			const struct diag *p = &l->items[k - 1];

			if (p->line < d.line || (p->line == d.line && p->col <= d.col))
				break;
			l->items[k] = *p;
		}
		l->items[k] = d;
	}
}

const char *diag_value(const char *text, char dst[static DIAG_VALUE_MAX])
{
	size_t len = strlen(text), n = 0, chars = 0;

	if (mask_is_secret(text, len)) {
		memcpy(dst, "<hidden>", sizeof("<hidden>"));
		return dst;
	}
	for (size_t i = 0; i < len && n + 8 < DIAG_VALUE_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c & 0xc0) != 0x80 && ++chars > 60) {
			memcpy(dst + n, "...", 3);
			n += 3;
			break;
		}
		dst[n++] = c < 0x20 || c == 0x7f ? '?' : text[i];
	}
	dst[n] = '\0';
	return dst;
}

/* A line of the source, ready to be shown: one entry per character. */
struct shown {
	const char **at; /* the character's bytes; NULL: shown as U+FFFD */
	unsigned char *bytes, *width;
	bool *hide;
	size_t len;
};

static void shown_done(struct shown *s)
{
	free(s->at);
	free(s->bytes);
	free(s->width);
	free(s->hide);
}

static const char *find_line(const struct diag_list *l, unsigned int line, size_t *ret_len,
			     bool *pem)
{
	const char *p = l->source, *end = l->source + l->source_len;

	if (l->source_len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	*pem = false;
	for (unsigned int i = 1; p <= end; i++) {
		const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		size_t len = (size_t)((nl ? nl : end) - p);

		if (i == line) {
			*ret_len = len > 0 && p[len - 1] == '\r' ? len - 1 : len;
			return p;
		}
		if (memmem(p, len, "-----BEGIN", 10) && memmem(p, len, "PRIVATE KEY", 11))
			*pem = true;
		else if (memmem(p, len, "-----END", 8))
			*pem = false;
		if (!nl)
			break;
		p = nl + 1;
	}
	return NULL;
}

/* Invisible characters that change how the rest of a line is shown. */
static bool turns_text(wchar_t wc)
{
	return wc == 0xfeff || (wc >= 0x200b && wc <= 0x200f) || (wc >= 0x2028 && wc <= 0x202e) ||
	       (wc >= 0x2060 && wc <= 0x206f);
}

/* Split a line into characters; invalid bytes and control characters count one each. */
static int shown_split(struct shown *s, const char *line, size_t len, const bool *hide)
{
	mbstate_t state = { 0 };

	s->at = calloc(len + 1, sizeof(*s->at));
	s->bytes = calloc(len + 1, 1);
	s->width = calloc(len + 1, 1);
	s->hide = calloc(len + 1, sizeof(*s->hide));
	if (!s->at || !s->bytes || !s->width || !s->hide)
		return -ENOMEM;
	for (size_t i = 0; i < len;) {
		wchar_t wc = 0;
		size_t n = mbrtowc(&wc, line + i, len - i, &state);
		int w = n == 0 || n > 4 || turns_text(wc) ? -1 : wcwidth(wc);

		if (n == 0 || n > 4) { /* NUL or invalid: one byte */
			state = (mbstate_t){ 0 };
			n = 1;
		}
		s->at[s->len] = w < 0 ? NULL : line + i;
		s->bytes[s->len] = (unsigned char)n;
		s->width[s->len] = w < 0 ? 1 : (unsigned char)w;
		if (line[i] == '\t') {
			s->at[s->len] = " ";
			s->bytes[s->len] = 1;
		}
		s->hide[s->len++] = hide[i];
		i += n;
	}
	return 0;
}

static void hide_named(const struct diag_list *l, unsigned int line, struct shown *s)
{
	for (size_t i = 0; i < l->hidden_len; i++) {
		const struct diag_hidden *h = &l->hidden[i];

		for (size_t c = h->col; h->line == line && c < h->col + h->width && c <= s->len;
		     c++)
			s->hide[c - 1] = true;
	}
}

struct shown_range {
	const struct shown *s;
	const struct diag *d;
	size_t from, to; /* characters of the line that are shown */
	struct buf *text, *caret;
	bool marked;
};

static bool is_marked(const struct diag *d, size_t i)
{
	return i + 1 >= d->col && i + 1 < d->col + d->width;
}

static void show(struct shown_range *x, const char *out, size_t bytes, size_t cells, bool mark)
{
	buf_add(x->text, out, bytes);
	for (size_t k = 0; k < cells; k++) {
		buf_addc(x->caret, !mark ? ' ' : x->marked ? '~' : '^');
		x->marked |= mark;
	}
}

/* A run of hidden characters, once: where it begins. */
static void show_hidden(struct shown_range *x, size_t i)
{
	static const char out[] = "<hidden>";
	bool mark = false;

	if (i > x->from && x->s->hide[i - 1])
		return;
	for (size_t k = i; k < x->to && x->s->hide[k]; k++)
		mark |= is_marked(x->d, k);
	show(x, out, sizeof(out) - 1, sizeof(out) - 1, mark);
}

/* The place is behind all that is shown: the end of the line. */
static void mark_end(struct shown_range *x)
{
	for (size_t i = x->s->len + 1; i < x->d->col && i < x->from + SHOWN_MAX; i++)
		buf_addc(x->caret, ' ');
	buf_addc(x->caret, '^');
}

/* A part of the line, and below it the caret line; <hidden> stands for a hidden run. */
static void shown_render(const struct shown *s, const struct diag *d, struct buf *text,
			 struct buf *caret)
{
	size_t from = d->col > SHOWN_MAX * 3 / 4 ? d->col - SHOWN_MAX / 2 : 0;
	struct shown_range x = {
		.s = s,
		.d = d,
		.from = from,
		.to = s->len - from > SHOWN_MAX ? from + SHOWN_MAX : s->len,
		.text = text,
		.caret = caret,
	};

	if (from > 0) {
		buf_adds(text, "...");
		buf_adds(caret, "   ");
	}
	for (size_t i = from; i < x.to; i++) {
		if (s->hide[i])
			show_hidden(&x, i);
		else if (s->at[i])
			show(&x, s->at[i], s->bytes[i], s->width[i], is_marked(d, i));
		else
			show(&x, "\xef\xbf\xbd", 3, s->width[i], is_marked(d, i));
	}
	if (x.to < s->len)
		buf_adds(text, "...");
	if (!x.marked)
		mark_end(&x);
	while (caret->len > 0 && caret->data[caret->len - 1] == ' ')
		caret->data[--caret->len] = '\0';
}

static void print_source(const struct diag_list *l, const struct diag *d, FILE *out)
{
	CLEANUP(shown_done) struct shown s = { 0 };
	cleanup_buf struct buf text = BUF_INIT(1 << 16), caret = BUF_INIT(1 << 16);
	cleanup_free bool *hide = NULL;
	bool pem;
	size_t len = 0;
	const char *line = l->source && d->width > 0 ? find_line(l, d->line, &len, &pem) : NULL;

	if (!line)
		return;
	hide = calloc(len + 1, sizeof(*hide));
	if (!hide)
		return;
	mask_line(line, len, hide, &pem);
	if (shown_split(&s, line, len, hide) < 0)
		return;
	hide_named(l, d->line, &s);
	shown_render(&s, d, &text, &caret);
	if (buf_error(&text) < 0 || buf_error(&caret) < 0)
		return;
	fprintf(out, "%5u | %s\n      | %s\n", d->line, buf_str(&text), buf_str(&caret));
}

void diag_print(const struct diag_list *l, FILE *out)
{
	for (size_t i = 0; i < l->len; i++) {
		const struct diag *d = &l->items[i];

		if (d->line > 0)
			fprintf(out, "%s:%u:%u: %s\n", l->path, d->line, d->col, d->msg);
		else
			fprintf(out, "%s: %s\n", l->path, d->msg);
		print_source(l, d, out);
	}
	if (l->dropped)
		fprintf(out, "%s: %zu more mistakes are not shown\n", l->path, l->dropped);
}

int diag_print_json(const struct diag_list *l, FILE *out)
{
	json_t *list = json_array(), *doc;
	int r = 0;

	for (size_t i = 0; i < l->len; i++) {
		const struct diag *d = &l->items[i];

		if (json_array_append_new(list, json_pack("{s:i s:i s:i s:s}", "line", (int)d->line,
							  "column", (int)d->col, "width",
							  (int)d->width, "message", d->msg)) < 0)
			r = -ENOMEM;
	}
	doc = json_pack("{s:o s:b s:o s:I}", "file", json_string(l->path) ?: json_string("?"), "ok",
			l->len == 0, "errors", list, "more", (json_int_t)l->dropped);
	if (!doc || r < 0 || json_dumpf(doc, out, JSON_COMPACT) < 0)
		r = -ENOMEM;
	else
		fputc('\n', out);
	json_decref(doc);
	return r;
}
