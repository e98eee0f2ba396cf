#ifndef CLINUX_STEP_H
#define CLINUX_STEP_H

// A program inside a mounted root, in namespaces of its own. In C, as between fork(2) and execve(2) nothing else is safe.

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Descriptors.
struct clinux_step_places {
    /// Mounts that lie nowhere (fsmount(2)), root and boot; boot may be -1.
    int root, boot;
    /// Takes what the program prints.
    int output;
    /// The write end of a pipe, which tells why the program could not be started.
    int report;
};

struct clinux_step {
    struct clinux_step_places places;
    /// Where boot goes, below root.
    const char *boot_place;
    /// Whether the program may use this machine's network.
    int has_network;
    const char *hostname;
    /// An emulator for the programs of the root, and the line for binfmt_misc, which calls it /dev/emulator; or null.
    const char *emulator, *registration;
    const char *const *arguments;
    const char *const *environment;
};

// Flags of clone(2) and unshare(2), which sched.h shows with _GNU_SOURCE alone.
enum {
    CLINUX_NEWNS = 0x00020000,
    CLINUX_NEWUTS = 0x04000000,
    CLINUX_NEWIPC = 0x08000000,
    CLINUX_NEWUSER = 0x10000000,
    CLINUX_NEWPID = 0x20000000,
    CLINUX_NEWNET = 0x40000000,
};

/// Reports what failed and ends the process.
static inline void clinux_step_fail(const struct clinux_step *step, const char *what) {
    dprintf(step->places.report, "%s: %s", what, strerror(errno));
    _exit(127);
}

static inline void clinux_step_check(const struct clinux_step *step, const char *what, long result) {
    if (result < 0) clinux_step_fail(step, what);
}

/// Binds a file of this machine to a new one at `place`.
static inline void clinux_step_bind(const struct clinux_step *step, const char *from, const char *place) {
    int file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    clinux_step_check(step, place, file);
    close(file);
    clinux_step_check(step, place, mount(from, place, 0, MS_BIND, 0));
}

