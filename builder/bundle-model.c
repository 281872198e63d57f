#include "bundle-model.h"

#include "buf.h"

#include <string.h>

void bundle_model_done(struct bundle_model *m)
{
	for (size_t i = 0; i < m->len; i++) {
		for (size_t k = 0; k < m->parts[i].gates_len; k++)
			json_decref(m->parts[i].gates[k].args);
		free(m->parts[i].gates);
		free(m->parts[i].items);
		free(m->parts[i].after);
		free(m->parts[i].images);
	}
	for (size_t i = 0; i < m->findings_len; i++)
		free(m->findings[i].text);
	free(m->parts);
	free(m->kinds);
	free(m->findings);
	kval_pool_done(&m->pool);
	*m = (struct bundle_model){ 0 };
}

ssize_t bundle_part_find(const struct bundle_model *m, const char *name)
{
	for (size_t i = 0; i < m->len; i++)
		if (strcmp(m->parts[i].def.name, name) == 0)
			return (ssize_t)i;
	return -1;
}

/* Components stand in an order in which what is named in `after` comes first: no cycles. */
bool bundle_follows(const struct bundle_model *m, size_t a, size_t b)
{
	for (size_t i = 0; a > b && i < m->parts[a].after_len; i++) {
		ssize_t k = bundle_part_find(m, m->parts[a].after[i]);

		if (k == (ssize_t)b ||
		    (k > (ssize_t)b && k < (ssize_t)a && bundle_follows(m, (size_t)k, b)))
			return true;
	}
	return false;
}

const struct bundle_kind *bundle_kind_find(const struct bundle_model *m, const char *group,
					   const char *kind)
{
	for (size_t i = 0; i < m->kinds_len; i++)
		if (strcmp(m->kinds[i].kind, kind) == 0 && strcmp(m->kinds[i].group, group) == 0)
			return &m->kinds[i];
	return NULL;
}

const char *finding_level_to_string(enum finding_level l)
{
	static const char *const names[] = { "info", "warning", "error" };

	return names[l];
}

int bundle_find(struct bundle_model *m, enum finding_level level, const char *rule,
		const struct bundle_item *item, const struct kval *at, const char *fmt, ...)
{
	cleanup_buf struct buf b = BUF_INIT(16 << 10);
	va_list ap;

	if (m->findings_len == m->findings_size) {
		size_t size = m->findings_size ? m->findings_size * 2 : 16;
		struct bundle_finding *f = reallocarray(m->findings, size, sizeof(*f));

		if (!f)
			return -ENOMEM;
		m->findings = f;
		m->findings_size = size;
	}
	if (!at && item)
		at = item->v;
	if (item)
		(void)buf_addf(&b, "%s:%u:%u: %s '%s': ", item->file, at->line, at->col, item->kind,
			       item->name);
	va_start(ap, fmt);
	(void)buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (buf_error(&b) == -ENOMEM)
		return -ENOMEM;
	m->findings[m->findings_len++] =
		(struct bundle_finding){ level, rule, buf_steal(&b, NULL) };
	return 0;
}

struct kval *bundle_pod_spec(const struct bundle_item *item)
{
	static const char *const templates[] = {
		"Deployment", "DaemonSet", "StatefulSet",
		"ReplicaSet", "Job",	   "ReplicationController"
	};

	if (strcmp(item->kind, "Pod") == 0)
		return kval_get(item->v, "spec");
	if (strcmp(item->kind, "CronJob") == 0)
		return kval_path(item->v, "spec.jobTemplate.spec.template.spec");
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
		if (strcmp(item->kind, templates[i]) == 0)
			return kval_path(item->v, "spec.template.spec");
	return NULL;
}
