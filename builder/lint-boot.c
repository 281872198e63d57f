#include "lint-boot.h"
#include "bootfiles.h"

#include <string.h>
#include <strings.h>

#define FAT32_CLUSTERS_MIN 65525
#define SLACK_CLUSTERS 16

void lint_report_done(struct lint_report *r)
{
	for (size_t i = 0; i < r->len; i++)
		free(r->items[i].text);
	free(r->items);
	*r = (struct lint_report){ 0 };
}

static int fat_type(const struct lint_image *i, struct err *err)
{
	const struct fat *f = i->fat;

	if (f->bits == 12)
		return LINT_BAD(err, "FAT12 with %u clusters", f->clusters);
	/* the number decides for firmware, whatever the boot sector calls itself */
	if (f->bits == 16 && f->size_bytes > (UINT64_C(64) << 20))
		return LINT_BAD(err,
				"FAT16 (%u clusters) on more than 64 MiB; FAT32 needs %d clusters",
				f->clusters, FAT32_CLUSTERS_MIN);
	return 0;
}

static int fat_slack(const struct lint_image *i, struct err *err)
{
	const struct fat *f = i->fat;

	for (uint32_t c = f->clusters + 2 - SLACK_CLUSTERS; c < f->clusters + 2; c++)
		if (f->next[c] != 0)
			return LINT_BAD(err, "one of the last %d clusters is in use",
					SLACK_CLUSTERS);
	return 0;
}

static int fat_fits(const struct lint_image *i, struct err *err)
{
	if (i->fat->size_bytes > i->gpt->parts[0].size_bytes)
		return LINT_BAD(err, "the FAT says %llu bytes, its partition has %llu",
				(unsigned long long)i->fat->size_bytes,
				(unsigned long long)i->gpt->parts[0].size_bytes);
	return 0;
}

static bool is_short(const char *name)
{
	size_t base = strcspn(name, "."), ext = name[base] ? strlen(name + base + 1) : 0;

	return base >= 1 && base <= 8 && ext <= 3 && (ext == 0 || !strchr(name + base + 1, '.')) &&
	       strcspn(name, " +,;=[]") == strlen(name) && !strpbrk(name, "~");
}

static int long_names(const struct lint_image *i, struct err *err)
{
	for (size_t k = 0; k < i->fat->len; k++) {
		const struct fat_entry *e = &i->fat->entries[k];
		const char *slash = strrchr(e->path, '/'), *name = slash ? slash + 1 : e->path;

		if (!e->has_long_name && !is_short(name))
			return LINT_BAD(err, "'%s' has only a short name", e->path);
	}
	return 0;
}

static int starts(const struct lint_image *i, struct err *err)
{
	return i->started ? 0 : LINT_BAD(err, "%s", i->why_not);
}

