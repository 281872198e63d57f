/* component-options - tables of the components' options */
#include "component-options.h"

#include <string.h>

static const struct uint_rule replicas_rule = { 1, 9 };
static const struct u64_rule capacity_rule = { (uint64_t)1 << 30, (uint64_t)1 << 50 };
static const struct uint_rule hosts = { 0, HOSTS_MAX };

/* one of these words, kept as text */
static bool is_acme_server(const char *s)
{
	return strcmp(s, "production") == 0 || strcmp(s, "staging") == 0;
}
static const struct text_rule rule_acme_server = { "an ACME server: production or staging",
						   is_acme_server, "^(production|staging)$", NULL };

static const struct field cilium_options[] = {
	{ "hubble", &type_bool, .def = "false", .doc = "Hubble's relay and user interface." },
	{ 0 },
};
static const struct field policies_options[] = {
	{ "default_deny", &type_bool, .def = "false",
	  .doc = "Deny all traffic that no policy allows; applied last, with allow rules for every "
		 "component." },
	{ 0 },
};
static const struct field coredns_options[] = {
	{ "replicas", &type_uint, .arg = &replicas_rule, .def = "1", .doc = "Pods of CoreDNS." },
	{ "upstream", &type_addrs, .arg = &hosts,
	  .doc = "Servers for names outside; without it network.dns." },
	{ 0 },
};
static const struct field cloudflare_options[] = {
	{ "token", &type_secret, .flags = FIELD_REQUIRED | FIELD_SECRET,
	  .doc = "API token that may edit the zone's DNS." },
	{ 0 },
};
static const struct field dns01_options[] = {
	{ "cloudflare", &type_map, .flags = FIELD_REQUIRED, .arg = cloudflare_options,
	  .doc = "The zone lies at Cloudflare." },
	{ 0 },
};
static const struct field issuer_options[] = {
	{ "name", &type_text, .arg = &rule_k8s_name, .def = "le-clusterissuer",
	  .doc = "Name of the ClusterIssuer." },
	{ "email", &type_text, .flags = FIELD_REQUIRED, .arg = &rule_email,
	  .doc = "Address of the ACME account." },
	{ "server", &type_text, .arg = &rule_acme_server, .def = "production",
	  .doc = "Let's Encrypt: production or staging." },
	{ "dns01", &type_map, .flags = FIELD_REQUIRED, .arg = dns01_options,
	  .doc = "How the domain is proved: by a DNS record." },
	{ 0 },
};
static const struct field cert_manager_options[] = {
	{ "issuer", &type_map, .arg = issuer_options,
	  .doc = "A ClusterIssuer by ACME; none without the key." },
	{ 0 },
};
static const struct field traefik_options[] = {
	{ "replicas", &type_uint, .arg = &replicas_rule, .def = "2", .doc = "Pods of Traefik." },
	{ 0 },
};
static const struct field argocd_options[] = {
	{ "host", &type_text, .flags = FIELD_REQUIRED, .arg = &rule_domain,
	  .doc = "Name of its web page." },
	{ "repo", &type_text, .arg = &rule_repo, .doc = "Git repository that Argo CD follows." },
	{ "revision", &type_text, .arg = &rule_word, .def = "HEAD",
	  .doc = "Branch, tag or commit." },
	{ "path", &type_text, .arg = &rule_path, .def = ".", .doc = "Folder in the repository." },
	{ "username", &type_text, .arg = &rule_word, .doc = "User for an https repository." },
	{ "password", &type_secret, .flags = FIELD_SECRET,
	  .doc = "Password or token for an https repository." },
	{ "ssh_key", &type_secret, .flags = FIELD_SECRET,
	  .doc = "Private key for an ssh repository." },
	{ 0 },
};
static const struct field rook_options[] = {
	{ "dashboard", &type_bool, .def = "true", .doc = "Ceph's dashboard." },
	{ 0 },
};
static const struct field garage_options[] = {
	{ "replicas", &type_uint, .arg = &replicas_rule, .def = "1",
	  .doc = "Pods, each with a copy of the data." },
	{ "capacity", &type_size, .arg = &capacity_rule, .def = "10GiB",
	  .doc = "Space of each pod." },
	{ 0 },
};

const struct component_kind component_kinds[] = {
	{ "cilium", cilium_options,
	  "Pod network, kube-proxy's replacement, load-balancer addresses." },
	{ "network-policies", policies_options, "Network policies of the platform." },
	{ "coredns", coredns_options, "The cluster's DNS." },
	{ "cert-manager", cert_manager_options, "Certificates." },
	{ "traefik", traefik_options, "Ingress." },
	{ "argocd", argocd_options, "GitOps." },
	{ "rook-ceph", rook_options, "Block storage on the nodes' Ceph disks." },
	{ "garage", garage_options, "S3 object storage." },
	{ 0 },
};

const struct component_kind *component_kind_find(const char *name)
{
	for (const struct component_kind *k = component_kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}
