/* bundle-classify - plural, scope, namespace, wave and gate of every object; their order */
#include "bundle-normalize.h"
#include "gates.h"
#include "kube-kinds.h"

#include <fnmatch.h>
#include <string.h>

static int set_scope(struct bundle_model *m, struct bundle_item *it)
{
	const struct kube_kind *own = kube_kind_find(it->group, it->kind);
	const struct bundle_kind *k = own ? NULL : bundle_kind_find(m, it->group, it->kind);

	if (!own && !k) {
		it->namespaced = kval_path(it->v, "metadata.namespace") != NULL;
		it->plural = "";
		it->wave = WAVE_CUSTOM;
		return bundle_find(m, FINDING_ERROR, "unknown-kind", it, kval_get(it->v, "kind"),
				   "neither Kubernetes nor a CustomResourceDefinition of the "
				   "bundle knows this kind (%s/%s)",
				   it->group, it->version);
	}
	it->plural = own ? own->plural : k->plural;
	it->namespaced = own ? own->namespaced : k->namespaced;
	it->wave = own ? own->wave : WAVE_CUSTOM;
	it->gate = own && own->ready ? BUNDLE_GATE_READY : BUNDLE_GATE_NONE;
	return 0;
}

/* The namespace the document lacks is the release's; metadata is copied, YAML aliases may share it.
 */
static int set_namespace(struct bundle_model *m, struct bundle_item *it)
{
	const char *own = kval_path_str(it->v, "metadata.namespace"), *otherwise = it->namespace;
	const struct kval *written = kval_path(it->v, "metadata.namespace");
	struct kval *metadata;

	it->namespace = NULL;
	if (written && written->type != KVAL_STRING && written->type != KVAL_NULL &&
	    bundle_find(m, FINDING_ERROR, "metadata-text", it, written,
			"'metadata.namespace' must be a text") < 0)
		return -ENOMEM;
	if (own && *own && !it->namespaced)
		return bundle_find(m, FINDING_ERROR, "scope", it,
				   kval_path(it->v, "metadata.namespace"),
				   "a namespace, but the kind has none");
	if (!it->namespaced)
		return 0;
	if (own && *own) {
		it->namespace = own;
		return 0;
	}
	metadata = kval_copy(&m->pool, kval_get(it->v, "metadata"));
	if (!metadata ||
	    kval_set(&m->pool, metadata, "namespace", kval_new_string(&m->pool, otherwise)) < 0 ||
	    kval_set(&m->pool, it->v, "metadata", metadata) < 0)
		return -ENOMEM;
	it->namespace = otherwise;
	return 0;
}

static bool text_is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Gates of a component that stand for several objects, and the arguments that name them. */
static const struct {
	const char *gate, *kind, *arg, *otherwise;
} also_covered[] = {
	{ "cilium-health", "DaemonSet", "daemonset", "cilium" },
	{ "cilium-health", "Deployment", "operator", "cilium-operator" },
	{ "dns-query", "Deployment", "deployment", "coredns" },
	{ "rook-operator", "Deployment", "operator", "rook-ceph-operator" },
	{ "rook-operator", "Deployment", "csi_operator", "ceph-csi-controller-manager" },
	{ "argocd-ready", "Deployment", NULL, "argocd-*" },
	{ "argocd-ready", "StatefulSet", NULL, "argocd-*" },
	{ "cert-manager-webhook", "ValidatingWebhookConfiguration", NULL, "cert-manager*" },
	{ "cert-manager-webhook", "MutatingWebhookConfiguration", NULL, "cert-manager*" },
};

