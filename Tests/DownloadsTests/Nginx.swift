import Foundation
import Glibc
import TestSupport

/// A real nginx on the loopback address, over http and https, with an authority of its own; it ends with this object.
final class Nginx {
    private let folder: TemporaryFolder
    let httpPort: Int
    let httpsPort: Int

    static let tools = ["nginx", "openssl"]

    init() throws {
        let folder = try TemporaryFolder()
        let ports = try Self.freePorts()
        (self.folder, httpPort, httpsPort) = (folder, ports.0, ports.1)
        // nginx's workers are another user where root starts it.
        for name in ["", "/files", "/temporary"] {
            try FileManager.default.createDirectory(atPath: folder.path + name, withIntermediateDirectories: true)
            chmod(folder.path + name, 0o755)
        }
        let script = """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test authority' \
                -keyout ca.key -out ca.pem
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=127.0.0.1' -keyout key.pem -out csr
            printf 'subjectAltName=IP:127.0.0.1' > extension
            openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -days 2 -extfile extension -out cert.pem
            nginx -p . -c nginx.conf
            """
        try Shell.write(Array(configuration.utf8), to: folder.path + "/nginx.conf")
        let started = try Shell.run("sh", ["-ec", "cd '\(folder.path)'; \(script)"])
        guard started.status == 0 else { throw Failure(description: started.error) }
    }

    deinit {
        guard let text = try? String(contentsOfFile: folder.path + "/pid", encoding: .utf8),
            let process = pid_t(text.filter(\.isNumber))
        else { return }
        kill(process, SIGTERM)
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    /// Of the authority that vouches for the server.
    var authority: String { folder.path + "/ca.pem" }

    func serve(_ bytes: [UInt8], as name: String) throws {
        try Shell.write(bytes, to: folder.path + "/files/" + name)
        chmod(folder.path + "/files/" + name, 0o644)
    }

    func http(_ name: String) -> String { "http://127.0.0.1:\(httpPort)/\(name)" }
    func https(_ name: String) -> String { "https://127.0.0.1:\(httpsPort)/\(name)" }

    func requests() throws -> [String] {
        try String(contentsOfFile: folder.path + "/access", encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// Whether a request is written down, which nginx does when it has answered it.
    func logs(_ line: String) throws -> Bool {
        for _ in 0..<500 {
            if try requests().contains(line) { return true }
            usleep(20_000)
        }
        return false
    }

    private var configuration: String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path temporary/\($0);" }
        return """
            pid pid;
            error_log error;
            worker_processes 1;
            events { worker_connections 64; }
            http {
                \(temporary.joined(separator: "\n    "))
                log_format short '$request_method $uri $http_range $status $body_bytes_sent';
                access_log access short;
                limit_rate_after 64k;
                server {
                    listen 127.0.0.1:\(httpPort);
                    root files;
                    location /limited/ { alias files/; limit_rate 256k; }
                    location /secure/ { return 302 https://127.0.0.1:\(httpsPort)/base.img; }
                }
                server {
                    listen 127.0.0.1:\(httpsPort) ssl http2;
                    ssl_certificate cert.pem;
                    ssl_certificate_key key.pem;
                    root files;
                    location /plain/ { return 302 http://127.0.0.1:\(httpPort)/base.img; }
                }
            }

            """
    }

    /// Two ports that nobody listens at.
    private static func freePorts() throws -> (Int, Int) {
        var sockets: [CInt] = []
        defer { sockets.forEach { close($0) } }
        let ports = try (0..<2).map { _ -> Int in
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(socket)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(socket, address, length) == 0 ? getsockname(socket, address, &length) : -1
                }
            }
            guard code == 0 else { throw Failure(description: "no free port: \(String(cString: strerror(errno)))") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
        return (ports[0], ports[1])
    }
}
