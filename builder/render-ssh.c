/* render-ssh - the only login: sshd's drop-in, host keys, the user's keys */
#include "render.h"

#include "buf.h"

/* One setting a line; the first value that sshd reads wins, and drop-ins are read first. */
static int drop_in(const struct render *in, struct fileset *fs, struct err *err)
{
	return fileset_addf(
		fs, "/etc/ssh/sshd_config.d/10-kiln.conf", 0600, 0, err,
		"# Keys only, one user only. Made by Kiln: a new seed replaces it.\n"
		"Port 22\n"
		"Protocol 2\n"
		"PermitRootLogin no\n"
		"PermitEmptyPasswords no\n"
		"PasswordAuthentication no\n"
		"KbdInteractiveAuthentication no\n"
		"LoginGraceTime 60\n"
		"ClientAliveInterval 120\n"
		"MaxAuthTries 3\n"
		"X11Forwarding no\n"
		"AllowUsers %s\n"
		"AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys/%%u\n",
		in->cluster->system.user);
}

static int user_keys(const struct render *in, struct fileset *fs, struct err *err)
{
	const struct string_list *keys = &in->cluster->system.ssh_keys;
	cleanup_buf struct buf b = BUF_INIT(NODE_FILE_MAX);
	cleanup_free char *path = NULL;
	int r;

	for (size_t i = 0; i < keys->len; i++)
		(void)buf_addf(&b, "%s\n", keys->items[i]);
	r = buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot render the keys of user '%s'",
				  in->cluster->system.user);
	/* Of root, so that a new seed is the one place that says who may log in; a person's own
	 * ~/.ssh/authorized_keys is not touched. */
	if (asprintf(&path, "/etc/ssh/authorized_keys/%s", in->cluster->system.user) < 0)
		return err_nomem(err);
	return fileset_addf(fs, path, 0644, 0, err, "%s", buf_str(&b));
}

static int host_key(const struct render *in, struct fileset *fs, const char *type, struct err *err)
{
	static const struct {
		const char *suffix;
		mode_t mode;
	} halves[] = { { "", 0600 }, { ".pub", 0644 } };

	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		cleanup_free char *path = NULL, *name = NULL;
		int r;

		if (asprintf(&path, "/etc/ssh/ssh_host_%s_key%s", type, halves[i].suffix) < 0 ||
		    asprintf(&name, "nodes/%s/ssh_host_%s_key%s", in->node->name, type,
			     halves[i].suffix) < 0)
			return err_nomem(err);
		r = render_secret(in, fs, path, halves[i].mode, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int render_ssh(const struct render *in, struct fileset *fs, struct err *err)
{
	static const char *const types[] = { "ed25519", "ecdsa", "rsa" };
	int r;

	r = drop_in(in, fs, err);
	if (r < 0)
		return r;
	r = user_keys(in, fs, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(types); i++)
		r = host_key(in, fs, types[i], err);
	return r;
}
