#include "status-show.h"

#include "clock.h"
#include "json.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#define LINE_ROOM 512
#define BAR 12u

void status_show_init(struct status_show *s, FILE *out)
{
	*s = (struct status_show){ .out = out,
				   .terminal = isatty(fileno(out)) == 1,
				   .started_ms = clock_ms() };
}

void status_show_done(struct status_show *s)
{
	for (size_t i = 0; i < s->last_len; i++)
		free(s->last[i]);
	free(s->last);
	*s = (struct status_show){ 0 };
}

static const char *clean(const char *text, char *dst, size_t size)
{
	size_t n = 0;

	for (; text && *text && n + 1 < size; text++)
		dst[n++] = iscntrl((unsigned char)*text) ? ' ' : *text;
	dst[n] = '\0';
	return dst;
}

/* The first step that is not through: what a person wants to know. */
static const struct status_step *current_step(const struct status_json *s, unsigned int *ret_done)
{
	const struct status_step *now = NULL;

	*ret_done = 0;
	for (size_t i = 0; i < s->steps.len; i++) {
		const struct status_step *p = &s->steps.items[i];

		*ret_done += p->state == STEP_DONE;
		if (!now && p->state != STEP_DONE && p->state != STEP_PENDING)
			now = p;
	}
	return now;
}

static bool settled(enum component_state s)
{
	return s == COMPONENT_READY || s == COMPONENT_HANDED_OVER;
}

/* Who applies them knows them; of several the one that wrote last. */
static const struct status_json *components_of(const struct status_ask *a)
{
	const struct status_json *best = NULL;
	size_t len;
	const struct status_node *n = status_ask_nodes(a, &len);

	for (size_t i = 0; i < len; i++)
		if (n[i].known && n[i].status.components.len > 0 &&
		    (!best || n[i].status.updated_at > best->updated_at))
			best = &n[i].status;
	return best;
}

void status_show_summary(const struct status_ask *a, char *dst, size_t size)
{
	const struct status_json *s = components_of(a);
	size_t len, up = 0, there = 0;
	const struct status_node *n = status_ask_nodes(a, &len);
	int k;

	for (size_t i = 0; i < len; i++)
		up += status_node_up(&n[i]);
	k = snprintf(dst, size, "%zu of %zu nodes %s up", up, len, up == 1 ? "is" : "are");
	for (size_t i = 0; s && i < s->components.len; i++)
		there += settled(s->components.items[i].state);
	if (s && k > 0 && (size_t)k < size)
		(void)snprintf(dst + k, size - (size_t)k, ", %zu of %zu components", there,
			       s->components.len);
}

static void bar(char *dst, unsigned int done, unsigned int all)
{
	unsigned int n = all ? done * BAR / all : 0;

	for (unsigned int i = 0; i < BAR; i++)
		dst[i] = i < n ? '#' : '.';
	dst[BAR] = '\0';
}

static void node_line(const struct status_node *n, char *dst, size_t size)
{
	char reason[300], meter[BAR + 1];
	const struct status_step *now;
	unsigned int done;

	if (!n->known) {
		bar(meter, 0, 1);
		(void)snprintf(dst, size, "%s        not heard of yet%s%s", meter,
			       n->problem[0] ? ": " : "", n->problem);
		return;
	}
	now = current_step(&n->status, &done);
	bar(meter, done, (unsigned int)n->status.steps.len);
	if (clock_wall_s() >= n->status.updated_at + STATUS_STALE_S)
		(void)snprintf(dst, size, "%s %2u/%-2zu  silent for %llu s", meter, done,
			       n->status.steps.len,
			       (unsigned long long)(clock_wall_s() - n->status.updated_at));
	else if (now)
		(void)snprintf(dst, size, "%s %2u/%-2zu  %s %s%s%s", meter, done,
			       n->status.steps.len, now->name, step_state_to_string(now->state),
			       now->reason ? ": " : "", clean(now->reason, reason, sizeof(reason)));
	else
		(void)snprintf(dst, size, "%s %2u/%-2zu  %s", meter, done, n->status.steps.len,
			       status_phase_to_string(n->status.phase));
}

static void component_line(const struct status_component *c, char *dst, size_t size)
{
	const struct status_gate *gate = NULL;
	char reason[300], meter[BAR + 1];

	for (size_t i = 0; !c->reason && !gate && i < c->gates.len; i++)
		if (c->gates.items[i].state != STEP_DONE)
			gate = &c->gates.items[i];
	bar(meter, c->applied, c->objects);
	(void)snprintf(dst, size, "%s %2u/%-2u  %s%s%s%s%s", meter, c->applied, c->objects,
		       component_state_to_string(c->state),
		       gate	   ? ", waits for "
		       : c->reason ? ", "
				   : "",
		       gate ? gate->name : "", gate && gate->reason ? ": " : "",
		       clean(gate ? gate->reason : c->reason, reason, sizeof(reason)));
}

static unsigned int width_of(const FILE *out)
{
	struct winsize w;

	if (ioctl(fileno((FILE *)(uintptr_t)out), TIOCGWINSZ, &w) == 0 && w.ws_col > 20)
		return w.ws_col;
	return 100;
}