/// A /dev of what every program may use, and nothing that leads to a disk.
static inline void clinux_step_devices(const struct clinux_step *step) {
    static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
    char from[32], place[32];
    clinux_step_check(step, "/dev", mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=0755,size=1m"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(from, sizeof from, "/dev/%s", names[i]);
        snprintf(place, sizeof place, "dev/%s", names[i]);
        clinux_step_bind(step, from, place);
    }
    clinux_step_check(step, "/dev/shm", mkdir("dev/shm", 01777));
    clinux_step_check(step, "/dev/shm", mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
    clinux_step_check(step, "/dev/fd", symlink("/proc/self/fd", "dev/fd"));
    clinux_step_check(step, "/dev/stdin", symlink("/proc/self/fd/0", "dev/stdin"));
    clinux_step_check(step, "/dev/stdout", symlink("/proc/self/fd/1", "dev/stdout"));
    clinux_step_check(step, "/dev/stderr", symlink("/proc/self/fd/2", "dev/stderr"));
    if (step->emulator) clinux_step_bind(step, step->emulator, "dev/emulator");
}

/// Process 1 of the new process namespace: makes the root the only thing that can be seen, and becomes the program.
static inline void clinux_step_inner(const struct clinux_step *step, int ready, int mapped) {
    char byte = 0;
    clinux_step_check(step, "follow the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
    clinux_step_check(step, "/proc", mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
    // The new root over the old one, and the old one away: pivot_root(2), "pivot_root(".", ".")".
    clinux_step_check(step, "change the root", syscall(SYS_pivot_root, ".", "."));
    clinux_step_check(step, "leave the old root", umount2(".", MNT_DETACH));
    clinux_step_check(step, "/", chdir("/"));
    // Only now, as what lies at boot's place may be a link.
    if (step->places.boot >= 0) {
        long result = syscall(SYS_move_mount, step->places.boot, "", AT_FDCWD, step->boot_place, 4 /* _F_EMPTY_PATH */);
        clinux_step_check(step, step->boot_place, result);
    }
    clinux_step_check(step, "/run", mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
    clinux_step_check(step, "make a user namespace", unshare(CLINUX_NEWUSER | CLINUX_NEWNS));
    clinux_step_check(step, "tell the parent", write(ready, &byte, 1));
    if (read(mapped, &byte, 1) != 1) _exit(127);
    clinux_step_check(step, "become root", setgroups(0, 0));
    clinux_step_check(step, "become root", setgid(0));
    clinux_step_check(step, "become root", setuid(0));
    clinux_step_check(step, "follow the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
    if (step->emulator) {
        const char *place = "/proc/sys/fs/binfmt_misc";
        clinux_step_check(step, "mount a binfmt_misc of its own", mount("binfmt_misc", place, "binfmt_misc", 0, 0));
        int file = open("/proc/sys/fs/binfmt_misc/register", O_WRONLY | O_CLOEXEC);
        clinux_step_check(step, "register the emulator", file);
        clinux_step_check(step, "register the emulator", write(file, step->registration, strlen(step->registration)));
        close(file);
    }
    execve(step->arguments[0], (char *const *)step->arguments, (char *const *)step->environment);
    clinux_step_fail(step, step->arguments[0]);
}

/// Lets numbers of users and groups mean inside what they mean outside. `processes`: the outer /proc.
static inline void clinux_step_map(const struct clinux_step *step, int processes, int child, const char *name) {
    static const char all[] = "0 0 4294967295";
    char path[64];
    snprintf(path, sizeof path, "%d/%s", child, name);
    int file = openat(processes, path, O_WRONLY | O_CLOEXEC);
    clinux_step_check(step, name, file);
    clinux_step_check(step, name, write(file, all, sizeof all - 1));
    close(file);
}

/// Stays outside the user namespace, which it maps, and ends as the program ends.
static inline void clinux_step_outer(const struct clinux_step *step, int parent) {
    int ready[2], mapped[2], status = 0;
    char byte = 0;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    setsid();
    clinux_step_check(step, "follow the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
    if (getppid() != parent) _exit(127);
    int nothing = open("/dev/null", O_RDONLY);
    clinux_step_check(step, "/dev/null", nothing);
    clinux_step_check(step, "redirect", dup2(nothing, 0));
    clinux_step_check(step, "redirect", dup2(step->places.output, 1));
    clinux_step_check(step, "redirect", dup2(step->places.output, 2));
    clinux_step_check(step, "close what is open", syscall(SYS_close_range, 3U, ~0U, 4U /* _CLOEXEC */));
    int spaces = CLINUX_NEWNS | CLINUX_NEWUTS | CLINUX_NEWIPC | CLINUX_NEWPID | (step->has_network ? 0 : CLINUX_NEWNET);
    clinux_step_check(step, "make namespaces", unshare(spaces));
    clinux_step_check(step, "name the host", sethostname(step->hostname, strlen(step->hostname)));
    clinux_step_check(step, "make mounts private", mount(0, "/", 0, MS_REC | MS_PRIVATE, 0));
    clinux_step_check(step, "mount root", syscall(SYS_move_mount, step->places.root, "", AT_FDCWD, "/tmp", 4 /* _F_EMPTY_PATH */));
    clinux_step_check(step, "mount root", chdir("/tmp"));
    clinux_step_devices(step);
    clinux_step_check(step, "make a pipe", syscall(SYS_pipe2, ready, O_CLOEXEC));
    clinux_step_check(step, "make a pipe", syscall(SYS_pipe2, mapped, O_CLOEXEC));
    // pivot_root(2) of the child changes the root of this process, too.
    int processes = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clinux_step_check(step, "/proc", processes);
    int child = fork();
    clinux_step_check(step, "fork", child);
    if (child == 0) {
        close(ready[0]);
        close(mapped[1]);
        clinux_step_inner(step, ready[1], mapped[0]);
    }
    close(ready[1]);
    close(mapped[0]);
    if (read(ready[0], &byte, 1) == 1) {
        clinux_step_map(step, processes, child, "uid_map");
        clinux_step_map(step, processes, child, "gid_map");
        clinux_step_check(step, "start the program", write(mapped[1], &byte, 1));
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) _exit(127);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/// Starts it; returns the process that ends when all of it has ended, with its status; -1 and errno.
static inline int clinux_step_start(const struct clinux_step *step) {
    int parent = getpid();
    int child = fork();
    if (child == 0) clinux_step_outer(step, parent);
    return child;
}

#endif
