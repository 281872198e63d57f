#include "yaml-go.h"

#include <string.h>

/* libyaml skips a byte order mark at the start of any line, Go takes it for text. */
int yaml_go_check_piece(const struct yaml_piece *p, struct err *err)
{
	const char *hit = memmem(p->text, p->len, "\n\xef\xbb\xbf", 4);
	yaml_mark_t mark = { 0 };

	if (!hit)
		return 0;
	for (const char *c = p->text; c <= hit; c++)
		mark.line += *c == '\n';
	return yaml_piece_failf(p, &mark, err, "a byte order mark inside a document");
}

/* "\/", which JSON and YAML 1.2 have and YAML 1.1 has not. */
static bool has_escaped_slash(struct yaml_piece *p, const yaml_event_t *e)
{
	const char *raw = yaml_piece_at(p, &e->start_mark), *end = yaml_piece_at(p, &e->end_mark);

	for (; raw + 1 < end; raw++) {
		if (*raw != '\\')
			continue;
		if (raw[1] == '/')
			return true;
		raw++;
	}
	return false;
}

int yaml_go_check_scalar(struct yaml_piece *p, const yaml_event_t *e, bool in_flow, struct err *err)
{
	const char *s = (const char *)e->data.scalar.value;

	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && in_flow && strchr(s, '?'))
		return yaml_piece_failf(p, &e->start_mark, err,
					"'?' in a plain scalar inside brackets must be quoted");
	if (e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE && strchr(s, '/') &&
	    has_escaped_slash(p, e))
		return yaml_piece_failf(p, &e->start_mark, err,
					"'\\/' is no escape for Kubernetes; write '/'");
	return 0;
}

bool yaml_go_has_bare_tag(struct yaml_piece *p, const yaml_event_t *e)
{
	const char *s = yaml_piece_at(p, &e->start_mark), *end = yaml_piece_at(p, &e->end_mark);

	if (s < end && *s == '&') {
		while (s < end && !strchr(" \t\n", *s))
			s++;
		while (s < end && strchr(" \t\n", *s))
			s++;
	}
	return s < end && *s == '!';
}