/* One line of the picture, cut to the terminal's width so that it stays one. */
static void draw(struct status_show *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void draw(struct status_show *s, const char *fmt, ...)
{
	char line[2 * LINE_ROOM];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(s->out, "\033[K%.*s\n", (int)width_of(s->out) - 1, line);
	s->lines++;
}

static void picture(struct status_show *s, const struct status_ask *a)
{
	unsigned long long t = (clock_ms() - s->started_ms) / 1000;
	const struct status_json *list = components_of(a);
	size_t len;
	const struct status_node *n = status_ask_nodes(a, &len);
	char text[LINE_ROOM];

	if (s->lines)
		fprintf(s->out, "\033[%uA", s->lines);
	s->lines = 0;
	status_show_summary(a, text, sizeof(text));
	draw(s, "%s after %llu min %02llu s", text, t / 60, t % 60);
	for (size_t i = 0; i < len; i++) {
		node_line(&n[i], text, sizeof(text));
		draw(s, "  %-16s %s", n[i].node->name, text);
	}
	for (size_t i = 0; list && i < list->components.len; i++) {
		component_line(&list->components.items[i], text, sizeof(text));
		draw(s, "    %-20s %s", list->components.items[i].name, text);
	}
	fputs("\033[J", s->out);
}

/* A line when it is another than before. */
static int tell(struct status_show *s, size_t place, const char *name, const char *text,
		struct err *err)
{
	char **longer, *copy;

	if (place >= s->last_len) {
		longer = realloc(s->last, (place + 1) * sizeof(*longer));
		if (!longer)
			return err_nomem(err);
		for (size_t i = s->last_len; i <= place; i++)
			longer[i] = NULL;
		s->last = longer;
		s->last_len = place + 1;
	}
	if (s->last[place] && strcmp(s->last[place], text) == 0)
		return 0;
	copy = strdup(text);
	if (!copy)
		return err_nomem(err);
	free(s->last[place]);
	s->last[place] = copy;
	fprintf(s->out, "[%4llu s] %-20s %s\n",
		(unsigned long long)(clock_ms() - s->started_ms) / 1000, name, text);
	return 0;
}

int status_show_progress(struct status_show *s, const struct status_ask *a, struct err *err)
{
	const struct status_json *list = components_of(a);
	size_t len;
	const struct status_node *n = status_ask_nodes(a, &len);
	char text[LINE_ROOM];
	int r = 0;

	if (s->terminal) {
		picture(s, a);
	} else {
		for (size_t i = 0; r == 0 && i < len; i++) {
			node_line(&n[i], text, sizeof(text));
			r = tell(s, i, n[i].node->name, text, err);
		}
		for (size_t i = 0; r == 0 && list && i < list->components.len; i++) {
			component_line(&list->components.items[i], text, sizeof(text));
			r = tell(s, len + i, list->components.items[i].name, text, err);
		}
	}
	if (r == 0 && fflush(s->out) != 0)
		r = err_errnof(err, -errno, "cannot write the status");
	return r;
}

void status_show_table(FILE *out, const struct status_ask *a)
{
	const struct status_json *list = components_of(a);
	size_t len;
	const struct status_node *n = status_ask_nodes(a, &len);
	char text[LINE_ROOM];

	for (size_t i = 0; i < len; i++) {
		const struct status_json *s = &n[i].status;

		node_line(&n[i], text, sizeof(text));
		fprintf(out, "%-16s %s\n", n[i].node->name, text);
		for (size_t k = 0; n[i].known && k < s->steps.len; k++)
			if (s->steps.items[k].state != STEP_DONE)
				fprintf(out, "  %-14s %-8s %s\n", s->steps.items[k].name,
					step_state_to_string(s->steps.items[k].state),
					clean(s->steps.items[k].reason, text, sizeof(text)));
		if (n[i].known && n[i].problem[0])
			fprintf(out, "  by its ConfigMap; ssh: %s\n", n[i].problem);
	}
	for (size_t i = 0; list && i < list->components.len; i++) {
		component_line(&list->components.items[i], text, sizeof(text));
		fprintf(out, "%-16s %s\n", list->components.items[i].name, text);
	}
	if (status_ask_api_problem(a)[0])
		fprintf(out, "API server: %s\n", status_ask_api_problem(a));
	status_show_summary(a, text, sizeof(text));
	fprintf(out, "%s\n", text);
}

static json_t *node_json(const struct status_node *n, struct err *err)
{
	json_t *status = json_null();
	cleanup_free char *text = NULL;
	size_t len;

	if (n->known && (status_json_format(&n->status, &text, &len, err) < 0 ||
			 js_read(text, len, &status, err) < 0))
		return NULL;
	return json_pack("{s:s, s:b, s:s?, s:s?, s:o}", "node", n->node->name, "up",
			 status_node_up(n), "source",
			 !n->known   ? NULL
			 : n->by_api ? "api"
				     : "ssh",
			 "problem", n->problem[0] ? n->problem : NULL, "status", status);
}

int status_show_json(FILE *out, const struct status_ask *a, bool pretty, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT((size_t)64 << 20);
	const char *api = status_ask_api_problem(a), *fsid = status_ask_fsid(a);
	size_t len;
	const struct status_node *n = status_ask_nodes(a, &len);
	json_t *nodes = json_array();
	cleanup_json json_t *all =
		json_pack("{s:b, s:s?, s:s?, s:o}", "up", status_ask_all_up(a), "api_problem",
			  api[0] ? api : NULL, "fsid", fsid[0] ? fsid : NULL, "nodes", nodes);

	for (size_t i = 0; all && i < len; i++) {
		json_t *one = node_json(&n[i], err);

		if (!one || json_array_append_new(nodes, one) < 0)
			return err->code ? err->code : err_nomem(err);
	}
	if (!all || (pretty ? js_pretty(all, &b) : js_canonical(all, &b)) < 0)
		return err_nomem(err);
	fprintf(out, "%s%s", buf_str(&b), pretty ? "" : "\n");
	return fflush(out) == 0 ? 0 : err_errnof(err, -errno, "cannot write the status");
}
