/* yaml-doc - build the tree from libyaml's events, refusing what strict YAML leaves out */
#include "yaml-doc.h"
#include "yaml-util.h"

#include <stdarg.h>
#include <string.h>

struct builder {
	struct diag_list *diags;
	const char *text;
	size_t len;
	struct ynode *root;
	struct ynode *stack[YAML_DEPTH_MAX];
	struct ynode *pending[YAML_DEPTH_MAX]; /* a mapping's key that waits for its value */
	unsigned int depth, nodes, documents;
};

void ynode_free(struct ynode *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->len; i++) {
		ynode_free(n->items[i]);
		if (n->keys)
			ynode_free(n->keys[i]);
	}
	free(n->items);
	free(n->keys);
	free(n->text);
	free(n);
}

const struct ynode *ynode_get(const struct ynode *n, const char *key)
{
	if (!n || n->kind != YNODE_MAP)
		return NULL;
	for (size_t i = 0; i < n->len; i++)
		if (strcmp(n->keys[i]->text, key) == 0)
			return n->items[i];
	return NULL;
}

bool ynode_is_null(const struct ynode *n)
{
	return n->kind == YNODE_SCALAR && n->plain &&
	       (n->text[0] == '\0' || strcmp(n->text, "~") == 0 ||
		strcasecmp(n->text, "null") == 0);
}

const char *ynode_what(const struct ynode *n)
{
	if (n->kind == YNODE_MAP)
		return "a mapping";
	if (n->kind == YNODE_SEQ)
		return "a list";
	if (ynode_is_null(n))
		return "nothing";
	if (n->plain && (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0))
		return "a boolean";
	if (n->plain && strspn(n->text, "0123456789") == strlen(n->text))
		return "a number";
	return "text";
}

/* Width in characters from the start mark to the end mark, or to the end of the line. */
static unsigned int event_width(const yaml_event_t *ev)
{
	if (ev->end_mark.line == ev->start_mark.line && ev->end_mark.column > ev->start_mark.column)
		return (unsigned int)(ev->end_mark.column - ev->start_mark.column);
	return 1;
}

static struct ynode *node_new(struct builder *b, const yaml_event_t *ev, enum ynode_kind kind)
{
	struct ynode *n = calloc(1, sizeof(*n));

	if (!n) {
		b->diags->nomem = true;
		return NULL;
	}
	n->kind = kind;
	n->line = (unsigned int)ev->start_mark.line + 1;
	n->col = (unsigned int)ev->start_mark.column + 1;
	n->width = kind == YNODE_SCALAR ? event_width(ev) : 1;
	return n;
}

static int event_refuse(struct builder *b, const yaml_event_t *ev, const char *msg)
{
	diag_addf(b->diags, (unsigned int)ev->start_mark.line + 1,
		  (unsigned int)ev->start_mark.column + 1, event_width(ev), "%s", msg);
	return -EINVAL;
}

/* Make room for one more item (and key). */
static int node_grow(struct builder *b, struct ynode *n)
{
	size_t size = n->size ? n->size * 2 : 8;
	struct ynode **items, **keys;

	if (n->len < n->size)
		return 0;
	items = realloc(n->items, size * sizeof(*items));
	if (items)
		n->items = items;
	keys = n->kind == YNODE_MAP ? realloc(n->keys, size * sizeof(*keys)) : NULL;
	if (keys)
		n->keys = keys;
	if (!items || (n->kind == YNODE_MAP && !keys)) {
		b->diags->nomem = true;
		return -ENOMEM;
	}
	n->size = size;
	return 0;
}

