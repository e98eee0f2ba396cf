// failing-calls.c - makes one call of a program fail, for LD_PRELOAD.
//
//   FAULT_UNDER   only calls for files whose path begins so are counted
//   FAULT_AFTER   which of them fails, from 1; 0 for none
//   FAULT_ERRNO   the number of the error
//   FAULT_COUNT   a file that gets the number of calls at the end
//
//   cc -shared -fPIC -o failing-calls.so failing-calls.c
//
// Removing, closing and unmounting never fail: what a program cannot remove is left behind rightly.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls;
static const char *under;
static long after;
static int error_number;

__attribute__((constructor)) static void start(void) {
    under = getenv("FAULT_UNDER");
    after = atol(getenv("FAULT_AFTER") ? getenv("FAULT_AFTER") : "0");
    error_number = atoi(getenv("FAULT_ERRNO") ? getenv("FAULT_ERRNO") : "5");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld\n", atomic_load(&calls));
    fclose(file);
}

static int fails(const char *path) {
    if (!under || !path || strncmp(path, under, strlen(under)) != 0) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != after) return 0;
    errno = error_number;
    return 1;
}

static int descriptor_fails(int descriptor) {
    char link[64], path[4096];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (count < 0) return 0;
    path[count] = 0;
    return fails(path);
}

// A path that is relative to a descriptor counts as one below the descriptor's.
static int place_fails(int folder, const char *path) {
    return path && path[0] == '/' ? fails(path) : descriptor_fails(folder);
}

#define ORIGINAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

#define TRANSFER(name, constness, place, offset)                                                                       \
    ssize_t name(int descriptor, constness void *bytes, size_t count place) {                                          \
        if (descriptor_fails(descriptor)) return -1;                                                                   \
        return ORIGINAL(ssize_t, name, int, constness void *, size_t place)(descriptor, bytes, count offset);          \
    }
#define AT , off_t offset
#define OFFSET , offset
TRANSFER(read, , , )
TRANSFER(write, const, , )
TRANSFER(pread, , AT, OFFSET)
TRANSFER(pread64, , AT, OFFSET)
TRANSFER(pwrite, const, AT, OFFSET)
TRANSFER(pwrite64, const, AT, OFFSET)

#define ON_DESCRIPTOR(name, parameters, ...)                                                                           \
    int name parameters {                                                                                              \
        if (descriptor_fails(descriptor)) return -1;                                                                   \
        return ((int (*) parameters)dlsym(RTLD_NEXT, #name))(__VA_ARGS__);                                             \
    }
ON_DESCRIPTOR(fsync, (int descriptor), descriptor)
ON_DESCRIPTOR(fdatasync, (int descriptor), descriptor)
ON_DESCRIPTOR(ftruncate, (int descriptor, off_t count), descriptor, count)
ON_DESCRIPTOR(ftruncate64, (int descriptor, off_t count), descriptor, count)
ON_DESCRIPTOR(fallocate, (int descriptor, int mode, off_t start, off_t count), descriptor, mode, start, count)

int rename(const char *old, const char *new) {
    return fails(new) ? -1 : ORIGINAL(int, rename, const char *, const char *)(old, new);
}
int mkdir(const char *path, mode_t mode) {
    return fails(path) ? -1 : ORIGINAL(int, mkdir, const char *, mode_t)(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
    return place_fails(folder, path) ? -1 : ORIGINAL(int, mkdirat, int, const char *, mode_t)(folder, path, mode);
}
int symlinkat(const char *text, int folder, const char *path) {
    return place_fails(folder, path) ? -1
                                     : ORIGINAL(int, symlinkat, const char *, int, const char *)(text, folder, path);
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        return fails(path) ? -1 : ORIGINAL(int, name, const char *, int, mode_t)(path, flags, mode);                   \
    }
#define OPEN_AT(name)                                                                                                  \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        return place_fails(folder, path) ? -1                                                                          \
                                         : ORIGINAL(int, name, int, const char *, int, mode_t)(folder, path, flags,    \
                                                                                             mode);                    \
    }
OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)
