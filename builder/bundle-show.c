#include "bundle-show.h"

#include "bundle-reader.h"
#include "bundle.h"
#include "parse.h"

#include <fcntl.h>
#include <string.h>

/* Objects of one wave, counted by kind in the order they come: "3 ClusterRole, ServiceAccount
 * cilium". */
static void show_wave(const struct bundle_component *c, size_t from, size_t to, FILE *out)
{
	const struct bundle_object *o = c->objects.items;
	const char *separator = "";

	fprintf(out, "    %-13s", bundle_wave_to_string(o[from].wave));
	for (size_t i = from; i < to; i++) {
		size_t same = 0, before = 0;

		for (size_t k = from; k < to; k++) {
			same += strcmp(o[k].kind, o[i].kind) == 0;
			before += k < i && strcmp(o[k].kind, o[i].kind) == 0;
		}
		if (before > 0)
			continue;
		if (same > 1)
			fprintf(out, "%s%zu %s", separator, same, o[i].kind);
		else
			fprintf(out, "%s%s %s", separator, o[i].kind, o[i].name);
		separator = ", ";
	}
	fputc('\n', out);
}

static void show_gates(const struct bundle_component *c, FILE *out)
{
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < c->gates.len; i++) {
		const struct bundle_gate_spec *g = &c->gates.items[i];

		fprintf(out, "    %-13s%s, %s\n", g->hard ? "gate" : "soft gate", g->name,
			duration_format(g->timeout_s, text));
	}
}

static void show_component(const struct bundle_component *c, size_t number, FILE *out)
{
	size_t waits = 0;

	for (size_t i = 0; i < c->objects.len; i++)
		waits += c->objects.items[i].gate != BUNDLE_GATE_NONE;
	fprintf(out, "%2zu  %s: %zu object%s into %s, %zu waited for", number, c->name,
		c->objects.len, c->objects.len == 1 ? "" : "s", c->namespace, waits);
	for (size_t i = 0; i < c->after.len; i++)
		fprintf(out, "%s%s", i == 0 ? "; after " : ", ", c->after.items[i]);
	fputc('\n', out);
	for (size_t i = 0, to; i < c->objects.len; i = to) {
		for (to = i;
		     to < c->objects.len && c->objects.items[to].wave == c->objects.items[i].wave;)
			to++;
		show_wave(c, i, to, out);
	}
	show_gates(c, out);
}

static int show_json(const struct bundle_index *x, FILE *out, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = bundle_index_format(x, &text, &len, err);

	if (r == 0 && fwrite(text, 1, len, out) != len)
		return err_setf(err, -EIO, "cannot write the plan");
	return r;
}

int bundle_show(const struct cluster *c, bool json, FILE *out, struct err *err)
{
	cleanup_bundle_result struct bundle_result result = { 0 };
	cleanup_bundle_reader struct bundle_reader *reader = NULL;
	const struct bundle_index *x;
	size_t images = 0;
	int r;

	r = bundle_build(c, BUNDLE_NO_SECRETS, &result, err);
	if (r == 0)
		r = bundle_reader_open(AT_FDCWD, result.path, result.sha256, &reader, err);
	if (r < 0)
		return r;
	x = bundle_reader_index(reader);
	if (json)
		return show_json(x, out, err);
	for (size_t i = 0; i < x->components.len; i++) {
		show_component(&x->components.items[i], i + 1, out);
		images += x->components.items[i].images.len;
	}
	fprintf(out, "%u objects, %u of them CRDs, %llu bytes; Kubernetes %s; %zu images\n",
		result.objects, result.crds, (unsigned long long)result.bytes, x->kubernetes,
		images);
	fputs(result.warnings, out);
	return 0;
}
