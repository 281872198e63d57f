/* secrets-node - what makes a node itself: machine-id, K3s node password, SSH host keys */
#include "secrets-make.h"

#include "file.h"
#include "path.h"
#include "spawn.h"
#include "tempfile.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define KEY_BYTES_MAX ((size_t)64 << 10)
#define KEYGEN_MS 120000 /* RSA on a slow desk */

static const struct {
	const char *type, *bits;
} key_types[] = { { "ed25519", NULL }, { "ecdsa", "256" }, { "rsa", "3072" } };

/* RFC 4122 version 4, as systemd makes it: some programs take the id for a UUID. */
static int make_machine_id(struct vault *v, const char *node, struct err *err)
{
	cleanup_secret struct secret id = { 0 };
	char name[128], line[64];
	bool there;
	int r;

	(void)snprintf(name, sizeof(name), "nodes/%s/machine-id", node);
	r = vault_has(v, name, &there, err);
	if (r < 0 || there)
		return r;
	r = vault_random_hex(16, &id, err);
	if (r < 0)
		return r;
	id.data[12] = '4';
	id.data[16] = "89ab"[id.data[16] & 3];
	(void)snprintf(line, sizeof(line), "%s\n", id.data);
	return vault_add(v, name, line, strlen(line), err);
}

/* ssh-keygen writes OpenSSH's own format; it works in a folder that goes away. */
static int keygen(const char *type, const char *bits, const char *node, const char *file,
		  struct err *err)
{
	cleanup_free char *comment = NULL;
	const char *argv[14] = { "ssh-keygen", "-q", "-t", type, "-N", "", "-f", file, "-C" };
	struct spawn s = { .argv = argv, .timeout_ms = KEYGEN_MS };
	size_t n = 9;

	if (asprintf(&comment, "root@%s", node) < 0) {
		comment = NULL;
		return err_nomem(err);
	}
	argv[n++] = comment;
	if (bits) {
		argv[n++] = "-b";
		argv[n++] = bits;
	}
	return spawn_run(&s, err);
}

static int copy_in(struct vault *v, const char *from, const char *name, struct err *err)
{
	cleanup_secret struct secret text = { 0 };
	int r = file_read_at(AT_FDCWD, from, KEY_BYTES_MAX, &text.data, &text.len, err);

	return r < 0 ? r : vault_add(v, name, text.data, text.len, err);
}

/* Only the public half is missing: it follows from the key. */
static int make_public(struct vault *v, const char *key, const char *node, struct err *err)
{
	cleanup_free char *path = path_join(v->path, key), *line = NULL;
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "ssh-keygen", "-y", "-f", path, NULL },
		.out_max = KEY_BYTES_MAX,
		.timeout_ms = KEYGEN_MS,
	};
	char name[256];
	int r;

	if (!path)
		return err_nomem(err);
	r = spawn_run(&s, err);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s.pub", key);
	/* some types print the comment that is in the key, some do not */
	s.out[strcspn(s.out, "\n")] = '\0';
	if (strchr(s.out, ' ') == strrchr(s.out, ' '))
		r = asprintf(&line, "%s root@%s\n", s.out, node);
	else
		r = asprintf(&line, "%s\n", s.out);
	if (r < 0) {
		line = NULL;
		return err_nomem(err);
	}
	return vault_add(v, name, line, strlen(line), err);
}

static int make_host_key(struct vault *v, const char *node, const char *type, const char *bits,
			 struct err *err)
{
	cleanup_tempfile struct tempfile *dir = NULL;
	char key[128], pub[sizeof(key) + 4], made[PATH_MAX], made_pub[sizeof(made) + 4];
	bool has_key, has_pub;
	int r;

	(void)snprintf(key, sizeof(key), "nodes/%s/ssh_host_%s_key", node, type);
	(void)snprintf(pub, sizeof(pub), "%s.pub", key);
	r = vault_has(v, key, &has_key, err);
	if (r >= 0)
		r = vault_has(v, pub, &has_pub, err);
	if (r < 0 || (has_key && has_pub))
		return r;
	if (has_key)
		return make_public(v, key, node, err);
	if (has_pub)
		return err_setf(
			err, -ENOKEY,
			"'%s/%s' is gone, but its public half is there; restore it from a backup, "
			"or remove '%s' to give the node a new key",
			v->path, key, pub);
	r = tempfile_new_dir(v->path, ".ssh-", &dir, err);
	if (r < 0)
		return r;
	(void)snprintf(made, sizeof(made), "%s/key", dir->path);
	(void)snprintf(made_pub, sizeof(made_pub), "%s.pub", made);
	r = keygen(type, bits, node, made, err);
	if (r >= 0)
		r = copy_in(v, made, key, err);
	return r < 0 ? r : copy_in(v, made_pub, pub, err);
}

int secrets_make_node(struct vault *v, const char *node, struct err *err)
{
	char name[128];
	int r = make_machine_id(v, node, err);

	(void)snprintf(name, sizeof(name), "nodes/%s/node-password", node);
	if (r >= 0)
		r = vault_add_random_hex(v, name, 16, err); /* as K3s makes it */
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(key_types); i++)
		r = make_host_key(v, node, key_types[i].type, key_types[i].bits, err);
	return r < 0 ? err_wrapf(err, r, "node '%s'", node) : 0;
}
