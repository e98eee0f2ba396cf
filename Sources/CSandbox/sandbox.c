#include "internal.h"
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { F_EMPTY_PATH = 4 };  // MOVE_MOUNT_F_EMPTY_PATH of linux/mount.h

void csandbox_fail(const struct csandbox_box *box, const char *what) {
    struct {
        int code;
        char what[200];
    } message = {.code = errno};
    size_t length = strnlen(what, sizeof message.what);
    memcpy(message.what, what, length);
    long written = write(box->report, &message, sizeof message.code + length);
    _exit(written < 0 ? 126 : 127);
}

/// Process 1 of the process namespace: builds the tree, gives up what it has, and becomes the program.
_Noreturn static void inner(const struct csandbox_box *box, const struct csandbox_parts *parts) {
    csandbox_check(box, "follow the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
    csandbox_build_tree(box, parts);
    // A mount namespace that the new user namespace owns: no mount in it can be taken away or made writable again.
    csandbox_check(box, "enter the user namespace", setns(box->user_namespace, CLONE_NEWUSER));
    csandbox_check(box, "make namespaces", unshare(CLONE_NEWNS | CLONE_NEWCGROUP));
    csandbox_check(box, "become root", setgroups(0, 0));
    csandbox_check(box, "become root", setresgid(0, 0, 0));
    csandbox_check(box, "become root", setresuid(0, 0, 0));
    // A change of the user has ended this.
    csandbox_check(box, "follow the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
    if (box->emulator) {
        const char *place = "/proc/sys/fs/binfmt_misc";
        csandbox_check(box, "mount a binfmt_misc of its own", mount("binfmt_misc", place, "binfmt_misc", 0, 0));
        int file = open("/proc/sys/fs/binfmt_misc/register", O_WRONLY | O_CLOEXEC);
        csandbox_check(box, "register the emulator", file);
        csandbox_check(box, "register the emulator", write(file, box->registration, strlen(box->registration)));
        close(file);
        unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
        csandbox_check(box, "lock binfmt_misc", mount(0, place, 0, flags, 0));
    }
    csandbox_give_up(box);
    execve(box->arguments[0], (char *const *)box->arguments, (char *const *)box->environment);
    csandbox_fail(box, box->arguments[0]);
}

/// Writes a short text to a file of this machine; what keeps it from that is no error.
static void try_to_write(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    if (write(file, text, strlen(text)) < 0) errno = 0;
    close(file);
}

/// Closes all descriptors but the standard ones and those of `box` that are used from now on, which execve(2) closes.
static void close_others(const struct csandbox_box *box) {
    const int kept[] = {box->root,   box->boot,          box->user_namespace, box->report,
                        box->output, box->network_ready, box->network_go};
    unsigned first = 3;
    while (1) {
        // The lowest of them that is not below `first`.
        unsigned next = ~0U;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (kept[i] >= (int)first && (unsigned)kept[i] < next) next = (unsigned)kept[i];
        unsigned last = next == ~0U ? next : next - 1;
        if (first <= last) csandbox_check(box, "close what is open", syscall(SYS_close_range, first, last, 0U));
        if (next == ~0U) break;
        csandbox_check(box, "close what is open", fcntl((int)next, F_SETFD, FD_CLOEXEC));
        first = next + 1;
    }
}

/// Gives this process nothing of its parent's but the descriptors that `box` names, until execve(2).
static void leave_parent(const struct csandbox_box *box, int parent) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) sigaction(number, &action, 0);
    sigprocmask(SIG_SETMASK, &none, 0);
    setsid();
    // Not SIGKILL: the program must end before this process does, and may have asked not to follow it.
    csandbox_check(box, "follow the parent", prctl(PR_SET_PDEATHSIG, SIGTERM));
    if (getppid() != parent) _exit(127);
    int nothing = open("/dev/null", O_RDONLY);
    csandbox_check(box, "/dev/null", nothing);
    csandbox_check(box, "redirect", dup2(nothing, 0));
    csandbox_check(box, "redirect", dup2(box->output, 1));
    csandbox_check(box, "redirect", dup2(box->output, 2));
    // A session keyring of its own, without the keys of the one that was logged in.
    if (syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0L) < 0) errno = 0;
    umask(022);
    for (size_t i = 0; i < box->control_group_count; i++)
        csandbox_check(box, "enter a control group", write(box->control_groups[i], "0", 1));
    close_others(box);
    // Where memory runs out, the program is ended and not this machine's own work.
    try_to_write("/proc/self/oom_score_adj", "1000");
}

