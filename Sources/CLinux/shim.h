#pragma once
// What the kernel's own headers declare and Swift's Glibc module leaves out: request numbers that are function-like
// macros, which Swift does not see, and structures of linux/loop.h.
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
static const unsigned long CLINUX_BLKFLSBUF = BLKFLSBUF;
static const unsigned long CLINUX_BLKGETDISKSEQ = BLKGETDISKSEQ;

// A device number's parts, which sysmacros.h gives as macros.
static inline unsigned int clinux_major(unsigned long long device) { return major(device); }
static inline unsigned int clinux_minor(unsigned long long device) { return minor(device); }

static inline int clinux_syncfs(int descriptor) { return (int)syscall(SYS_syncfs, descriptor); }

/// Makes two names change places (RENAME_EXCHANGE); -1 and errno.
static inline int clinux_exchange(const char *a, const char *b) {
    return (int)syscall(SYS_renameat2, -100, a, -100, b, 2);
}
