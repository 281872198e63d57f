#include "kube-cred.h"

#include "file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#define CRED_MAX ((size_t)1 << 20)

void kube_cred_done(struct kube_cred *c)
{
	if (c->key_pem)
		explicit_bzero(c->key_pem, strlen(c->key_pem));
	free(c->url);
	free(c->ca_pem);
	free(c->cert_pem);
	free(c->key_pem);
	*c = (struct kube_cred){ 0 };
}

/*
 * k3s.yaml is written by K3s alone, always one "key: value" a line; the node has no
 * YAML parser and needs none for that. The value of the first line with that key.
 */
static char *yaml_line_value(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		const char *end, *v = p + strspn(p, " -");

		if (strncmp(v, key, len) != 0 || v[len] != ':')
			continue;
		v += len + 1;
		v += strspn(v, " \"");
		end = v + strcspn(v, " \"\r\n");
		return strndup(v, (size_t)(end - v));
	}
	return NULL;
}

static int decode_line(const char *text, const char *key, const char *path, char **ret,
		       struct err *err)
{
	cleanup_free char *b64 = yaml_line_value(text, key);
	size_t len = b64 ? strlen(b64) : 0;
	char *out;
	int n;

	if (!b64 || len == 0 || len % 4)
		return err_setf(err, -EBADMSG, "'%s' has no '%s'", path, key);
	out = calloc(1, len / 4 * 3 + 1);
	if (!out)
		return err_nomem(err);
	n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)b64, (int)len);
	explicit_bzero(b64, len);
	if (n < 0) {
		free(out);
		return err_setf(err, -EBADMSG, "'%s': '%s' is not base64", path, key);
	}
	*ret = out; /* EVP_DecodeBlock counts the padding as zero bytes: the text ends there */
	return 0;
}

int kube_cred_from_k3s_yaml(int root_fd, const char *path, struct kube_cred *ret, struct err *err)
{
	cleanup_kube_cred struct kube_cred c = { 0 };
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = file_read_at(root_fd, path + strspn(path, "/"), CRED_MAX, &text, &len, err);
	if (r < 0)
		return r;
	c.url = yaml_line_value(text, "server");
	if (!c.url)
		return err_setf(err, -EBADMSG, "'%s' has no 'server'", path);
	r = decode_line(text, "certificate-authority-data", path, &c.ca_pem, err);
	if (r >= 0)
		r = decode_line(text, "client-certificate-data", path, &c.cert_pem, err);
	if (r >= 0)
		r = decode_line(text, "client-key-data", path, &c.key_pem, err);
	explicit_bzero(text, len);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct kube_cred){ 0 };
	return 0;
}

static int read_pem(int root_fd, const char *dir, const char *name, char **ret, struct err *err)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/agent/%s", dir, name);
	return file_read_at(root_fd, path + strspn(path, "/"), CRED_MAX, ret, NULL, err);
}

int kube_cred_from_kubelet(int root_fd, const char *data_dir, const char *url,
			   struct kube_cred *ret, struct err *err)
{
	cleanup_kube_cred struct kube_cred c = { 0 };
	int r;

	r = read_pem(root_fd, data_dir, "server-ca.crt", &c.ca_pem, err);
	if (r >= 0)
		r = read_pem(root_fd, data_dir, "client-kubelet.crt", &c.cert_pem, err);
	if (r >= 0)
		r = read_pem(root_fd, data_dir, "client-kubelet.key", &c.key_pem, err);
	if (r < 0)
		return r;
	c.url = strdup(url);
	if (!c.url)
		return err_nomem(err);
	*ret = c;
	c = (struct kube_cred){ 0 };
	return 0;
}
