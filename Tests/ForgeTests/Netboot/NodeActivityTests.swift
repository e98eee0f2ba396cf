@testable import Forge
import Foundation
@testable import Netboot
import Plans
@testable import Reports
import TestSupport
import Testing

/// Running nodes, told from what a controller's kernel shows below a root that is not ours.
struct NodeActivityTests {
    private let root: TemporaryFolder

    init() throws { root = try TemporaryFolder() }

    private func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: root.path + "/proc/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// As Linux 6.1 prints them.
    private static let devices = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:   11180     120    0    0    0     0          0         0    11180     120    0    0    0     0       0          0
          eth0: 5123456    4711    0    0    0     0          0         0   123456    1234    0    0    0     0       0          0
         brint:    1180      12    0    0    0     0          0         0     1180      12    0    0    0     0       0          0

        """
    private static let connections = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 00000000:0801 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0
           1: FEB413AC:0801 02B413AC:0385 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1
           2: FEB413AC:0016 04B413AC:0385 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1

        """

    @Test("links, NFS connections and NFSv4 clients count; listening, ended and other connections do not")
    func evidence() throws {
        try write(Self.devices, to: "net/dev")
        try write(Self.connections, to: "net/tcp")
        #expect(try NodeActivity(root: root.path).evidence.isEmpty)
        try write(Self.devices + "ethupi1: 1 2 3\nethupi1.10: 1 2 3\nethpi7: 1 2 3\n", to: "net/dev")
        try write(
            Self.connections + "   3: FEB413AC:0801 03B413AC:0385 01 00000000:00000000 00:00000000 0 0 0 1\n",
            to: "net/tcp")
        try write(
            "   0: 0000000000000000FFFF0000FEB413AC:0801 0000000000000000FFFF0000FCB413AC:0301 01 0:0 0:0 0 0 0 1\n",
            to: "net/tcp6")
        try write(
            "clientid: 0x1\naddress: \"172.19.180.9:771\"\nname: \"Linux NFSv4.2 p9\"\n", to: "fs/nfsd/clients/4/info")
        let activity = try NodeActivity(root: root.path)
        #expect(
            activity.evidence == [
                1: "its USB link ethupi1 is up", 3: "it holds an NFS connection", 252: "it holds an NFS connection",
                9: "it is a client of the NFS server",
            ])
        try activity.check([.node(2), .node(4), .cnat])
        #expect(throws: ForgeError.self) { try activity.check([.node(2), .node(3)]) }
        do { try activity.check([.node(2), .node(3)]) } catch {
            #expect(error.kind == .cannotCreate)
            #expect(
                error.message == "could not replace the tree of p3: the node is running: it holds an NFS connection")
        }
    }

    @Test("a root that does not run is no one's, and without the kernel's account nothing is known")
    func unknown() throws {
        #expect(try NodeActivity(root: root.path).evidence == NodeActivity(root: "/").evidence)
        try FileManager.default.createDirectory(atPath: root.path + "/proc/net", withIntermediateDirectories: true)
        do {
            _ = try NodeActivity(root: root.path)
            Issue.record("no error")
        } catch {
            #expect(error.kind == .unavailable)
            #expect(error.message.hasPrefix("could not tell which nodes are running: "))
        }
    }
}
