#pragma once
#define _GNU_SOURCE
#include "include/CSandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Reports what failed, with errno, and ends the process.
_Noreturn void csandbox_fail(const struct csandbox_box *box, const char *what);

static inline void csandbox_check(const struct csandbox_box *box, const char *what, long result) {
    if (result < 0) csandbox_fail(box, what);
}

/// What the root needs of this machine: mounts of single files that lie at no place yet (open_tree(2)).
enum { CSANDBOX_DEVICES = 6 };
struct csandbox_parts {
    int devices[CSANDBOX_DEVICES];
    int emulator;
};

/// Takes those parts while this machine's files can be seen.
void csandbox_take_parts(const struct csandbox_box *box, struct csandbox_parts *parts);

/// Makes the root mount the only thing that this process can see, with /dev, /proc, /run and /sys of its own.
///
/// For process 1 of the new process namespace, with the root mount as its folder, in a mount namespace of its own.
void csandbox_build_tree(const struct csandbox_box *box, const struct csandbox_parts *parts);

/// Gives up all that the program must not have: privileges, resources and system calls. Nothing comes after it but
/// execve(2).
void csandbox_give_up(const struct csandbox_box *box);
