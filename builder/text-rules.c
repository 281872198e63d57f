/* text-rules - what names, keys, URLs and versions look like */
#include "decode.h"
#include "guid.h"
#include "parse.h"

#include <ctype.h>
#include <string.h>

static bool label_len(const char *s, size_t len)
{
	if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-')
			return false;
	return true;
}
static bool is_label(const char *s)
{
	return label_len(s, strlen(s));
}
const struct text_rule rule_label = { "a name of lower-case letters, digits and '-' (63 at most)",
				      is_label, "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", NULL };

static bool is_domain(const char *s)
{
	size_t labels = 0;

	if (strlen(s) > 253)
		return false;
	for (;;) {
		size_t len = strcspn(s, ".");

		if (!label_len(s, len))
			return false;
		labels++;
		if (s[len] == '\0') /* 192.168.14.3 is no name */
			return labels > 1 && !isdigit((unsigned char)s[0]);
		s += len + 1;
	}
}
const struct text_rule rule_domain = {
	"a domain name such as home.example.org", is_domain,
	"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\\.)+[a-z]([-a-z0-9]*[a-z0-9])?$", NULL
};

static bool is_user(const char *s)
{
	static const char *const taken[] = {
		"root",
		"daemon",
		"bin",
		"sys",
		"sync",
		"games",
		"man",
		"lp",
		"mail",
		"news",
		"uucp",
		"proxy",
		"backup",
		"list",
		"irc",
		"nobody",
		"sshd",
		"ceph",
		"www-data",
		"messagebus",
		"systemd-network",
		"systemd-timesync",
		"_apt",
		"polkitd",
		"sudo",
		"adm",
		"disk",
		"kmem",
		"tty",
		"users",
		"shadow",
		"kiln",
	};
	size_t len = strlen(s);

	if (len == 0 || len > 32 || (!islower((unsigned char)s[0]) && s[0] != '_'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    !strchr("-_", s[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (strcmp(taken[i], s) == 0)
			return false;
	return true;
}
const struct text_rule rule_user = { "a login name (lower case, not one of Debian's own)", is_user,
				     "^[a-z_][-a-z0-9_]{0,31}$", NULL };

static bool is_timezone(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > 60 || !isalpha((unsigned char)s[0]) || strstr(s, "//") ||
	    s[len - 1] == '/')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/_+-", *s))
			return false;
	return true;
}
const struct text_rule rule_timezone = { "a time zone such as Europe/Zurich", is_timezone,
					 "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", NULL };

static bool is_locale(const char *s)
{
	size_t n = 0;

	if (strcmp(s, "C.UTF-8") == 0)
		return true;
	while (islower((unsigned char)s[n]))
		n++;
	if (n < 2 || n > 3 || s[n] != '_' || !isupper((unsigned char)s[n + 1]) ||
	    !isupper((unsigned char)s[n + 2]))
		return false;
	return strcmp(s + n + 3, ".UTF-8") == 0;
}
const struct text_rule rule_locale = { "a UTF-8 locale such as en_US.UTF-8 or C.UTF-8", is_locale,
				       "^(C|[a-z]{2,3}_[A-Z]{2})\\.UTF-8$", NULL };

static bool is_uuid(const char *s)
{
	struct guid g;

	return guid_parse(s, &g) == 0;
}
const struct text_rule rule_uuid = {
	"a UUID such as 0f2d6a1e-3b54-4c1e-9d0a-6a5f6c2b7e11", is_uuid,
	"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$", NULL
};

/* v1.35.2+k3s1, v1.35.2-rc1+k3s1 */
static bool is_k3s_version(const char *s)
{
	if (*s++ != 'v')
		return false;
	for (int i = 0; i < 3; i++) {
		size_t n = strspn(s, "0123456789");

		if (n == 0 || n > 3 || (i < 2 && s[n] != '.'))
			return false;
		s += n + (i < 2);
	}
	if (strncmp(s, "-rc", 3) == 0)
		s += 3 + strspn(s + 3, "0123456789");
	if (strncmp(s, "+k3s", 4) != 0)
		return false;
	s += 4;
	return *s && strspn(s, "0123456789") == strlen(s);
}
const struct text_rule rule_k3s_version = { "a K3s version such as v1.35.2+k3s1", is_k3s_version,
					    "^v[0-9]+\\.[0-9]+\\.[0-9]+(-rc[0-9]+)?\\+k3s[0-9]+$",
					    NULL };

/* The type inside the blob (a length and the type's name in base64) is the one in front. */
static bool blob_has_type(const char *blob, const char *type, size_t type_len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char head[64] = { 0 };
	size_t out = 0;
	uint32_t bits = 0;

	for (size_t i = 0; blob[i] && blob[i] != ' ' && blob[i] != '=' && out + 3 < sizeof(head);
	     i++) {
		const char *p = strchr(digits, blob[i]);

		if (!p)
			return false;
		bits = bits << 6 | (uint32_t)(p - digits);
		if (i % 4 == 3) {
			head[out++] = (unsigned char)(bits >> 16);
			head[out++] = (unsigned char)(bits >> 8);
			head[out++] = (unsigned char)bits;
		}
	}
	return out > 4 + type_len && head[0] == 0 && head[1] == 0 && head[2] == 0 &&
	       head[3] == type_len && memcmp(head + 4, type, type_len) == 0;
}
static bool is_ssh_key(const char *s)
{
	static const char *const types[] = { "ssh-ed25519",
					     "ssh-rsa",
					     "ecdsa-sha2-nistp256",
					     "ecdsa-sha2-nistp384",
					     "ecdsa-sha2-nistp521",
					     "sk-ssh-ed25519@openssh.com",
					     "sk-ecdsa-sha2-nistp256@openssh.com" };
	size_t n = strcspn(s, " "), blob;
	const char *b64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	if (s[n] != ' ' || strchr(s, '\n'))
		return false;
	blob = strcspn(s + n + 1, " ");
	if (blob < 60 || strspn(s + n + 1, b64) != blob)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i]) == n && strncmp(types[i], s, n) == 0)
			return blob_has_type(s + n + 1, types[i], n);
	return false;
}
const struct text_rule rule_ssh_key = {
	"a public ssh key", is_ssh_key,
	"^(ssh-|ecdsa-sha2-|sk-)[-a-z0-9@.]+ AAAA[A-Za-z0-9+/]+={0,2}( .*)?$",
	"give the whole line of a .pub file, such as 'ssh-ed25519 AAAA... me@laptop'"
};