static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = line; (p = strstr(p, word)); p += n)
		if ((p == line || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static int root_there(const struct lint_image *i, struct err *err)
{
	struct gpt_probe p = { 0 };
	char word[64];
	int r;

	if (!i->started)
		return 0;
	if (i->gpt->len < 2)
		return LINT_BAD(err, "no second partition for root");
	r = gpt_probe(i->fd, i->gpt->parts[1].start_bytes, i->gpt->parts[1].size_bytes, &p, err);
	if (r < 0)
		return r;
	(void)snprintf(word, sizeof(word), "root=UUID=%s", p.uuid);
	if (strcmp(p.type, "btrfs") != 0 || !has_word(i->start.cmdline, word))
		return LINT_BAD(err,
				"the command line does not say '%s', which is what entry 2 holds",
				word);
	return 0;
}

static int boot_there(const struct lint_image *i, struct err *err)
{
	char word[64];

	if (!i->started)
		return 0;
	(void)snprintf(word, sizeof(word), "kiln.boot=%04X-%04X", i->fat->volume_id >> 16,
		       i->fat->volume_id & 0xffff);
	if (!has_word(i->start.cmdline, word))
		return LINT_BAD(
			err, "the command line does not say '%s', the volume id of this FAT", word);
	return 0;
}

static int files_there(const struct lint_image *i, struct err *err)
{
	const char *names[] = { i->start.kernel, i->start.initrd };

	for (size_t k = 0; i->started && k < ARRAY_SIZE(names); k++) {
		const struct fat_entry *e = fat_find(i->fat, names[k]);

		if (!e || e->is_dir || e->size_bytes == 0)
			return LINT_BAD(err, "'%s' is named but is not there, or is empty",
					names[k]);
	}
	return 0;
}

const struct lint_rule lint_rules_disk[] = {
	{ "fat-type", LINT_RPI | LINT_UEFI,
	  "Microsoft FAT specification 1.03, p. 14; rpi-eeprom#514", fat_type },
	{ "fat-fits", LINT_RPI | LINT_UEFI, "UEFI 2.10, 13.3", fat_fits },
	{ "fat-slack", LINT_RPI, "rpi-eeprom#514 (last cluster is misread until January 2024)",
	  fat_slack },
	{ "long-names", LINT_RPI, "rpi-eeprom#521 (missing long names are not found)", long_names },
	{ "starts", LINT_RPI | LINT_UEFI, "config.adoc; UAPI Boot Loader Specification, type 1",
	  starts },
	{ "files-there", LINT_RPI | LINT_UEFI,
	  "boot.adoc: kernel, initramfs; Boot Loader Specification", files_there },
	{ "root-there", LINT_RPI | LINT_UEFI, "kiln-init, cmdline.h", root_there },
	{ "boot-there", LINT_RPI | LINT_UEFI, "kiln-init, cmdline.h", boot_there },
	{ 0 },
};

static int apply(const struct lint_rule *rules, const struct lint_image *i, struct lint_report *r,
		 struct err *err)
{
	for (const struct lint_rule *rule = rules; rule->id; rule++) {
		struct err what = { 0 };
		struct lint_finding *grown;
		int n;

		if (!(rule->kinds & 1u << i->kind))
			continue;
		n = rule->check(i, &what);
		r->checked++;
		if (n == 0)
			continue;
		if (n != -EBADMSG)
			return err_setf(err, n, "rule '%s': %s", rule->id, what.msg);
		grown = reallocarray(r->items, r->len + 1, sizeof(*grown));
		if (!grown)
			return err_nomem(err);
		r->items = grown;
		grown[r->len] = (struct lint_finding){ rule, strdup(what.msg) };
		if (!grown[r->len++].text)
			return err_nomem(err);
	}
	return 0;
}

static int run(struct lint_image *i, const char *path, struct lint_report *r, struct err *err)
{
	static const struct lint_rule *const tables[] = { lint_rules_disk, lint_rules_rpi,
							  lint_rules_uefi };
	cleanup_fat struct fat f = { 0 };
	struct gpt_table gpt = { 0 };
	struct err why = { 0 };
	int n;

	n = gpt_read(i->fd, path, &gpt, err);
	if (n == 0 && gpt.len == 0)
		n = err_setf(err, -EINVAL, "'%s' has no partitions", path);
	if (n == 0)
		n = fat_open(i->fd, gpt.parts[0].start_bytes, &f, err);
	if (n < 0)
		return n;
	i->gpt = &gpt;
	i->fat = &f;
	i->started = boot_read_fat(&f, i->kind, &i->start, &why) == 0;
	(void)snprintf(i->why_not, sizeof(i->why_not), "%.500s", why.msg);
	for (size_t k = 0; n == 0 && k < ARRAY_SIZE(tables); k++)
		n = apply(tables[k], i, r, err);
	return n;
}

int lint_run(int fd, const char *path, enum boot_kind kind, struct lint_report *ret,
	     struct err *err)
{
	struct lint_image i = { .kind = kind, .fd = fd };
	cleanup_lint_report struct lint_report r = { 0 };
	int n = run(&i, path, &r, err);

	boot_read_done(&i.start);
	if (n < 0)
		return n;
	*ret = r;
	r = (struct lint_report){ 0 };
	return 0;
}

int lint_require(int fd, const char *path, enum boot_kind kind, struct err *err)
{
	cleanup_lint_report struct lint_report r = { 0 };
	cleanup_buf struct buf b = BUF_INIT(ERR_TEXT_MAX);
	int n = lint_run(fd, path, kind, &r, err);

	if (n < 0 || r.len == 0)
		return n;
	for (size_t i = 0; i < r.len; i++)
		(void)buf_addf(&b, "%s%s: %s (%s)", i ? "; " : "", r.items[i].rule->id,
			       r.items[i].text, r.items[i].rule->source);
	return err_setf(err, -EBADMSG, "real firmware would not boot it: %s", buf_str(&b));
}
