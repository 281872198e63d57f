/*
 * lock - kiln.lock: every input of a bake with version, URL and SHA-256
 *
 * Beside cluster.yaml, in Git; written by `kiln update` alone. JSON with one entry a line,
 * sorted, so that a diff shows which input changed:
 *
 *	{ "kiln_lock": 1, "mirror": "...", "security_mirror": "...",
 *	  "sets": [ {"arch":"arm64","board":"rpi5","names":[...],"packages":["jq_1.7.1-6_arm64",
 *...]} ], "packages": [
 *{"arch":"arm64","name":"jq","sha256":"...","size":1,"url":"...","version":"..."} ], "files": [
 *{"arch":"arm64","name":"k3s","sha256":"...","url":"...","version":"v1.35.2+k3s1"} ],
 *
 *	  "images": [ {"name":"docker.io/library/busybox:stable","sha256":"...","size":1,
 *	    "platforms":[{"arch":"arm64","sha256":"...","size":1}]} ] }
 *
 * An image's digest is of what its name means: the index of all platforms, or the
 * manifest of an image that has one alone. A platform's is of its manifest; its size is of all
 * that must be brought: manifest, configuration, layers.
 * A set is what apt resolved @names to. A board has one of its own architecture, and one
 * of the desk's when that is another (the native half of its base root).
 *
 * Ownership: a lock owns all. Errors: -ENOENT: no lock, with the command that makes one;
 * -EINVAL: damaged, with what is wrong.
 */
#pragma once

#include "cluster.h"

struct lock_package {
	char *name, *version, *arch, *url, *sha256; /* owned; arch: of the package, maybe "all" */
	uint64_t size_bytes;
};
struct lock_set {
	char *board, *arch;	     /* owned; arch that apt resolved for */
	struct string_list names;    /* what was asked for */
	struct string_list packages; /* "<name>_<version>_<arch>", sorted */
};
struct lock_file {
	char *name, *version, *arch, *url, *sha256; /* owned; arch "all" where it does not matter */
};
struct lock_platform {
	char *arch, *sha256; /* owned; Debian's name: amd64, arm64 */
	uint64_t size_bytes;
};
struct lock_image {
	char *name, *sha256;		 /* owned; the name as containerd has it (image-ref.h) */
	uint64_t size_bytes;		 /* of the index or manifest itself */
	struct lock_platform *platforms; /* owned; sorted by arch */
	size_t platforms_len;
};
struct lock {
	char *mirror, *security_mirror; /* owned or NULL: of Debian, without user and password */
	struct lock_package *packages;	/* sorted by id */
	size_t packages_len;
	struct lock_set *sets;
	size_t sets_len;
	struct lock_file *files;
	size_t files_len;
	struct lock_image *images; /* sorted by name */
	size_t images_len;
};

int lock_load(const struct cluster *c, struct lock *ret, struct err *err) MUST_CHECK;
int lock_save(const struct cluster *c, const struct lock *l, struct err *err) MUST_CHECK;
void lock_done(struct lock *l);
#define cleanup_lock CLEANUP(lock_done)

/* "<name>_<version>_<arch>", owned by the caller. */
char *lock_package_id(const struct lock_package *p);
const struct lock_package *lock_find(const struct lock *l, const char *id); /* NULL: none */
const struct lock_set *lock_set(const struct lock *l, const char *board, const char *arch);
const struct lock_file *lock_file(const struct lock *l, const char *name, const char *arch);
const struct lock_image *lock_image(const struct lock *l, const char *name);
const struct lock_platform *lock_platform(const struct lock_image *i, const char *arch);
int lock_add_image(struct lock *l, const struct lock_image *i);
void lock_image_done(struct lock_image *i);
/* Copies; -ENOMEM. A package or file that is there already is left or replaced. */
int lock_add_package(struct lock *l, const struct lock_package *p);
int lock_add_set(struct lock *l, const struct lock_set *s);
int lock_add_file(struct lock *l, const struct lock_file *f);
int lock_set_mirrors(struct lock *l, const char *mirror, const char *security_mirror);
void lock_sort(struct lock *l);

int lock_list_add(struct string_list *l, const char *s); /* a copy; -ENOMEM */
void lock_list_done(struct string_list *l);
#define cleanup_lock_list CLEANUP(lock_list_done)
