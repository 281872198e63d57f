#include "yaml-piece.h"

#include <stdarg.h>

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

void yaml_piece_place(const struct yaml_piece *p, const yaml_mark_t *mark, struct kval *v)
{
	v->line = p->line + (unsigned int)mark->line;
	v->col = (unsigned int)mark->column + 1;
}

const char *yaml_piece_at(struct yaml_piece *p, const yaml_mark_t *mark)
{
	if (mark->index < p->seen_index)
		p->seen_index = p->seen_byte = 0;
	while (p->seen_index < mark->index && p->seen_byte < p->len) {
		p->seen_byte++;
		while (p->seen_byte < p->len && !begins_character(p->text[p->seen_byte]))
			p->seen_byte++;
		p->seen_index++;
	}
	return p->text + p->seen_byte;
}

int yaml_piece_fail_value(const struct yaml_piece *p, const struct kval *v, const char *what,
			  struct err *err)
{
	return err_setf(err, -EINVAL, "%s:%u:%u: %s", p->name, v->line, v->col, what);
}

int yaml_piece_failf(const struct yaml_piece *p, const yaml_mark_t *mark, struct err *err,
		     const char *fmt, ...)
{
	char what[ERR_TEXT_MAX];
	struct kval at = { 0 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	yaml_piece_place(p, mark, &at);
	return yaml_piece_fail_value(p, &at, what, err);
}

/* Not UTF-8: libyaml tells the byte, and no mark. */
static int fail_reader(const struct yaml_piece *p, const yaml_parser_t *parser, struct err *err)
{
	unsigned int line = p->line, col = 1;

	for (size_t i = 0; i < parser->problem_offset && i < p->len; i++) {
		if (p->text[i] == '\n') {
			line++;
			col = 1;
		} else if (begins_character(p->text[i])) {
			col++;
		}
	}
	return err_setf(err, -EINVAL, "%s:%u:%u: %s (0x%02x); YAML is UTF-8 text", p->name, line,
			col, parser->problem ? parser->problem : "not readable",
			(unsigned int)parser->problem_value);
}

int yaml_piece_fail_parser(const struct yaml_piece *p, const yaml_parser_t *parser, struct err *err)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return err_nomem(err);
	if (parser->error == YAML_READER_ERROR)
		return fail_reader(p, parser, err);
	return yaml_piece_failf(p, &parser->problem_mark, err, "%s%s%s",
				parser->problem ? parser->problem : "not YAML",
				parser->context ? ", " : "",
				parser->context ? parser->context : "");
}
