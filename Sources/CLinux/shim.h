#pragma once
// What the kernel's own headers declare and Swift's Glibc module leaves out: request numbers that are function-like
// macros, which Swift does not see, and structures of linux/loop.h.
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const unsigned long CLINUX_FICLONE = FICLONE;
static const unsigned long CLINUX_BLKGETSIZE64 = BLKGETSIZE64;
static const unsigned long CLINUX_BLKSSZGET = BLKSSZGET;
static const unsigned long CLINUX_BLKPBSZGET = BLKPBSZGET;
static const unsigned long CLINUX_BLKROGET = BLKROGET;
static const unsigned long CLINUX_BLKRRPART = BLKRRPART;
static const unsigned long CLINUX_CDROMEJECT = CDROMEJECT;
static const unsigned long CLINUX_BLKFLSBUF = BLKFLSBUF;
static const unsigned long CLINUX_BLKGETDISKSEQ = BLKGETDISKSEQ;

// A device number's parts, which sysmacros.h gives as macros.
static inline unsigned int clinux_major(unsigned long long device) { return major(device); }
static inline unsigned int clinux_minor(unsigned long long device) { return minor(device); }

// fcntl.h of the C library shows it, with a declaration that says the same, with _GNU_SOURCE alone.
int sync_file_range(int descriptor, __off64_t offset, __off64_t count, unsigned int flags);

/// Starts writing a file's pages to its disk and does not wait for them (SYNC_FILE_RANGE_WRITE); -1 and errno.
static inline int clinux_start_writeback(int descriptor, long long offset, long long count) {
    return sync_file_range(descriptor, offset, count, 2);
}

static inline int clinux_syncfs(int descriptor) { return (int)syscall(SYS_syncfs, descriptor); }

/// Makes two names change places (RENAME_EXCHANGE); -1 and errno.
static inline int clinux_exchange(const char *a, const char *b) {
    return (int)syscall(SYS_renameat2, -100, a, -100, b, 2);
}

// The mount interface of Linux 5.2 (include/uapi/linux/mount.h), which older C libraries do not wrap. The flags stand
// here because that header and the C library's sys/mount.h exclude each other.
enum {
    CLINUX_FSCONFIG_SET_FLAG = 0,
    CLINUX_FSCONFIG_SET_STRING = 1,
    CLINUX_FSCONFIG_CMD_CREATE = 6,
    CLINUX_MOUNT_ATTR_NOSUID = 2,
    CLINUX_MOUNT_ATTR_NODEV = 4,
    CLINUX_MOUNT_ATTR_NOEXEC = 8,
    CLINUX_MOUNT_ATTR_NOATIME = 16,
};

/// A context of a file system type, close-on-exec; -1 and errno.
static inline int clinux_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, 1); }

static inline int clinux_fsconfig(int context, int command, const char *key, const char *value) {
    return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}

/// A mount that lies in no namespace, close-on-exec, and ends when its last descriptor is closed; -1 and errno.
static inline int clinux_fsmount(int context, int attributes) {
    return (int)syscall(SYS_fsmount, context, 1, attributes);
}

/// Opens (O_PATH) what a path is for a process whose root is `folder`: links lead nowhere else (openat2(2), Linux 5.6);
/// -1 and errno.
static inline int clinux_open_in_root(int folder, const char *path) {
    struct { unsigned long long flags, mode, resolve; } how = {010000000 /* O_PATH */ | 02000000 /* O_CLOEXEC */, 0, 0x10};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

// fcntl.h and sys/stat.h of the C library show these with _GNU_SOURCE alone.
enum { CLINUX_O_PATH = 010000000, CLINUX_O_NOATIME = 01000000 };
