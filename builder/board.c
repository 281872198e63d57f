/* board - decode boards/<name>/board.yaml by a table */
#include "board.h"
#include "buf.h"
#include "datadir.h"
#include "decode.h"
#include "file.h"
#include "schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define B(member) offsetof(struct board, member)
#define MiB ((uint64_t)1 << 20)

static const struct uint_rule version_rule = { 1, 1 };
static const struct u64_rule boot_rule = { 256 * MiB, 16384 * MiB };
static const struct u64_rule memory_rule = { 256 * MiB, 1024 * 1024 * MiB };
static const struct enum_name boot_names[] = { { "rpi", BOOT_RPI }, { "uefi", BOOT_UEFI }, { 0 } };

static bool is_arch(const char *s)
{
	return strcmp(s, "amd64") == 0 || strcmp(s, "arm64") == 0;
}
static const struct text_rule rule_arch = { "an architecture: amd64 or arm64", is_arch,
					    "^(amd64|arm64)$", NULL };
static bool is_suite(const char *s)
{
	return strcmp(s, "trixie") == 0 || strcmp(s, "trixie-backports") == 0;
}
static const struct text_rule rule_suite = { "a suite: trixie or trixie-backports", is_suite,
					     "^trixie(-backports)?$", NULL };
static bool is_firmware(const char *s)
{
	return strcmp(s, "ovmf") == 0;
}
static const struct text_rule rule_firmware = { "a firmware of QEMU: ovmf", is_firmware, "^ovmf$",
						NULL };

/* struct board_strings is a string_list without positions */
static void words_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	struct board_strings *out = dst;
	struct string_list l = { 0 };

	type_strings.decode(d, v, f, &l);
	free(l.pos);
	out->items = l.items;
	out->len = l.len;
}
static json_t *words_schema(const struct field *f)
{
	return type_strings.schema(f);
}
static void words_done(void *value)
{
	struct board_strings *l = value;

	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct board_strings){ 0 };
}
static const struct field_type type_words = { words_decode, words_schema, "list of text", NULL,
					      words_done };

static const struct field kernel_fields[] = {
	{ "package", &type_text, B(kernel.package), FIELD_REQUIRED, &rule_package,
	  .doc = "Debian's kernel package." },
	{ "suite", &type_text, B(kernel.suite), .arg = &rule_suite, .def = "trixie",
	  .doc = "Suite it comes from: trixie or trixie-backports." },
	{ "min_version", &type_text, B(kernel.min_version), .arg = &rule_word,
	  .doc = "Oldest version that runs on this board." },
	{ "cmdline", &type_words, B(kernel.cmdline), FIELD_REQUIRED, &rule_word,
	  .doc = "Words of the kernel command line; Kiln adds what finds the root." },
	{ 0 },
};
static const struct field boot_fields[] = {
	{ "type", &type_text, B(boot_partition_type), FIELD_REQUIRED, &rule_uuid,
	  .doc = "GPT type of entry 1." },
	{ "size", &type_size, B(boot_partition_bytes), .arg = &boot_rule, .def = "1GiB",
	  .doc = "Its size." },
	{ 0 },
};
static const struct field qemu_fields[] = {
	{ "machine", &type_text, B(qemu.machine), FIELD_REQUIRED, &rule_word, .doc = "QEMU's -M." },
	{ "cpu", &type_text, B(qemu.cpu), FIELD_REQUIRED, &rule_word, .doc = "QEMU's -cpu." },
	{ "firmware", &type_text, B(qemu.firmware), .arg = &rule_firmware,
	  .doc = "ovmf; without the key kernel and initrd are read from the boot partition." },
	{ "console", &type_text, B(qemu.console), FIELD_REQUIRED, &rule_word,
	  .doc = "Its serial console." },
	{ "memory", &type_size, B(qemu.memory_bytes), .arg = &memory_rule, .def = "1GiB",
	  .doc = "Its memory." },
	{ 0 },
};

struct board_file {
	struct board b;
	unsigned int version;
};
static const struct field board_fields[] = {
	{ "kiln", &type_uint, offsetof(struct board_file, version), FIELD_REQUIRED, &version_rule,
	  .doc = "Version of this format: 1." },
	{ "description", &type_text, B(description), FIELD_REQUIRED,
	  .doc = "One line for people." },
	{ "arch", &type_text, B(arch), FIELD_REQUIRED, &rule_arch,
	  .doc = "Debian's architecture." },
	{ "boot", &type_enum, B(boot), FIELD_REQUIRED, boot_names,
	  .doc = "How its firmware starts a kernel: rpi or uefi." },
	{ "kernel", &type_map, .flags = FIELD_REQUIRED, .arg = kernel_fields,
	  .doc = "The kernel." },
	{ "packages", &type_words, B(packages), .arg = &rule_package,
	  .doc = "Packages beside those of the roles: firmware, boot loader." },
	{ "backports", &type_words, B(backports), .arg = &rule_package,
	  .doc = "Packages taken from kernel.suite as well." },
	{ "initrd_modules", &type_words, B(initrd_modules), FIELD_REQUIRED, &rule_word,
	  .doc = "Modules of the initrd by name; what they depend on is found." },
	{ "microcode", &type_words, B(microcode), .arg = &rule_word,
	  .doc = "CPU models whose microcode the initrd carries, as family-model: 06-9e." },
	{ "boot_partition", &type_map, .flags = FIELD_REQUIRED, .arg = boot_fields,
	  .doc = "GPT entry 1, FAT." },
	{ "interface", &type_text, B(interface), FIELD_REQUIRED, &rule_word,
	  .doc = "Name that systemd gives its Ethernet." },
	{ "qemu", &type_map, .flags = FIELD_REQUIRED, .arg = qemu_fields,
	  .doc = "The machine of kiln run." },
	{ 0 },
};

