/* cluster - read cluster.yaml: text, tree, tables, then the checks across values */
#include "cluster.h"
#include "cluster-tables.h"
#include "file.h"
#include "k3s-options.h"
#include "schema.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

static const struct uint_rule version_rule = { 1, 1 };
static const struct uint_rule vlan_rule = { 1, 4094 };
static const struct uint_rule one_each = { 1, FAMILIES_MAX };
static const struct uint_rule hosts = { 0, HOSTS_MAX };

struct cluster_file {
	struct cluster c;
	unsigned int version;
};
#define C(member) offsetof(struct cluster_file, c.member)

static const struct field k3s_fields[] = {
	{ "version", &type_text, C(k3s.version), FIELD_REQUIRED, &rule_k3s_version,
	  .doc = "K3s release, such as v1.35.2+k3s1." },
	{ "secrets_encryption", &type_bool, C(k3s.secrets_encryption), .def = "true",
	  .doc = "Encrypt Secrets in the datastore." },
	{ "config", &type_k3s_config, C(k3s.config), .def = NULL,
	  .doc = "Further options of K3s as in its config.yaml; none that Kiln derives." },
	{ "binary", &type_text, C(k3s.binary), .arg = &rule_path,
	  .doc = "A local K3s binary instead of the locked release; relative to cluster.yaml." },
	{ 0 },
};
static const struct field cluster_section[] = {
	{ "name", &type_text, C(name), FIELD_REQUIRED, &rule_label, .doc = "Name of the cluster." },
	{ "domain", &type_text, C(domain), FIELD_REQUIRED, &rule_domain,
	  .doc = "Domain of the nodes: cow becomes cow.<domain>." },
	{ "api", &type_text, C(api), .arg = &rule_domain,
	  .doc = "Extra name of the API server, in its certificate and the kubeconfig." },
	{ "k3s", &type_map, .flags = FIELD_REQUIRED, .arg = k3s_fields,
	  .doc = "K3s: version and options." },
	{ "pods", &type_prefixes, C(pods), FIELD_REQUIRED, .doc = "Networks of the pods." },
	{ "services", &type_prefixes, C(services), FIELD_REQUIRED,
	  .doc = "Networks of the Services." },
	{ "load_balancer", &type_ranges, C(load_balancer), FIELD_REQUIRED,
	  .doc = "Addresses for Services of type LoadBalancer, inside the nodes' subnets." },
	{ 0 },
};
static const struct field network_section[] = {
	{ "subnets", &type_prefixes, C(network.subnets), FIELD_REQUIRED,
	  .doc = "Subnets of the nodes." },
	{ "gateways", &type_addrs, C(network.gateways), FIELD_REQUIRED, &one_each,
	  .doc = "Default gateways, inside the subnets." },
	{ "dns", &type_addrs, C(network.dns), FIELD_REQUIRED, &hosts,
	  .doc = "DNS servers of the nodes." },
	{ "ntp", &type_addrs, C(network.ntp), .arg = &hosts,
	  .doc = "Time servers; without the key those of Debian's pool." },
	{ "vlan", &type_uint, C(network.vlan), .arg = &vlan_rule,
	  .doc = "VLAN that the nodes tag themselves, where the switch port is a trunk." },
	{ 0 },
};
const struct field cluster_fields[] = {
	{ "kiln", &type_uint, offsetof(struct cluster_file, version), FIELD_REQUIRED, &version_rule,
	  .doc = "Version of this format: 1." },
	{ "cluster", &type_map, .flags = FIELD_REQUIRED, .arg = cluster_section,
	  .doc = "The cluster as a whole." },
	{ "network", &type_map, .flags = FIELD_REQUIRED, .arg = network_section,
	  .doc = "The nodes' network; both families, IPv4 first." },
	{ "system", &type_map, .flags = FIELD_REQUIRED, .arg = system_fields,
	  .doc = "The operating system of every node." },
	{ "storage", &type_map, .arg = storage_fields, .doc = "Root file system and Ceph." },
	{ "power", &type_map, .arg = power_fields, .doc = "When the cluster goes down by itself." },
	{ "nodes", &type_nodes, C(nodes), FIELD_REQUIRED, .doc = "The machines, by name." },
	{ "components", &type_components, C(components), FIELD_REQUIRED,
	  .doc = "What is brought up, in this order: names of bundle/, or folders of yours." },
	{ 0 },
};

void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nodes_len; i++)
		node_done(&c->nodes[i]);
	free(c->nodes);
	for (size_t i = 0; i < c->components_len; i++)
		component_done(&c->components[i]);
	free(c->components);
	decode_done(cluster_fields, c); /* struct cluster_file begins with it */
	free(c->path);
	free(c->dir);
	free(c);
}

char *cluster_path(const struct cluster *c, const char *name)
{
	char *path;

	while (name[0] == '.' && name[1] == '/' && name[2])
		name += 2;
	if (name[0] == '/' || strcmp(c->dir, ".") == 0)
		return strdup(name);
	return asprintf(&path, "%s/%s", c->dir, name) < 0 ? NULL : path;
}

const struct node *cluster_node(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nodes_len; i++)
		if (strcmp(c->nodes[i].name, name) == 0)
			return &c->nodes[i];
	return NULL;
}

const struct component *cluster_component(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->components_len; i++)
		if (strcmp(c->components[i].name, name) == 0)
			return &c->components[i];
	return NULL;
}

