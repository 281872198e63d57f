/*
 * seed-tar - a seed's tar, read strictly
 *
 * A seed is an uncompressed ustar/pax tar: first "seed.json", then "root/<path>"
 * members, each the final file <path> of the root. Only files, folders and symlinks
 * are taken: no hard link, device, sparse file, extended attribute or ACL. Paths are clean
 * (no "..", no empty part), unique, and nothing lies below a member that is no folder.
 *
 * seed_tar_scan() reads all of it, writes nothing, and gives the list with a digest
 * of each; seed_tar_each() reads it again and hands out contents.
 * Units: bytes. Ownership: a manifest is owned by the caller, seed_manifest_done().
 * Errors: -EBADMSG: no seed, with the member and what is wrong with it.
 */
#pragma once

#include "digest.h"
#include "seed-json.h"

#include <sys/types.h>

#define SEED_MEMBERS_MAX 16384
#define SEED_BYTES_MAX (UINT64_C(1) << 30)
#define SEED_PATH_MAX 1024
#define SEED_NAME_MAX 200 /* of a path's last part: room for what the import adds */

enum seed_type { SEED_FILE, SEED_DIR, SEED_SYMLINK };
struct seed_member {
	char *path; /* owned; "/etc/hostname" */
	enum seed_type type;
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	uint64_t size_bytes;	     /* of a file */
	char *target;		     /* owned; of a symlink */
	char sha256[SHA256_HEX_MAX]; /* of a file's contents, of a symlink's target */
};
struct seed_manifest {
	struct seed_json json;
	struct seed_member *members; /* owned; sorted by path as bytes */
	size_t len;
};

/* @fd is read from its start; its position moves. */
int seed_tar_scan(int fd, struct seed_manifest *ret, struct err *err) MUST_CHECK;
void seed_manifest_done(struct seed_manifest *m);
#define cleanup_seed_manifest CLEANUP(seed_manifest_done)
const struct seed_member *seed_manifest_find(const struct seed_manifest *m, const char *path);

struct archive;
/*
 * Calls @fn for every member below root/, in the order of the tar. For a file @fn copies the
 * contents with seed_tar_copy(). A negative result stops and is returned.
 */
typedef int seed_tar_fn(void *arg, const struct seed_member *m, struct archive *a, struct err *err);
int seed_tar_each(int fd, const struct seed_manifest *m, seed_tar_fn *fn, void *arg,
		  struct err *err) MUST_CHECK;
/* Writes the member's contents and compares them with its digest. */
int seed_tar_copy(struct archive *a, const struct seed_member *m, int out_fd,
		  struct err *err) MUST_CHECK;