static bool gate_covers(const struct bundle_gate_item *g, const struct bundle_item *it)
{
	const struct gate_def *def = gate_find(g->name);
	const char *namespace = gate_arg_string(g->args, "namespace");

	if (namespace && it->namespace && strcmp(namespace, it->namespace) != 0)
		return false;
	if (text_is(def->covers_kind, it->kind) &&
	    text_is(gate_arg_string(g->args, "name"), it->name))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(also_covered); i++) {
		const char *name;

		if (strcmp(also_covered[i].gate, g->name) != 0 ||
		    strcmp(also_covered[i].kind, it->kind) != 0)
			continue;
		name = also_covered[i].arg ? gate_arg_string(g->args, also_covered[i].arg) : NULL;
		if (fnmatch(name ? name : also_covered[i].otherwise, it->name, 0) == 0)
			return true;
	}
	return false;
}

static void set_gate(const struct bundle_part *p, struct bundle_item *it)
{
	bool job = strcmp(it->kind, "Job") == 0;

	/* an APIService or webhook of wave 90 may be served by a workload of the next component */
	if (job &&
	    (kval_path(it->v, "spec.ttlSecondsAfterFinished") ||
	     (it->hook && it->hook->delete &(BUNDLE_DELETE_SUCCEEDED | BUNDLE_DELETE_FAILED))))
		it->gate = BUNDLE_GATE_GONE_OK;
	for (size_t i = 0; i < p->gates_len; i++) {
		if (gate_covers(&p->gates[i], it)) {
			it->gate = BUNDLE_GATE_NONE;
			it->covered = true;
		}
	}
	if (it->hook)
		it->wave = it->hook->phase == BUNDLE_HOOK_PRE ? WAVE_PRE_HOOKS : WAVE_POST_HOOKS;
	if (strcmp(it->group, "argoproj.io") == 0 && strcmp(it->kind, "Application") == 0)
		it->wave = WAVE_APPLICATIONS;
}

/* component.yaml's own word on an object comes last. */
static int override(const struct bundle_part *p, struct bundle_item *it, struct err *err)
{
	for (size_t i = 0; p->def.objects && i < p->def.objects->items_len; i++) {
		const struct kval *o = p->def.objects->items[i];
		const char *gate = kval_path_str(o, "gate");
		enum bundle_gate g = BUNDLE_GATE_READY;
		int64_t wave;

		if (strcmp(kval_path_str(o, "kind"), it->kind) != 0 ||
		    fnmatch(kval_path_str(o, "name"), it->name, 0) != 0)
			continue;
		while (gate && g <= BUNDLE_GATE_GONE_OK &&
		       strcmp(bundle_gate_to_string(g), gate) != 0)
			g++;
		if (g > BUNDLE_GATE_GONE_OK)
			return component_def_fail(&p->def, kval_get(o, "gate"), err,
						  "'gate' is ready, none or gone-ok, not '%s'",
						  gate);
		if (gate)
			it->gate = g;
		if (!kval_to_i64(kval_get(o, "wave"), &wave))
			continue;
		if (wave < 0 || wave > 1000 || !bundle_wave_to_string((unsigned int)wave))
			return component_def_fail(&p->def, kval_get(o, "wave"), err,
						  "there is no wave %lld", (long long)wave);
		it->wave = (unsigned int)wave;
	}
	return 0;
}

static int item_cmp(const void *a, const void *b)
{
	const struct bundle_item *x = a, *y = b;

	if (x->wave != y->wave)
		return x->wave < y->wave ? -1 : 1;
	if (x->hook && y->hook && x->hook->weight != y->hook->weight)
		return x->hook->weight < y->hook->weight ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int bundle_classify(struct bundle_model *m, struct err *err)
{
	for (size_t i = 0; i < m->len; i++) {
		struct bundle_part *p = &m->parts[i];

		for (size_t k = 0; k < p->len; k++) {
			struct bundle_item *it = &p->items[k];
			int r;

			it->order = k;
			if (bundle_normalize(m, it) < 0 || set_scope(m, it) < 0 ||
			    set_namespace(m, it) < 0)
				return err_nomem(err);
			set_gate(p, it);
			r = override(p, it, err);
			if (r < 0)
				return r;
		}
		if (p->len > 1)
			qsort(p->items, p->len, sizeof(*p->items), item_cmp);
	}
	return 0;
}
