/*
 * mounts - what kiln-init mounts, and where
 *
 * /proc, /sys, /dev and /run of the initrd; the boot FAT below BOOT_DIR; the root at
 * ROOT_DIR with every Btrfs subvolume of its /etc/fstab. Devices are kernel names
 * ("nvme0n1p2"). Folders of the root resolve beneath it.
 */
#pragma once

#include "fstab.h"

#define ROOT_DIR "/root"
#define BOOT_DIR "/run/kiln/boot"

/* Failures are told, and left: without /proc little works, but a console message does. */
void mount_early(void);

/* The top of the FAT; an O_RDONLY descriptor. */
int mount_fat(const char *name, bool writable, struct err *err) MUST_CHECK;
void umount_fat(void);

/* Options as in fstab ("subvol=@,compress=zstd:1"). Returns an O_RDONLY descriptor of ROOT_DIR. */
int mount_root(const char *name, const char *options, struct err *err) MUST_CHECK;
/* For a look without any write, not even of the log. */
int mount_root_look(const char *name, const char *options, struct err *err) MUST_CHECK;
void umount_root(void);

/*
 * Reads the root's /etc/fstab. Gives / its options, and mounts every other entry of @root_uuid
 * in the order of the file. Folders that are missing are made.
 */
int mount_subvolumes(int root_fd, const char *root_name, const char *root_uuid,
		     struct err *err) MUST_CHECK;
/* The fstab's entry of the boot FAT, so that the very partition that booted is mounted there. */
int mount_boot_entry(int root_fd, const char *boot_name, const char *boot_uuid,
		     struct err *err) MUST_CHECK;