/* A scalar in the place of a mapping's key; takes the node. */
static int add_key(struct builder *b, struct ynode *map, struct ynode *key)
{
	char shown[DIAG_VALUE_MAX];

	if (key->kind != YNODE_SCALAR) {
		ynode_diagf(b->diags, key, "a key must be text, not %s", ynode_what(key));
		ynode_free(key);
		return -EINVAL;
	}
	if (key->plain && strcmp(key->text, "<<") == 0) {
		ynode_diagf(b->diags, key, "merge keys ('<<') are not allowed; write the keys out");
		ynode_free(key);
		return -EINVAL;
	}
	if (map->len >= YAML_KEYS_MAX) {
		ynode_diagf(b->diags, key, "more than %d keys in one mapping", YAML_KEYS_MAX);
		ynode_free(key);
		return -EINVAL;
	}
	for (size_t i = 0; i < map->len; i++) {
		if (strcmp(map->keys[i]->text, key->text) != 0)
			continue;
		ynode_diagf(b->diags, key, "key '%s' given twice; the first is in line %u",
			    diag_value(key->text, shown), map->keys[i]->line);
		break;
	}
	b->pending[b->depth - 1] = key;
	return 0;
}

/* Put a node where it belongs; takes it, also on failure. */
static int add_node(struct builder *b, struct ynode *n)
{
	struct ynode *parent = b->depth > 0 ? b->stack[b->depth - 1] : NULL;

	if (++b->nodes > YAML_NODES_MAX) {
		ynode_diagf(b->diags, n, "more than %d values in one file", YAML_NODES_MAX);
		ynode_free(n);
		return -EINVAL;
	}
	if (!parent) {
		b->root = n;
		return 0;
	}
	if (parent->kind == YNODE_MAP && !b->pending[b->depth - 1])
		return add_key(b, parent, n);
	if (node_grow(b, parent) < 0) {
		ynode_free(n);
		return -ENOMEM;
	}
	if (parent->kind == YNODE_MAP) {
		n->key = b->pending[b->depth - 1];
		parent->keys[parent->len] = TAKE_PTR(b->pending[b->depth - 1]);
	}
	parent->items[parent->len++] = n;
	return 0;
}

