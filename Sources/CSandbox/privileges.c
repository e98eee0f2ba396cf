// What the program does not have: privileges, resources without end, and system calls that package installation can do
// without.
#include "internal.h"
#include "syscalls.h"
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

// MARK: Privileges

/// Those that installing packages takes: owners, modes and capabilities of files, users of processes, and chroot(2).
/// They hold inside the user namespace, for files and processes of its users.
static const uint32_t kept_capabilities = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER |
    1u << CAP_FSETID | 1u << CAP_KILL | 1u << CAP_SETGID | 1u << CAP_SETUID | 1u << CAP_SYS_CHROOT |
    1u << CAP_SETFCAP;

static void drop_capabilities(const struct csandbox_box *box) {
    // Up to the last one that this kernel has, which may be newer than what was compiled with.
    for (int capability = 0; capability < 64; capability++) {
        if (capability < 32 && kept_capabilities >> capability & 1) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL && capability > CAP_SETFCAP) break;
        csandbox_fail(box, "drop a capability");
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = kept_capabilities, .permitted = kept_capabilities}};
    csandbox_check(box, "drop capabilities", syscall(SYS_capset, &header, data));
    csandbox_check(box, "drop ambient capabilities", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}

// MARK: Resources

static void limit(const struct csandbox_box *box, int resource, rlim_t most) {
    struct rlimit now;
    csandbox_check(box, "ask for a limit", getrlimit(resource, &now));
    if (now.rlim_max < most) most = now.rlim_max;
    struct rlimit wanted = {.rlim_cur = now.rlim_cur < most ? now.rlim_cur : most, .rlim_max = most};
    csandbox_check(box, "set a limit", setrlimit(resource, &wanted));
}

static void limit_resources(const struct csandbox_box *box) {
    // 1 and not 0: a core_pattern that starts a program, as root of this machine, is heeded at 0 (core(5)).
    struct rlimit core = {1, 1};
    csandbox_check(box, "set a limit", setrlimit(RLIMIT_CORE, &core));
    // Not RLIMIT_AS, which counts what an emulator sets aside for addresses only.
    limit(box, RLIMIT_DATA, box->memory);
    limit(box, RLIMIT_NPROC, box->processes);
    limit(box, RLIMIT_NOFILE, 65536);
    limit(box, RLIMIT_MEMLOCK, 64 << 20);
    limit(box, RLIMIT_MSGQUEUE, 1 << 20);
    limit(box, RLIMIT_RTPRIO, 0);
    limit(box, RLIMIT_NICE, 0);
}

// MARK: System calls

#ifdef __x86_64__
enum { this_architecture = AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { this_architecture = AUDIT_ARCH_AARCH64 };
#else
#error no list of system calls for this processor
#endif

enum {
    namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
    /// Instructions besides two for each call of the list.
    other_instructions = 64,
};

struct filter {
    struct sock_filter instructions[2 * sizeof allowed_calls / sizeof *allowed_calls + other_instructions];
    unsigned short count;
};

static void add(struct filter *filter, struct sock_filter instruction) {
    filter->instructions[filter->count++] = instruction;
}

static void load(struct filter *filter, size_t offset) {
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

/// The lower half of an argument of the call; both processors are little-endian.
static void load_argument(struct filter *filter, int number) {
    load(filter, offsetof(struct seccomp_data, args) + 8 * (size_t)number);
}

static void end_with(struct filter *filter, unsigned action) {
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void end_with_error(struct filter *filter, unsigned code) { end_with(filter, SECCOMP_RET_ERRNO | code); }

/// Takes the next `count` instructions only when the loaded value is `value`.
static void when_equal(struct filter *filter, unsigned value, unsigned char count) {
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
}

static void allow_when_equal(struct filter *filter, unsigned value) {
    when_equal(filter, value, 1);
    end_with(filter, SECCOMP_RET_ALLOW);
}

/// Begins the rule of one call, which ends before what is added after `finish_rule`. Returns where it begins.
static unsigned short begin_rule(struct filter *filter, unsigned call) {
    when_equal(filter, call, 0);
    return filter->count;
}

static void finish_rule(struct filter *filter, unsigned short start) {
    filter->instructions[start - 1].jf = (unsigned char)(filter->count - start);
}

/// Families of sockets: those of the network and of processes; of netlink, only questions about routes. Others fail as
/// on a kernel without them, which programs know.
static void add_socket_rule(struct filter *filter, unsigned call) {
    unsigned short start = begin_rule(filter, call);
    load_argument(filter, 0);
    allow_when_equal(filter, AF_UNIX);
    allow_when_equal(filter, AF_INET);
    allow_when_equal(filter, AF_INET6);
    when_equal(filter, AF_NETLINK, 4);
    load_argument(filter, 2);
    allow_when_equal(filter, 0 /* NETLINK_ROUTE */);
    end_with_error(filter, EPROTONOSUPPORT);
    end_with_error(filter, EAFNOSUPPORT);
    finish_rule(filter, start);
}

static void add_rules(struct filter *filter) {
    // Threads and processes, but no namespaces.
    unsigned short start = begin_rule(filter, __NR_clone);
    load_argument(filter, 0);
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1));
    end_with_error(filter, EPERM);
    end_with(filter, SECCOMP_RET_ALLOW);
    finish_rule(filter, start);
    start = begin_rule(filter, __NR_clone3);
    end_with_error(filter, ENOSYS);
    finish_rule(filter, start);
    // Terminals: nothing is typed into one, and no line discipline is loaded.
    start = begin_rule(filter, __NR_ioctl);
    load_argument(filter, 1);
    when_equal(filter, TIOCSTI, 1);
    end_with_error(filter, EPERM);
    when_equal(filter, 0x541C /* TIOCLINUX */, 1);
    end_with_error(filter, EPERM);
    when_equal(filter, TIOCSETD, 1);
    end_with_error(filter, EPERM);
    end_with(filter, SECCOMP_RET_ALLOW);
    finish_rule(filter, start);
    // Linux, with 32-bit and 64-bit names (PER_LINUX32, UNAME26), and the question (personality(2)).
    start = begin_rule(filter, __NR_personality);
    load_argument(filter, 0);
    static const unsigned personalities[] = {0, 8, 0x20000, 0x20008, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++)
        allow_when_equal(filter, personalities[i]);
    end_with_error(filter, EPERM);
    finish_rule(filter, start);
    add_socket_rule(filter, __NR_socket);
    add_socket_rule(filter, __NR_socketpair);
}

static void filter_calls(const struct csandbox_box *box) {
    struct filter filter = {.count = 0};
    load(&filter, offsetof(struct seccomp_data, arch));
    add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, this_architecture, 1, 0));
    end_with(&filter, SECCOMP_RET_KILL_PROCESS);
    load(&filter, offsetof(struct seccomp_data, nr));
    add_rules(&filter);
    for (size_t i = 0; i < sizeof allowed_calls / sizeof *allowed_calls; i++) allow_when_equal(&filter, allowed_calls[i]);
    add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest_call, 0, 1));
    end_with_error(&filter, ENOSYS);
    end_with_error(&filter, EPERM);
    struct sock_fprog program = {.len = filter.count, .filter = filter.instructions};
    csandbox_check(box, "filter system calls", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

void csandbox_give_up(const struct csandbox_box *box) {
    limit_resources(box);
    drop_capabilities(box);
    csandbox_check(box, "give up new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    filter_calls(box);
}
