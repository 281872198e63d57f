#include "phase.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void phases_init(struct phases *p, FILE *out)
{
	*p = (struct phases){ .out = out, .terminal = out && isatty(fileno(out)), .first = now() };
}

void phase_begin(struct phases *p, const char *fmt, ...)
{
	va_list ap;

	if (p->open)
		phase_end(p, NULL);
	if (p->len == PHASES_MAX)
		p->len--;
	va_start(ap, fmt);
	(void)vsnprintf(p->items[p->len].name, sizeof(p->items[0].name), fmt, ap);
	va_end(ap);
	p->items[p->len].note[0] = '\0';
	p->open = true;
	p->started = now();
	if (p->out && p->terminal) {
		fprintf(p->out, "%s ...", p->items[p->len].name);
		fflush(p->out);
	}
}

void phase_end(struct phases *p, const char *note)
{
	if (!p->open)
		return;
	p->items[p->len].seconds = now() - p->started;
	(void)snprintf(p->items[p->len].note, sizeof(p->items[0].note), "%s", note ? note : "");
	if (p->out) {
		fprintf(p->out, "%s%-40s %7.1f s%s%s\n", p->terminal ? "\r\033[K" : "",
			p->items[p->len].name, p->items[p->len].seconds, note ? "  " : "",
			note ? note : "");
		fflush(p->out);
	}
	p->open = false;
	p->len++;
}

void phases_report(const struct phases *p)
{
	if (p->out)
		fprintf(p->out, "%-40s %7.1f s\n", "all", now() - p->first);
}

void phases_abort(struct phases *p)
{
	if (p->out && p->open)
		fprintf(p->out, "%s%s failed\n", p->terminal ? "\r\033[K" : "",
			p->items[p->len].name);
	p->open = false;
}