static bool is_package(const char *s)
{
	size_t len = strlen(s);

	if (len < 2 || !isalnum((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    !strchr("+-.", s[i]))
			return false;
	return true;
}
const struct text_rule rule_package = { "a Debian package name", is_package,
					"^[a-z0-9][-a-z0-9+.]+$", NULL };

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}
/* "scheme://host...", without a user and password in it. */
static bool url_after(const char *s, const char *scheme)
{
	size_t n = strlen(scheme);

	return strncmp(s, scheme, n) == 0 && isalnum((unsigned char)s[n]) && printable(s) &&
	       !memchr(s + n, '@', strcspn(s + n, "/"));
}
static bool is_url(const char *s)
{
	return url_after(s, "https://") || url_after(s, "http://");
}
const struct text_rule rule_url = { "a URL such as https://mirror.example.org/debian", is_url,
				    "^https?://[A-Za-z0-9][^@\\s]*$", NULL };

static bool is_repo(const char *s)
{
	const char *colon = strchr(s, ':');

	if (url_after(s, "https://") || url_after(s, "http://"))
		return true;
	if (strncmp(s, "ssh://", 6) == 0)
		return s[6] && printable(s);
	return strncmp(s, "git@", 4) == 0 && colon && colon[1] && printable(s);
}
const struct text_rule rule_repo = {
	"a Git repository such as https://git.example.org/me/gitops.git or "
	"git@git.example.org:me/gitops.git",
	is_repo, "^(https?://[A-Za-z0-9][^@\\s/]*(/\\S*)?|ssh://\\S+|git@\\S+:\\S+)$",
	"a user name or password does not belong into it"
};

static bool is_email(const char *s)
{
	const char *at = strchr(s, '@');

	return at && at > s && !strchr(at + 1, '@') && is_domain(at + 1) && printable(s);
}
const struct text_rule rule_email = { "an e-mail address", is_email,
				      "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", NULL };

static bool is_compress(const char *s)
{
	uint32_t level;

	if (strcmp(s, "none") == 0 || strcmp(s, "zstd") == 0 || strcmp(s, "lzo") == 0)
		return true;
	return strncmp(s, "zstd:", 5) == 0 && u32_parse_between(s + 5, 1, 15, &level) == 0;
}
const struct text_rule rule_compress = { "a compression of Btrfs: zstd:1 to zstd:15, lzo or none",
					 is_compress, "^(none|lzo|zstd(:([1-9]|1[0-5]))?)$", NULL };

static bool is_path(const char *s)
{
	return *s != '\0' && strlen(s) < 4096;
}
const struct text_rule rule_path = { "a path", is_path, NULL, NULL };

static bool is_word(const char *s)
{
	return *s != '\0' && strlen(s) < 256 && printable(s);
}
const struct text_rule rule_word = { "a word without blanks", is_word, "^\\S+$", NULL };

static bool is_env(const char *s)
{
	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}
const struct text_rule rule_env = { "the name of an environment variable", is_env,
				    "^[A-Za-z_][A-Za-z0-9_]*$", NULL };

static bool is_k8s_name(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > 253)
		return false;
	for (;;) {
		len = strcspn(s, ".");
		if (!label_len(s, len))
			return false;
		if (s[len] == '\0')
			return true;
		s += len + 1;
	}
}
const struct text_rule rule_k8s_name = { "a name of lower-case letters, digits, '-' and '.'",
					 is_k8s_name, "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", NULL };
