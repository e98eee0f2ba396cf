#pragma once
// A program of an image, run as root inside it and locked in. In C, as nothing of Swift may run between fork(2) and
// execve(2) in a process that had several threads.
#include <stddef.h>

/// What a program is locked in with. Descriptors belong to the caller.
struct csandbox_box {
    /// Mounts that lie at no place (fsmount(2)) and show owners as `user_namespace` maps them. `boot` may be -1.
    int root, boot;
    /// Where `boot` goes: a folder of `root`, which no link leads to.
    const char *boot_place;
    /// From `csandbox_user_namespace`, with the number that its user 0 has outside.
    int user_namespace;
    unsigned first_owner;
    /// Takes what the program prints.
    int output;
    /// The write end of a pipe: gets an errno (an int) and what failed, when the program could not be started.
    int report;
    /// With a network: a byte is written to `network_ready` when the network namespace exists, and one is read from
    /// `network_go` before the program starts. Both -1 without.
    int network_ready, network_go;
    /// Open `cgroup.procs` files of the control groups that the program belongs to.
    const int *control_groups;
    size_t control_group_count;
    /// Bytes of private memory for each process, and processes for each user.
    unsigned long long memory, processes;
    const char *hostname;
    /// A static program that runs those of the root, and the line for binfmt_misc, which calls it /dev/emulator; or null.
    const char *emulator, *registration;
    const char *const *arguments;
    const char *const *environment;
};

/// A user namespace in which users and groups 0..<count are first..<first + count of this one: its descriptor, which
/// the caller closes; -1 and errno.
int csandbox_user_namespace(unsigned first, unsigned count);

/// Lets a mount that lies at no place show owners as the user namespace maps them (mount_setattr(2), Linux 5.12);
/// -1 and errno.
int csandbox_map_owners(int mount, int user_namespace);

/// Starts it. The process that is returned ends when all of the program has ended, with its status, 128 and more for a
/// signal; SIGTERM makes it end all of it at once. -1 and errno.
int csandbox_start(const struct csandbox_box *box);

/// Makes a pipe, reading end first, both closed by execve(2); -1 and errno.
int csandbox_pipe(int ends[2]);