/* Escapes in double quotes can bring what the scan of the text could not see. */
static bool has_control(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((s[i] < 0x20 && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f)
			return true;
	return false;
}

static int on_scalar(struct builder *b, const yaml_event_t *ev)
{
	struct ynode *n;

	if (ev->data.scalar.anchor)
		return event_refuse(b, ev, "anchors ('&') are not allowed; write the value out");
	if (ev->data.scalar.tag)
		return event_refuse(b, ev, "tags ('!') are not allowed");
	if (has_control(ev->data.scalar.value, ev->data.scalar.length))
		return event_refuse(b, ev, "the text holds a control character (by an escape)");
	n = node_new(b, ev, YNODE_SCALAR);
	if (!n)
		return -ENOMEM;
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = strndup((const char *)ev->data.scalar.value, ev->data.scalar.length);
	if (!n->text) {
		b->diags->nomem = true;
		ynode_free(n);
		return -ENOMEM;
	}
	return add_node(b, n);
}

static int on_collection(struct builder *b, const yaml_event_t *ev, enum ynode_kind kind)
{
	const yaml_char_t *anchor =
		kind == YNODE_MAP ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
	const yaml_char_t *tag =
		kind == YNODE_MAP ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;
	struct ynode *n;
	int r;

	if (anchor)
		return event_refuse(b, ev, "anchors ('&') are not allowed; write the value out");
	if (tag)
		return event_refuse(b, ev, "tags ('!') are not allowed");
	if (b->depth >= YAML_DEPTH_MAX) {
		diag_addf(b->diags, (unsigned int)ev->start_mark.line + 1,
			  (unsigned int)ev->start_mark.column + 1, 1,
			  "more than %d levels of lists and mappings", YAML_DEPTH_MAX);
		return -EINVAL;
	}
	n = node_new(b, ev, kind);
	if (!n)
		return -ENOMEM;
	if (b->depth > 0 && b->stack[b->depth - 1]->kind == YNODE_MAP && !b->pending[b->depth - 1])
		return add_key(b, b->stack[b->depth - 1], n); /* refuses it */
	r = add_node(b, n);
	if (r < 0)
		return r;
	b->pending[b->depth] = NULL;
	b->stack[b->depth++] = n;
	return 0;
}

static int on_document(struct builder *b, const yaml_event_t *ev)
{
	if (ev->data.document_start.version_directive ||
	    ev->data.document_start.tag_directives.start !=
		    ev->data.document_start.tag_directives.end)
		return event_refuse(b, ev, "directives ('%') are not allowed");
	if (b->documents++ > 0)
		return event_refuse(b, ev, "a second document; a file holds one");
	return 0;
}

static int on_event(struct builder *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, ev);
	case YAML_ALIAS_EVENT:
		return event_refuse(b, ev, "aliases ('*') are not allowed; write the value out");
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_collection(b, ev, YNODE_SEQ);
	case YAML_MAPPING_START_EVENT:
		return on_collection(b, ev, YNODE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* The line of the text that holds mark, to look for what confuses libyaml. */
static const char *line_at(const struct builder *b, size_t line, size_t *ret_len)
{
	const char *p = b->text, *end = b->text + b->len, *nl;

	for (; line > 0 && p < end; line--) {
		nl = memchr(p, '\n', (size_t)(end - p));
		p = nl ? nl + 1 : end;
	}
	nl = memchr(p, '\n', (size_t)(end - p));
	*ret_len = (size_t)((nl ? nl : end) - p);
	return p;
}

/* libyaml's failure in our words where its own mislead. */
static int syntax_error(struct builder *b, const yaml_parser_t *p)
{
	unsigned int line = (unsigned int)p->problem_mark.line + 1;
	unsigned int col = (unsigned int)p->problem_mark.column + 1;
	size_t len, blank;
	const char *s, *problem = p->problem ? p->problem : "not readable";

	if (p->error == YAML_MEMORY_ERROR) {
		b->diags->nomem = true;
		return -ENOMEM;
	}
	s = line_at(b, p->problem_mark.line, &len);
	for (blank = 0; blank < len && (s[blank] == ' ' || s[blank] == '\t'); blank++)
		;
	if (p->error == YAML_SCANNER_ERROR && memchr(s, '\t', blank))
		diag_addf(b->diags, line,
			  (unsigned int)((const char *)memchr(s, '\t', blank) - s) + 1, 1,
			  "a tab in the indentation; YAML takes spaces only");
	else if (memmem(s, len, "::", 2) && strstr(problem, "':'"))
		diag_addf(b->diags, line, col, 1,
			  "not valid YAML: %s; IPv6 addresses stand in double quotes", problem);
	else if (p->context)
		diag_addf(b->diags, line, col, 1, "not valid YAML: %s (%s, begun in line %zu)",
			  problem, p->context, p->context_mark.line + 1);
	else
		diag_addf(b->diags, line, col, 1, "not valid YAML: %s", problem);
	return -EINVAL;
}

static int parse_events(struct builder *b)
{
	cleanup_yaml_parser yaml_parser_t parser = { 0 };
	bool done = false;

	if (!yaml_parser_initialize(&parser)) {
		b->diags->nomem = true;
		return -ENOMEM;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)b->text, b->len);
	while (!done) {
		cleanup_yaml_event yaml_event_t ev = { 0 };
		int r;

		if (!yaml_parser_parse(&parser, &ev))
			return syntax_error(b, &parser);
		r = on_event(b, &ev);
		if (r < 0)
			return r;
		done = ev.type == YAML_STREAM_END_EVENT;
	}
	return 0;
}

int yaml_doc_parse(const char *text, size_t len, struct diag_list *diags, struct ynode **ret)
{
	struct builder b = { .diags = diags };
	int r;

	if (len > YAML_BYTES_MAX) {
		diag_addf(diags, 0, 0, 0, "the file has more than %zu bytes", YAML_BYTES_MAX);
		return -EINVAL;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3, len -= 3;
	r = yaml_scan(text, len, diags);
	if (r < 0)
		return r;
	b.text = text;
	b.len = len;
	r = parse_events(&b);
	if (r >= 0 && (!b.root || ynode_is_null(b.root))) {
		diag_addf(diags, 1, 1, 0, "the file is empty");
		r = -EINVAL;
	}
	if (r < 0) {
		for (unsigned int i = 0; i < b.depth; i++)
			ynode_free(b.pending[i]);
		ynode_free(b.root);
		return r;
	}
	*ret = b.root;
	return 0;
}