void board_free(struct board *b)
{
	if (!b)
		return;
	decode_done(board_fields, b);
	free(b->name);
	free(b->dir);
	free(b);
}

/* The first mistake as one line: boards are Kiln's own data, a user seldom sees this. */
static int first_mistake(const struct diag_list *diags, struct err *err)
{
	const struct diag *d = &diags->items[0];

	return err_setf(err, -EINVAL, "%s:%u:%u: %s", diags->path, d->line, d->col, d->msg);
}

int board_parse(const char *path, const char *text, size_t len, struct board **ret,
		struct diag_list *diags)
{
	struct board_file *f = calloc(1, sizeof(*f));
	cleanup_board struct board *b = (struct board *)f;
	cleanup_ynode struct ynode *root = NULL;
	struct decode d = { .diags = diags, .dir = "." };
	int r;

	_Static_assert(offsetof(struct board_file, b) == 0, "a board_file is freed as a board");
	if (!f)
		return -ENOMEM;
	r = diag_list_begin(diags, path, text, len);
	if (r >= 0)
		r = yaml_doc_parse(diags->source, diags->source_len, diags, &root);
	if (r >= 0)
		decode_map(&d, root, board_fields, f);
	diag_sort(diags);
	if (r < 0 || diags->nomem)
		return diags->nomem ? -ENOMEM : r;
	if (diags->len > 0)
		return -EINVAL;
	*ret = TAKE_PTR(b);
	return 0;
}

bool board_exists(const char *name)
{
	cleanup_free char *path = NULL;
	char rel[NAME_MAX + 32];
	struct err err = { 0 };

	if (!rule_label.valid(name))
		return false;
	(void)snprintf(rel, sizeof(rel), "boards/%s/board.yaml", name);
	return datadir_path(rel, &path, &err) == 0 && access(path, F_OK) == 0;
}

static int board_read(const char *name, const char *dir, struct board **ret, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_board struct board *b = NULL;
	cleanup_free char *path = NULL, *text = NULL;
	size_t len;
	int r;

	if (asprintf(&path, "%s/board.yaml", dir) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	r = file_read_at(AT_FDCWD, path, YAML_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = board_parse(path, text, len, &b, &diags);
	if (r < 0)
		return diags.len > 0 ? first_mistake(&diags, err) : err_nomem(err);
	b->name = strdup(name);
	b->dir = strdup(dir);
	if (!b->name || !b->dir)
		return err_nomem(err);
	*ret = TAKE_PTR(b);
	return 0;
}

int board_load(const char *name, struct board **ret, struct err *err)
{
	cleanup_free char *all = NULL, *dir = NULL;
	char rel[NAME_MAX + 16];
	int r;

	if (!board_exists(name)) {
		all = board_names();
		return err_setf(err, -ENOENT, "no board '%s'; there are %s", name,
				all ? all : "none");
	}
	(void)snprintf(rel, sizeof(rel), "boards/%s", name);
	r = datadir_path(rel, &dir, err);
	if (r >= 0)
		r = board_read(name, dir, ret, err);
	return r < 0 ? err_wrapf(err, r, "board '%s'", name) : 0;
}

static int keep_board(const struct dirent *e)
{
	return e->d_name[0] != '.' && board_exists(e->d_name);
}

char *board_names(void)
{
	cleanup_free char *dir = NULL;
	cleanup_buf struct buf names = BUF_INIT(1 << 16);
	struct dirent **list = NULL;
	struct err err = { 0 };
	int n;

	if (datadir_path("boards", &dir, &err) < 0)
		return strdup("none");
	n = scandir(dir, &list, keep_board, alphasort);
	for (int i = 0; i < n; i++) {
		buf_addf(&names, "%s%s", i > 0 ? ", " : "", list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return names.len ? buf_steal(&names, NULL) : strdup("none");
}

json_t *schema_board(void)
{
	json_t *s = schema_object(board_fields);

	if (s && (json_object_set_new(s, "$schema",
				      json_string("http://json-schema.org/draft-07/schema#")) < 0 ||
		  json_object_set_new(s, "title", json_string("board.yaml of Kiln")) < 0)) {
		json_decref(s);
		return NULL;
	}
	return s;
}
