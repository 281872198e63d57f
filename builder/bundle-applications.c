/*
 * bundle-applications - Argo CD adopts what was applied: Applications and tracking-ids
 *
 * The tree of `kiln bundle export` lies in the repository; an Application a component
 * points at its folder. Objects carry the tracking-id from the start, so that the first
 * comparison finds nothing to do. CRDs never get one (Argo CD does not set it either),
 * hooks and objects with secrets are not in the tree and stay the agent's.
 */
#include "buf.h"
#include "bundle-model.h"
#include "facts.h"
#include "yaml-json.h"

#include <string.h>

#define TRACKING "argocd.argoproj.io/tracking-id"
#define SERVER "https://kubernetes.default.svc"

static int track(struct bundle_model *m, const struct bundle_part *p, struct bundle_item *it)
{
	struct kval *metadata = kval_get(it->v, "metadata"), *annotations;
	char id[1024];

	it->handover = !it->hook && !it->secret;
	if (!it->handover || it->crd)
		return 0;
	metadata = kval_copy(&m->pool, metadata);
	annotations = metadata ? kval_map_at(&m->pool, metadata, "annotations") : NULL;
	if (!annotations)
		return -ENOMEM;
	/* a cluster-wide object has the Application's own namespace in its id */
	(void)snprintf(id, sizeof(id), "%s:%s/%s:%s/%s", p->application, it->group, it->kind,
		       it->namespace ?: p->def.namespace, it->name);
	if (kval_set(&m->pool, annotations, TRACKING, kval_new_string(&m->pool, id)) < 0)
		return -ENOMEM;
	return kval_set(&m->pool, it->v, "metadata", metadata);
}

static bool has_webhooks(const struct bundle_part *p, const char *kind)
{
	for (size_t i = 0; i < p->len; i++)
		if (strcmp(p->items[i].kind, kind) == 0)
			return true;
	return false;
}

static void add_ignored(const struct bundle_part *p, struct buf *b)
{
	static const char *const kinds[] = { "MutatingWebhookConfiguration",
					     "ValidatingWebhookConfiguration" };
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!has_webhooks(p, kinds[i]))
			continue;
		(void)buf_addf(b,
			       "%s    - group: admissionregistration.k8s.io\n      kind: %s\n"
			       "      jqPathExpressions: ['.webhooks[]?.clientConfig.caBundle']\n",
			       first ? "  ignoreDifferences:\n" : "", kinds[i]);
		first = false;
	}
}

static void application_text(const struct bundle_part *p, const char *namespace, const char *repo,
			     const char *revision, const char *path, struct buf *b)
{
	(void)buf_addf(b,
		       "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
		       "metadata:\n  name: %s\n  namespace: %s\n"
		       "spec:\n  project: kiln\n  source:\n    repoURL: \"%s\"\n    "
		       "targetRevision: \"%s\"\n"
		       "    path: \"%s/%s\"\n    directory: {recurse: true}\n"
		       "  destination: {server: " SERVER ", namespace: %s}\n",
		       p->application, namespace, repo, revision, path, p->def.name,
		       p->def.namespace);
	add_ignored(p, b);
	(void)buf_adds(b, "  syncPolicy:\n    automated: {prune: false, selfHeal: true}\n"
			  "    syncOptions: [ServerSideApply=true, RespectIgnoreDifferences=true, "
			  "CreateNamespace=false]\n"
			  "    retry: {limit: 5, backoff: {duration: 10s, factor: 2, maxDuration: "
			  "5m}}\n---\n");
}

static void project_text(const char *namespace, const char *repo, struct buf *b)
{
	(void)buf_addf(b,
		       "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: kiln, "
		       "namespace: %s}\n"
		       "spec:\n  description: What Kiln brought up\n  sourceRepos: [\"%s\"]\n"
		       "  destinations: [{server: " SERVER ", namespace: \"*\"}]\n"
		       "  clusterResourceWhitelist: [{group: \"*\", kind: \"*\"}]\n"
		       "  namespaceResourceWhitelist: [{group: \"*\", kind: \"*\"}]\n---\n",
		       namespace, repo);
}

/* The last component: the project, then an Application for each component before it. */
static int add_part(struct bundle_model *m, const char *namespace, const char *text, size_t len,
		    struct err *err)
{
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	struct bundle_part *p = &m->parts[m->len];
	int r = yaml_docs_read(&m->pool, "(applications)", text, len, &docs, err);

	if (r < 0)
		return r;
	p->def = (struct component_def){
		.name = "applications", .dir = "", .file = "(applications)", .namespace = namespace
	};
	p->after = calloc(m->len + 1, sizeof(*p->after));
	if (!p->after)
		return err_nomem(err);
	for (size_t i = 0; i < m->len; i++)
		p->after[p->after_len++] = m->parts[i].def.name;
	for (size_t i = 0; i < docs.len && r == 0; i++) {
		r = bundle_add(m, p, docs.items[i].root, "(applications)", namespace, err);
		if (r == 0) {
			struct bundle_item *it = &p->items[p->len - 1];

			it->plural = strcmp(it->kind, "Application") == 0 ? "applications"
									  : "appprojects";
			it->namespaced = true;
			it->wave = it->plural[4] == 'i' ? WAVE_APPLICATIONS : WAVE_CUSTOM;
			it->gate = BUNDLE_GATE_NONE;
			it->order = p->len;
		}
	}
	m->len++;
	return r;
}

/* Text that goes between double quotes of YAML: the decoder of cluster.yaml lets no others through.
 */
static bool quotable(const char *s)
{
	return !strpbrk(s, "\"\\\n");
}

int bundle_applications(struct bundle_model *m, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(4 << 20);
	ssize_t argocd = bundle_part_find(m, "argocd");
	const struct kval *options =
		argocd >= 0 ? kval_get(m->parts[argocd].facts, "options") : NULL;
	const char *repo = kval_path_str(options, "repo");
	const char *revision = kval_path_str(options, "revision") ?: "HEAD";
	const char *path = kval_path_str(options, "path") ?: ".", *namespace;

	if (!repo || !bundle_kind_find(m, "argoproj.io", "Application"))
		return 0; /* nobody would adopt anything */
	namespace = m->parts[argocd].def.namespace;
	if (!quotable(repo) || !quotable(revision) || !quotable(path))
		return err_setf(
			err, -EINVAL,
			"argocd: repo, revision and path must not hold quotes or backslashes");
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	project_text(namespace, repo, &b);
	for (size_t i = 0; i < m->len; i++) {
		struct bundle_part *p = &m->parts[i];

		p->application = p->def.name;
		for (size_t k = 0; k < p->len; k++)
			if (track(m, p, &p->items[k]) < 0)
				return err_nomem(err);
		application_text(p, namespace, repo, revision, path, &b);
	}
	if (buf_error(&b) < 0)
		return err_nomem(err);
	return add_part(m, namespace, b.data, b.len, err);
}
