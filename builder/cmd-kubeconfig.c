#include "cmd-kubeconfig.h"

#include "cluster-open.h"
#include "commands.h"
#include "file.h"
#include "kubeconfig.h"
#include "options.h"
#include "out-dir.h"
#include "parse.h"
#include "path.h"

#include <fcntl.h>
#include <string.h>

#define YEAR_S (UINT64_C(365) * 86400)

const char cmd_kubeconfig_help[] =
	"Signs an admin's client certificate with the cluster's client CA and writes it as a\n"
	"kubeconfig (0600). Works before the first node has booted; every call makes a new\n"
	"key and certificate. Certificates cannot be withdrawn: keep --valid short for others.\n"
	"\n"
	"  FILE             default: cluster.yaml here\n"
	"  -f FILE          the same\n"
	"  -o PATH          where to write (default: out/kubeconfig beside FILE; '-': stdout)\n"
	"  --valid DURATION how long it is valid from now, such as 8h or 30d (default: 365d)\n"
	"  --server HOST    name or address of the API server (default: cluster.api, else the\n"
	"                   first control-plane's address)\n";

struct kubeconfig_args {
	const char *file, *out, *server;
	uint64_t valid_s;
};

static int take_valid(void *args, const char *value, struct err *err)
{
	struct kubeconfig_args *a = args;

	if (duration_parse(value, &a->valid_s) < 0 || a->valid_s == 0 || a->valid_s > 100 * YEAR_S)
		return err_setf(err, CMD_USAGE, "--valid wants a duration such as 30d, not '%s'",
				value);
	return 0;
}

static const struct option_row rows[] = {
	OPTION("-o", OPTION_TEXT, struct kubeconfig_args, out),
	OPTION("--server", OPTION_TEXT, struct kubeconfig_args, server),
	OPTION_FN("--valid", OPTION_CALL, take_valid),
	OPTION("file", OPTION_OPERAND, struct kubeconfig_args, file),
	OPTION("-f", OPTION_TEXT, struct kubeconfig_args, file),
	{ 0 },
};

/* A bare name or address, as people type it; IPv6 gets its brackets. */
static int server_url(const struct cluster *c, const char *host, char **ret, struct err *err)
{
	struct ip_addr a;
	bool six;

	if (!host)
		return kubeconfig_server(c, ret, err);
	if (!*host || host[strcspn(host, "/ \"'\\\t\n{}#")] != '\0')
		return err_setf(err, -EINVAL, "'%s' is neither a name nor an address", host);
	six = ip_addr_parse(host, &a) >= 0 && a.family == IP_V6;
	if (asprintf(ret, "https://%s%s%s:6443", six ? "[" : "", host, six ? "]" : "") < 0) {
		*ret = NULL;
		return err_nomem(err);
	}
	return 0;
}

static int write_out(const struct cluster *c, const struct kubeconfig_args *a,
		     const struct secret *text, struct err *err)
{
	cleanup_free char *path = path_join(c->dir, "out/kubeconfig");
	int r = 0;

	if (!path)
		return err_nomem(err);
	if (a->out && strcmp(a->out, "-") == 0) {
		r = write_all(STDOUT_FILENO, text->data, text->len);
		return r < 0 ? err_errnof(err, r, "cannot write to stdout") : 0;
	}
	if (!a->out)
		r = out_dir_make(c, NULL, err);
	if (r >= 0)
		r = file_replace_at(AT_FDCWD, a->out ?: path, text->data, text->len, 0600, err);
	if (r >= 0)
		printf("%s: valid for %llu days\n", a->out ?: path,
		       (unsigned long long)(a->valid_s / 86400));
	return r;
}

int cmd_kubeconfig(int argc, char **argv, struct err *err)
{
	struct kubeconfig_args a = { .valid_s = YEAR_S };
	cleanup_secret struct secret text = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_free char *server = NULL;
	int r = options_parse(rows, argc, argv, &a, err);

	if (r != 0)
		return r;
	r = cluster_open(a.file ? a.file : CLUSTER_FILE, &c, err);
	if (r >= 0)
		r = server_url(c, a.server, &server, err);
	if (r >= 0)
		r = kubeconfig_make(c, server, a.valid_s, &text, err);
	return r < 0 ? r : write_out(c, &a, &text, err);
}
