import Blocks
import Glibc
import Images
package import Plans
package import Reports

/// Which nodes run from the trees that a controller serves, as the controller's kernel reports it.
///
/// A node that is up has its end of the USB link there (`ethupiN`, which 8086's udev rule names so) or holds an NFS
/// connection; an NFSv4 client is listed by nfsd too, even while it is idle.
package struct NodeActivity: Sendable {
    /// Why a node counts as running, by its number.
    package private(set) var evidence: [Int: String] = [:]

    /// Reads `proc` below `root`, the controller's root folder, or that of this machine when `root` is none that runs,
    /// such as that of a card.
    ///
    /// Throws `unavailable` when there is no `proc/net`, for then nothing is known.
    package init(root: String) throws(ForgeError) {
        let own = (root == "/" ? "" : root) + "/proc"
        let proc = access(own + "/net", F_OK) == 0 ? own : "/proc"
        guard let devices = Self.text(proc + "/net/dev"), let connections = Self.text(proc + "/net/tcp") else {
            throw ForgeError(
                .unavailable, "could not tell which nodes are running: \(proc)/net cannot be read",
                hint: "run it on the controller, or add --running when all nodes are switched off")
        }
        let clients = FolderListing.names(in: proc + "/fs/nfsd/clients") ?? []
        self.init(
            devices: devices, connections: connections + "\n" + (Self.text(proc + "/net/tcp6") ?? ""),
            clients: clients.compactMap { Self.text("\(proc)/fs/nfsd/clients/\($0)/info") })
    }

    /// Reads the texts of /proc/net/dev, of /proc/net/tcp and tcp6, and of nfsd's clients.
    package init(devices: String, connections: String, clients: [String]) {
        note(links: devices)
        note(connections: connections)
        for info in clients { note(client: info) }
    }

    /// Lines of /proc/net/dev: `ethupi3:` or `ethupi3.10:` and counters.
    private mutating func note(links text: String) {
        for line in text.split(separator: "\n") {
            let name = line.drop { $0 == " " }.prefix { $0 != ":" }
            guard name.hasPrefix("ethupi"), let number = Int(name.dropFirst(6).prefix { $0 != "." }) else { continue }
            evidence[number] = evidence[number] ?? "its USB link ethupi\(number) is up"
        }
    }

    /// Lines of /proc/net/tcp: `0: LOCAL:PORT REMOTE:PORT STATE …`, addresses as hexadecimal words of the machine's
    /// byte order, which is little-endian on every Pi; state 01 is established, 2049 NFS.
    private mutating func note(connections text: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[3] == "01", fields[1].hasSuffix(":0801") else { continue }
            let address = fields[2].prefix { $0 != ":" }.suffix(8)
            guard let word = UInt32(address, radix: 16), word & 0x00FF_FFFF == 0x00B4_13AC else { continue }
            note(node: Int(word >> 24), because: "it holds an NFS connection")
        }
    }

    /// A line of nfsd's: `address: "172.19.180.3:1023"`.
    private mutating func note(client text: String) {
        guard let start = text.firstRange(of: ClusterNetwork.boot.prefix)?.upperBound,
            let number = Int(text[start...].prefix { $0.isNumber })
        else { return }
        note(node: number, because: "it is a client of the NFS server")
    }

    private mutating func note(node number: Int, because reason: String) {
        guard (1...252).contains(number) else { return }
        evidence[number] = evidence[number] ?? reason
    }

    /// Throws when one of `slots` runs.
    package func check(_ slots: [Slot]) throws(ForgeError) {
        for case .node(let number) in slots {
            guard let reason = evidence[number] else { continue }
            throw ForgeError(
                .cannotCreate, "could not replace the tree of p\(number): the node is running: \(reason)",
                hint: "shut it down and run clusterctrl off p\(number), or add --running to replace it all the same")
        }
    }

    private static func text(_ path: String) -> String? {
        guard let stream = fopen(path, "re") else { return nil }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < 16 << 20 {
            let count = fread(&buffer, 1, buffer.count, stream)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return ferror(stream) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
