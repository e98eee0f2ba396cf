import Testing

@testable import Volumes

/// Where control groups are made, on machines of several kinds.
struct ControlGroupFoldersTests {
    @Test("systemd: the session's own group first, then those above it")
    func systemd() {
        let folders = ControlGroupFolders(
            mounts: """
                24 1 0:22 / /proc rw,nosuid shared:12 - proc proc rw
                31 23 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
                """,
            membership: "0::/user.slice/user-0.slice/session-3.scope\n")
        #expect(
            folders.unified == [
                "/sys/fs/cgroup/user.slice/user-0.slice/session-3.scope", "/sys/fs/cgroup/user.slice/user-0.slice",
                "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup",
            ])
        #expect(folders.memory == [] && folders.pids == [])
    }

    @Test("version 1 has a tree for each controller, and a mount may show a part of it")
    func version1() {
        let folders = ControlGroupFolders(
            mounts: """
                41 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 none rw
                42 30 0:38 /docker/x /sys/fs/cgroup/memory rw,relatime - cgroup none rw,memory
                43 30 0:39 / /sys/fs/cgroup/pids rw,relatime - cgroup none rw,pids
                44 30 0:40 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup none rw,cpu,cpuacct
                """,
            membership: "9:name=systemd:/\n8:pids:/a\n4:memory:/docker/x/inner\n0::/\n")
        #expect(folders.unified == ["/sys/fs/cgroup/unified"])
        #expect(folders.memory == ["/sys/fs/cgroup/memory/inner", "/sys/fs/cgroup/memory"])
        #expect(folders.pids == ["/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids"])
    }

    @Test("without control groups, and of lines that are none, there are no folders")
    func none() {
        let none = ControlGroupFolders(mounts: "", membership: "")
        #expect(none.unified == [] && none.memory == [] && none.pids == [])
        #expect(ControlGroupFolders(mounts: "x - \n1 2 3\n", membership: ":\n4") == none)
        #expect(ControlGroupFolders(mounts: "24 1 0:22 / /proc rw - proc proc rw", membership: "0::/").unified == [])
    }
}
