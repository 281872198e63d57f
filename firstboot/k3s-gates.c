#include "k3s-gates.h"

#include "buf.h"
#include "json.h"
#include "pki.h"

#include <curl/curl.h>
#include <string.h>

#define CACERTS_MAX ((size_t)1 << 20)

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	struct buf *b = user;

	(void)size;
	return buf_add(b, data, n) < 0 ? 0 : n;
}

static void easy_cleanup(CURL **c)
{
	if (*c)
		curl_easy_cleanup(*c);
}

static void set_common(CURL *c, const char *url, struct buf *body, char *text)
{
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
}

/* Without verification, as K3s does it: what comes is only compared with the pinned hash. */
static CURLcode fetch_cacerts(const char *server, struct buf *body, char *text)
{
	CLEANUP(easy_cleanup) CURL *c = curl_easy_init();
	char url[512];

	if (!c)
		return CURLE_OUT_OF_MEMORY;
	(void)snprintf(url, sizeof(url), "%s/cacerts", server);
	set_common(c, url, body, text);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	(void)curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	return curl_easy_perform(c);
}

/* The server's CA bundle, known to be the pinned one. */
static int get_ca(const char *server, const char *token, struct buf *body, struct step_turn *turn,
		  struct err *err)
{
	char text[CURL_ERROR_SIZE] = "", hash[PKI_K10_MAX];
	CURLcode code = fetch_cacerts(server, body, text);
	int r;

	if (code != CURLE_OK) {
		step_reasonf(turn, "waiting for the control-plane at %s: %s", server,
			     text[0] ? text : curl_easy_strerror(code));
		return TURN_WAIT;
	}
	r = pki_k10_hash(buf_str(body), body->len, hash, err);
	if (r < 0)
		return err_wrapf(err, r, "what %s/cacerts sent", server);
	if (strncmp(token + 3, hash, strlen(hash)) != 0)
		return err_setf(err, -EPERM,
				"%s has another CA (hash %.12s...) than this node's token pins "
				"(%.12s...): it is not our "
				"cluster, or .kiln/secrets was made anew; nothing is sent there",
				server, hash, token + 3);
	return TURN_DONE;
}

int k3s_check_ca(const char *server, const char *token, struct step_turn *turn, struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT(CACERTS_MAX);

	return get_ca(server, token, &body, turn, err);
}

/* As user and password, over TLS that is verified by the pinned CA alone. */
static CURLcode ask_with_token(const char *server, const char *user_password, const struct buf *ca,
			       char *text, long *ret_status)
{
	CLEANUP(easy_cleanup) CURL *c = curl_easy_init();
	cleanup_buf struct buf body = BUF_INIT(CACERTS_MAX);
	struct curl_blob blob = { .data = ca->data, .len = ca->len, .flags = CURL_BLOB_COPY };
	char url[512];
	CURLcode code;

	if (!c)
		return CURLE_OUT_OF_MEMORY;
	(void)snprintf(url, sizeof(url), "%s/v1-k3s/readyz", server);
	set_common(c, url, &body, text);
	(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
	(void)curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	(void)curl_easy_setopt(c, CURLOPT_USERPWD, user_password);
	code = curl_easy_perform(c);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, ret_status);
	return code;
}

int k3s_check_token(const char *server, const char *token, struct step_turn *turn, struct err *err)
{
	cleanup_buf struct buf ca = BUF_INIT(CACERTS_MAX);
	const char *secret = strstr(token, "::");
	char text[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;
	int r = get_ca(server, token, &ca, turn, err);

	if (r != TURN_DONE || !secret || !strchr(secret + 2, ':')) /* a bootstrap token: K3s' own */
		return r;
	code = ask_with_token(server, secret + 2, &ca, text, &status);
	if (code != CURLE_OK) {
		step_reasonf(turn, "waiting for the control-plane at %s: %s", server,
			     text[0] ? text : curl_easy_strerror(code));
		return TURN_WAIT;
	}
	if (status == 401 || status == 403)
		return err_setf(err, -EACCES,
				"%s refuses this node's token: .kiln/secrets was made anew, or the "
				"cluster's token was changed; bake this node from the secrets that "
				"the cluster has",
				server);
	return TURN_DONE; /* not ready yet is K3s' to wait for */
}

/* An answer that is no success, in words; wrong CA is an error, all else is waited for. */
static int not_ok(const struct kube_req *req, const char *what, struct step_turn *turn,
		  struct err *err)
{
	if (req->reply.class == KUBE_WRONG_CLUSTER)
		return err_setf(err, -EPERM,
				"%s: the API server's certificate is not of our CA: %s", what,
				req->reply.message);
	step_reasonf(turn, "waiting for %s: %s", what,
		     req->reply.message[0] ? req->reply.message : "no answer");
	return TURN_WAIT;
}

int k3s_check_ready(struct kube *k, bool control_plane, struct step_turn *turn, struct err *err)
{
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = "/readyz",
						 .timeout_ms = 5000 };
	int r;

	if (!control_plane)
		return TURN_DONE;
	r = kube_do(k, &req, err);
	if (r < 0)
		return r;
	return req.reply.class == KUBE_OK ? TURN_DONE : not_ok(&req, "/readyz", turn, err);
}

static bool has_address(const json_t *node, const char *want)
{
	const json_t *list = js_at(node, "status.addresses");
	size_t i, len = strcspn(want, "/");
	const json_t *e;

	json_array_foreach (list, i, e) {
		const char *have = json_string_value(json_object_get(e, "address"));

		if (have && strlen(have) == len && strncmp(have, want, len) == 0)
			return true;
	}
	return false;
}

int k3s_check_node(struct kube *k, const struct node_json *n, struct step_turn *turn,
		   struct err *err)
{
	char path[512];
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = path,
						 .timeout_ms = 5000 };
	cleanup_json json_t *node = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s", n->node.name);
	r = kube_do(k, &req, err);
	if (r < 0)
		return r;
	if (req.reply.class == KUBE_ABSENT) {
		step_reasonf(
			turn,
			"waiting for this node to register; a 'Node password rejected' in K3s' log "
			"means that another machine had this name");
		return TURN_WAIT;
	}
	if (req.reply.class != KUBE_OK)
		return not_ok(&req, "this node's registration", turn, err);
	node = kube_reply_json(&req.reply, err);
	if (!node)
		return -EBADMSG;
	for (size_t i = 0; i < n->node.addresses.len; i++) {
		if (!has_address(node, n->node.addresses.items[i])) {
			step_reasonf(turn,
				     "the Node object lacks address %s: K3s was told so by "
				     "kubelet-arg node-ip",
				     n->node.addresses.items[i]);
			return TURN_WAIT;
		}
	}
	return TURN_DONE;
}
