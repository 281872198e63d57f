/* render-k3s - K3s' configuration, tokens, node password and, on servers, the CA tree */
#include "k3s-config.h"

#include "derive.h"
#include <inttypes.h>
#include <string.h>

#define ETC "/etc/rancher/k3s/"
#define TLS K3S_DATA_DIR "/server/tls/"

static int kubelet_drop_in(const struct render *in, struct fileset *fs, struct err *err)
{
	uint64_t age_s = in->cluster->system.image_gc_max_age_s;

	return fileset_addf(fs, K3S_DATA_DIR "/agent/etc/kubelet.conf.d/10-kiln.conf", 0600, 0, err,
			    "apiVersion: kubelet.config.k8s.io/v1beta1\n"
			    "kind: KubeletConfiguration\n"
			    "# 0s: no limit\n"
			    "imageMaximumGCAge: \"%" PRIu64 "s\"\n"
			    "# all, so that kiln-node sees which images are there\n"
			    "nodeStatusMaxImages: -1\n",
			    age_s);
}

int render_k3s(const struct render *in, struct fileset *fs, struct err *err)
{
	cleanup_free char *yaml = NULL;
	json_auto_t *config = NULL;
	int r;

	r = k3s_config(in, &config, err);
	if (r < 0)
		return r;
	r = k3s_config_yaml(config, &yaml, err);
	if (r < 0)
		return r;
	r = fileset_addf(fs, ETC "config.yaml", 0600, 0, err, "%s", yaml);
	return r < 0 ? r : kubelet_drop_in(in, fs, err);
}

/* What `kiln init` makes below k3s/server/tls and a server must find (K3s' certificate.md). */
static const char *const ca_files[] = {
	"server-ca.crt",      "server-ca.key",	       "client-ca.crt",
	"client-ca.key",      "request-header-ca.crt", "request-header-ca.key",
	"etcd/server-ca.crt", "etcd/server-ca.key",    "etcd/peer-ca.crt",
	"etcd/peer-ca.key",   "service.key",
};

static int ca_tree(const struct render *in, struct fileset *fs, struct err *err)
{
	static const char *const dirs[] = {
		K3S_DATA_DIR "/server",
		K3S_DATA_DIR "/server/tls",
		K3S_DATA_DIR "/server/tls/etcd",
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(dirs); i++)
		r = render_dir(fs, dirs[i], 0700, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(ca_files); i++) {
		cleanup_free char *path = NULL, *name = NULL;

		if (asprintf(&path, TLS "%s", ca_files[i]) < 0 ||
		    asprintf(&name, "k3s/server/tls/%s", ca_files[i]) < 0)
			return err_nomem(err);
		r = render_secret(in, fs, path, strstr(path, ".crt") ? 0644 : 0600, name, err);
	}
	return r;
}

int render_k3s_secrets(const struct render *in, struct fileset *fs, struct err *err)
{
	bool server = in->node->role == ROLE_CONTROL_PLANE;
	cleanup_free char *password = NULL;
	int r;

	if (asprintf(&password, "nodes/%s/node-password", in->node->name) < 0)
		return err_nomem(err);
	/* Beside its address this is what a re-imaged node proves its name with. */
	r = render_secret(in, fs, "/etc/rancher/node/password", 0600, password, err);
	if (r < 0)
		return r;
	r = render_secret(in, fs, ETC "token", 0600, server ? "token-server" : "token-agent", err);
	if (r < 0 || !server)
		return r;
	r = render_secret(in, fs, ETC "agent-token", 0600, "token-agent", err);
	return r < 0 ? r : ca_tree(in, fs, err);
}
