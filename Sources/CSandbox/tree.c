// What the program sees: the image as its root, and of the machine nothing but harmless devices and its own processes.
#include "internal.h"
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

// linux/mount.h, which excludes sys/mount.h.
enum {
    FSCONFIG_SET_FLAG_ = 0,
    FSCONFIG_SET_STRING_ = 1,
    FSCONFIG_CMD_CREATE_ = 6,
    ATTRIBUTE_RDONLY = 1,
    ATTRIBUTE_NOSUID = 2,
    ATTRIBUTE_NODEV = 4,
    ATTRIBUTE_NOEXEC = 8,
    ATTRIBUTE_IDMAP = 0x100000,
    CLONE_TREE = 1,
    TO_EMPTY_PATH = 0x40,
    FROM_EMPTY_PATH = 4,
};

/// struct mount_attr of linux/mount.h.
struct attributes {
    unsigned long long set, clear, propagation, user_namespace;
};

static const char *const device_names[CSANDBOX_DEVICES] = {"null", "zero", "full", "random", "urandom", "tty"};

static long set_attributes(int mount, struct attributes attributes) {
    return syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
}

int csandbox_map_owners(int mount, int user_namespace) {
    struct attributes attributes = {.set = ATTRIBUTE_IDMAP, .user_namespace = (unsigned)user_namespace};
    return (int)set_attributes(mount, attributes);
}

/// A mount of one file that lies at no place.
static int taken(const struct csandbox_box *box, const char *path) {
    int mount = (int)syscall(SYS_open_tree, AT_FDCWD, path, CLONE_TREE | O_CLOEXEC);
    csandbox_check(box, path, mount);
    return mount;
}

void csandbox_take_parts(const struct csandbox_box *box, struct csandbox_parts *parts) {
    char path[32];
    for (int i = 0; i < CSANDBOX_DEVICES; i++) {
        snprintf(path, sizeof path, "/dev/%s", device_names[i]);
        parts->devices[i] = taken(box, path);
    }
    parts->emulator = box->emulator ? taken(box, box->emulator) : -1;
}

/// Puts a mount at a place that no link leads to: what lies there may be a trap of a program that ran before.
static void put(const struct csandbox_box *box, int mount, const char *place) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int folder = (int)syscall(SYS_openat2, AT_FDCWD, place, &how, sizeof how);
    csandbox_check(box, place, folder);
    csandbox_check(box, place, syscall(SYS_move_mount, mount, "", folder, "", FROM_EMPTY_PATH | TO_EMPTY_PATH));
    close(folder);
    close(mount);
}

/// Mounts a new file system of a type at a place; `options`: names and values by turns, and null.
static void mount_new(
    const struct csandbox_box *box, const char *type, const char *const *options, int attributes, const char *place) {
    int context = (int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */);
    csandbox_check(box, place, context);
    for (; options && *options; options += 2)
        csandbox_check(box, place, syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING_, options[0], options[1], 0));
    csandbox_check(box, place, syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE_, 0, 0, 0));
    int mount = (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, attributes);
    csandbox_check(box, place, mount);
    close(context);
    put(box, mount, place);
}

/// An empty folder in memory that belongs to the program's root user.
static void mount_memory(
    const struct csandbox_box *box, const char *mode, const char *size, int attributes, const char *place) {
    char owner[16];
    snprintf(owner, sizeof owner, "%u", box->first_owner);
    const char *options[] = {"mode", mode, "size", size, "uid", owner, "gid", owner, 0};
    mount_new(box, "tmpfs", options, attributes | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV, place);
}

static void put_file(const struct csandbox_box *box, int mount, const char *place) {
    int file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    csandbox_check(box, place, file);
    close(file);
    put(box, mount, place);
}

/// A /dev of what every program may use, and nothing that leads to a disk.
static void mount_devices(const struct csandbox_box *box, const struct csandbox_parts *parts) {
    static const char *const links[][2] = {
        {"pts/ptmx", "/dev/ptmx"},         {"/proc/self/fd", "/dev/fd"},      {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
    };
    char path[32], group[16];
    mount_memory(box, "0755", "1m", ATTRIBUTE_NOEXEC, "/dev");
    for (int i = 0; i < CSANDBOX_DEVICES; i++) {
        snprintf(path, sizeof path, "/dev/%s", device_names[i]);
        put_file(box, parts->devices[i], path);
    }
    if (parts->emulator >= 0) {
        struct attributes locked = {.set = ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV};
        csandbox_check(box, "lock the emulator", set_attributes(parts->emulator, locked));
        put_file(box, parts->emulator, "/dev/emulator");
    }
    csandbox_check(box, "/dev/shm", mkdir("/dev/shm", 0755));
    csandbox_check(box, "/dev/pts", mkdir("/dev/pts", 0755));
    mount_memory(box, "1777", "64m", ATTRIBUTE_NOEXEC, "/dev/shm");
    // Group 5 is Debian's tty.
    snprintf(group, sizeof group, "%u", box->first_owner + 5);
    const char *options[] = {"ptmxmode", "0666", "mode", "0620", "gid", group, 0};
    mount_new(box, "devpts", options, ATTRIBUTE_NOSUID | ATTRIBUTE_NOEXEC, "/dev/pts");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        csandbox_check(box, links[i][1], symlink(links[i][0], links[i][1]));
}

/// A /proc that is read-only as a whole, without what tells of the machine's memory, keys and devices.
static void mount_processes(const struct csandbox_box *box) {
    static const char *const hidden[] = {
        "/proc/acpi",       "/proc/asound",     "/proc/bus",      "/proc/driver",       "/proc/fs",
        "/proc/interrupts", "/proc/irq",        "/proc/kallsyms", "/proc/kcore",        "/proc/keys",
        "/proc/key-users",  "/proc/kmsg",       "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags",
        "/proc/latency_stats", "/proc/pressure", "/proc/sched_debug", "/proc/scsi",     "/proc/slabinfo",
        "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats", "/proc/vmallocinfo", "/proc/vmcore",
    };
    int attributes = ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV | ATTRIBUTE_NOEXEC;
    struct stat found;
    mount_new(box, "proc", 0, attributes, "/proc");
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (lstat(hidden[i], &found) < 0) continue;
        if (S_ISDIR(found.st_mode))
            mount_memory(box, "0555", "4k", attributes, hidden[i]);
        else if (S_ISREG(found.st_mode))
            put(box, taken(box, "/dev/null"), hidden[i]);
    }
}

void csandbox_build_tree(const struct csandbox_box *box, const struct csandbox_parts *parts) {
    // The new root over the old one, and the old one away: pivot_root(2), "pivot_root(".", ".")".
    csandbox_check(box, "change the root", syscall(SYS_pivot_root, ".", "."));
    csandbox_check(box, "leave the old root", umount2(".", MNT_DETACH));
    csandbox_check(box, "/", chdir("/"));
    mount_devices(box, parts);
    mount_processes(box);
    mount_memory(box, "0755", "64m", 0, "/run");
    // Nothing has to be covered where it is missing.
    if (access("/sys", F_OK) == 0) mount_memory(box, "0555", "4k", ATTRIBUTE_RDONLY | ATTRIBUTE_NOEXEC, "/sys");
    if (box->boot >= 0) {
        int boot = (int)syscall(SYS_fcntl, box->boot, F_DUPFD_CLOEXEC, 3);
        csandbox_check(box, box->boot_place, boot);
        put(box, boot, box->boot_place);
    }
}