/* The folder of a path, "." when it names none. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash	       ? strdup(".")
	       : slash == path ? strdup("/")
			       : strndup(path, (size_t)(slash - path));
}

const struct ynode *check_find(const struct check *k, const char *path)
{
	const struct ynode *n = k->root;
	char part[256];

	while (n && *path) {
		size_t len = strcspn(path, ".");
		const struct ynode *next;

		if (len >= sizeof(part))
			return n;
		memcpy(part, path, len);
		part[len] = '\0';
		next = ynode_get(n, part);
		if (!next)
			return n;
		n = next;
		path += len + (path[len] == '.');
	}
	return n;
}

static const struct ynode *node_at(const struct ynode *n, struct pos pos)
{
	const struct ynode *found;

	for (size_t i = 0; i < n->len; i++) {
		if (n->keys && n->keys[i]->line == pos.line && n->keys[i]->col == pos.col)
			return n->keys[i];
		found = node_at(n->items[i], pos);
		if (found)
			return found;
	}
	return n->kind == YNODE_SCALAR && n->line == pos.line && n->col == pos.col ? n : NULL;
}

PRINTF_LIKE(4, 0)
PRINTF_LIKE(4, 0)
static void check_vat(struct check *k, const struct ynode *n, struct pos pos, const char *fmt,
		      va_list ap)
{
	char msg[1024];

	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	diag_addf(k->d->diags, n ? n->line : pos.line, n ? n->col : pos.col, n ? n->width : 1, "%s",
		  msg);
}

void check_at(struct check *k, const char *path, const char *fmt, ...)
{
	const struct ynode *n = check_find(k, path);
	va_list ap;

	if (n->kind != YNODE_SCALAR && n->key)
		n = n->key;
	va_start(ap, fmt);
	check_vat(k, n, (struct pos){ 0 }, fmt, ap);
	va_end(ap);
}

void check_pos(struct check *k, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	check_vat(k, node_at(k->root, pos), pos, fmt, ap);
	va_end(ap);
}

static bool told_at(const struct check *k, unsigned int line, unsigned int col)
{
	for (size_t i = 0; i < k->decoded; i++)
		if (k->d->diags->items[i].line == line && k->d->diags->items[i].col == col)
			return true;
	return false;
}

bool check_keys_told(const struct check *k, const struct ynode *n)
{
	for (size_t i = 0; n && n->keys && i < n->len; i++)
		if (told_at(k, n->keys[i]->line, n->keys[i]->col))
			return true;
	return false;
}

bool check_told(const struct check *k, const struct ynode *n)
{
	if (!n || k->decoded == 0)
		return false;
	if (told_at(k, n->line, n->col) || (n->key && told_at(k, n->key->line, n->key->col)))
		return true;
	for (size_t i = 0; i < n->len; i++)
		if (check_told(k, n->items[i]))
			return true;
	return check_keys_told(k, n);
}

static void check_all(struct check *k)
{
	cluster_check_net(k);
	cluster_check_nodes(k);
	cluster_check_disks(k);
	cluster_check_components(k);
	cluster_check_system(k);
	k3s_config_check(k->d, k->c, check_find(k, "cluster.k3s.config"));
}

static int cluster_decode(struct cluster_file *f, struct diag_list *diags)
{
	cleanup_ynode struct ynode *root = NULL;
	struct decode d = { .diags = diags, .dir = f->c.dir };
	struct check k = { .d = &d, .c = &f->c };
	int r;

	r = yaml_doc_parse(diags->source, diags->source_len, diags, &root);
	if (r < 0)
		return r;
	decode_map(&d, root, cluster_fields, f);
	if (diags->nomem)
		return -ENOMEM;
	if (!f->c.k3s.config)
		f->c.k3s.config = json_object();
	if (!f->c.k3s.config)
		return -ENOMEM;
	k.root = root;
	k.decoded = diags->len;
	if (root->kind == YNODE_MAP)
		check_all(&k);
	return diags->nomem ? -ENOMEM : diags->len > 0 ? -EINVAL : 0;
}

int cluster_parse(const char *path, const char *text, size_t len, struct cluster **ret,
		  struct diag_list *diags)
{
	struct cluster_file *f = calloc(1, sizeof(*f));
	cleanup_cluster struct cluster *c = (struct cluster *)f;
	int r;

	_Static_assert(offsetof(struct cluster_file, c) == 0,
		       "a cluster_file is freed as a cluster");
	if (!f)
		return -ENOMEM;
	c->path = strdup(path);
	c->dir = folder_of(path);
	if (!c->path || !c->dir)
		return -ENOMEM;
	r = diag_list_begin(diags, path, text, len);
	if (r < 0)
		return r;
	r = cluster_decode(f, diags);
	diag_sort(diags);
	if (r >= 0)
		*ret = TAKE_PTR(c);
	return r;
}

int cluster_load(const char *path, struct cluster **ret, struct diag_list *diags, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len, n;
	int r;

	diag_list_done(diags);
	diags->path = strdup(path);
	if (!diags->path)
		return err_nomem(err);
	r = file_read_at(AT_FDCWD, path, YAML_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = cluster_parse(path, text, len, ret, diags);
	if (r == -ENOMEM)
		return err_nomem(err);
	n = diags->len + diags->dropped;
	return r < 0 ? err_setf(err, r, "%s has %zu mistake%s", path, n, n == 1 ? "" : "s") : 0;
}

json_t *schema_cluster(void)
{
	json_t *s = schema_object(cluster_fields);

	if (s && (json_object_set_new(s, "$schema",
				      json_string("http://json-schema.org/draft-07/schema#")) < 0 ||
		  json_object_set_new(s, "title", json_string("cluster.yaml of Kiln")) < 0)) {
		json_decref(s);
		return NULL;
	}
	return s;
}