/// Brings up the loopback device of this network namespace, which leads nowhere else.
static void start_loopback(const struct csandbox_box *box) {
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int socket_number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    csandbox_check(box, "make a socket", socket_number);
    csandbox_check(box, "bring up lo", ioctl(socket_number, SIOCSIFFLAGS, &request));
    close(socket_number);
}

static void wait_for_network(const struct csandbox_box *box) {
    char byte = 0;
    if (box->network_ready < 0) return;
    csandbox_check(box, "tell of the network", write(box->network_ready, &byte, 1));
    if (read(box->network_go, &byte, 1) != 1) _exit(127);
}

/// Ends as the program ends, and ends it on SIGTERM. `signals`: SIGTERM and SIGCHLD, which are blocked.
_Noreturn static void follow(int child, const sigset_t *signals) {
    int status = 0;
    while (1) {
        int found = waitpid(child, &status, WNOHANG);
        if (found == child) break;
        if (found < 0 && errno != EINTR) _exit(127);
        // Process 1 takes all others of its namespace with it. Inside the namespace nobody can keep it from that.
        if (sigwaitinfo(signals, 0) == SIGTERM) kill(child, SIGKILL);
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/// Stays outside of the user namespace and the process namespace.
_Noreturn static void outer(const struct csandbox_box *box, int parent) {
    struct csandbox_parts parts;
    sigset_t signals;
    leave_parent(box, parent);
    csandbox_take_parts(box, &parts);
    int spaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET;
    csandbox_check(box, "make namespaces", unshare(spaces));
    csandbox_check(box, "name the host", sethostname(box->hostname, strlen(box->hostname)));
    start_loopback(box);
    wait_for_network(box);
    csandbox_check(box, "make mounts private", mount(0, "/", 0, MS_REC | MS_PRIVATE, 0));
    csandbox_check(box, "mount root", syscall(SYS_move_mount, box->root, "", AT_FDCWD, "/tmp", F_EMPTY_PATH));
    csandbox_check(box, "mount root", chdir("/tmp"));
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, 0);
    int child = fork();
    csandbox_check(box, "fork", child);
    if (child == 0) {
        sigemptyset(&signals);
        sigprocmask(SIG_SETMASK, &signals, 0);
        inner(box, &parts);
    }
    close(box->report);
    close(1);
    close(2);
    close(box->output);
    follow(child, &signals);
}

int csandbox_start(const struct csandbox_box *box) {
    int parent = getpid();
    int child = fork();
    if (child == 0) outer(box, parent);
    return child;
}

// MARK: User namespaces

static int write_map(int process, const char *name, unsigned first, unsigned count) {
    char path[64], line[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, name);
    int length = snprintf(line, sizeof line, "0 %u %u", first, count);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    long written = write(file, line, length);
    int code = errno;
    close(file);
    errno = code;
    return written == length ? 0 : -1;
}

int csandbox_user_namespace(unsigned first, unsigned count) {
    int ends[2], result = -1, code = 0;
    char path[64];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    int parent = getpid();
    // A namespace needs a process as long as nothing else refers to it.
    int child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        code = getppid() != parent ? ESRCH : unshare(CLONE_NEWUSER) < 0 ? errno : 0;
        if (write(ends[1], &code, sizeof code) != sizeof code || code != 0) _exit(1);
        while (1) pause();
    }
    code = errno;
    close(ends[1]);
    if (child > 0) {
        long received;
        do received = read(ends[0], &code, sizeof code);
        while (received < 0 && errno == EINTR);
        if (received != sizeof code) code = ESRCH;
        if (code == 0) {
            snprintf(path, sizeof path, "/proc/%d/ns/user", child);
            if (write_map(child, "uid_map", first, count) == 0 && write_map(child, "gid_map", first, count) == 0)
                result = open(path, O_RDONLY | O_CLOEXEC);
            code = errno;
        }
        kill(child, SIGKILL);
        while (waitpid(child, 0, 0) < 0 && errno == EINTR) continue;
    }
    close(ends[0]);
    errno = code;
    return result;
}

int csandbox_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
