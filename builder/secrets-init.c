/* secrets-init - all parts of `kiln init` in their order, and known_hosts from them */
#include "secrets-make.h"

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>

#define KNOWN_HOSTS_MAX ((size_t)4 << 20)

/* cluster-id comes last: where it is, everything of the cluster itself once was. */
static int make_identity(struct vault *v, struct err *err)
{
	bool there;
	int r = vault_has(v, "cluster-id", &there, err);

	if (r < 0)
		return r;
	if (there)
		return secrets_check_identity(v, err);
	r = secrets_make_ca(v, (int64_t)clock_wall_s(), err);
	if (r >= 0)
		r = secrets_make_tokens(v, err);
	if (r >= 0)
		r = vault_add_random_hex(v, "cluster-id", 16, err);
	return r;
}

int secrets_init(const struct cluster *c, unsigned int *ret_made, struct err *err)
{
	cleanup_vault struct vault v = { .fd = -EBADF };
	int r = vault_open(c->dir, &v, err);

	if (r >= 0)
		r = make_identity(&v, err);
	if (r >= 0)
		r = secrets_make_components(&v, err);
	for (size_t i = 0; r >= 0 && i < c->nodes_len; i++)
		r = secrets_make_node(&v, c->nodes[i].name, err);
	if (r < 0)
		return r;
	*ret_made = v.made;
	return 0;
}

static void add_names(struct buf *b, const struct cluster *c, const struct node *n)
{
	char text[IP_TEXT_MAX];

	(void)buf_addf(b, "%s,%s.%s", n->name, n->name, c->domain);
	for (size_t i = 0; i < n->addresses.len; i++)
		(void)buf_addf(b, ",%s", ip_addr_format(&n->addresses.items[i].addr, text));
}

static int add_node(struct buf *b, const struct cluster *c, const struct node *n, struct err *err)
{
	static const char *const types[] = { "ed25519", "ecdsa", "rsa" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		cleanup_secret struct secret pub = { 0 };
		char name[256], *space;
		int r;

		(void)snprintf(name, sizeof(name), "nodes/%s/ssh_host_%s_key.pub", n->name,
			       types[i]);
		r = secrets_get(c, name, &pub, err);
		if (r < 0)
			return r;
		/* "type base64 comment": the comment stays out */
		pub.data[strcspn(pub.data, "\n")] = '\0';
		space = strchr(pub.data, ' ');
		space = space ? strchr(space + 1, ' ') : NULL;
		if (space)
			*space = '\0';
		add_names(b, c, n);
		(void)buf_addf(b, " %s\n", pub.data);
	}
	return 0;
}

int secrets_known_hosts(const struct cluster *c, const char *path, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(KNOWN_HOSTS_MAX);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->nodes_len; i++)
		r = add_node(&b, c, &c->nodes[i], err);
	if (r < 0)
		return r;
	if (buf_error(&b) < 0)
		return err_errnof(err, buf_error(&b), "cannot make known_hosts");
	return file_replace_at(AT_FDCWD, path, b.data ? b.data : "", b.len, 0644, err);
}
