extension ServerConfiguration {
    /// Who connects. What is not known is nil or empty.
    package struct Connection: Equatable, Sendable {
        package var user: String
        package var groups: [String]
        package var address: String?
        /// sshd's own port.
        var port: String?

        package init(user: String, groups: [String], address: String? = nil) {
            self.user = user
            self.groups = groups
            self.address = address
        }
    }

    /// What holds for a connection: the first value in a `Match` block that means it, else the first value outside of
    /// them. Blocks that depend on what is not known do not count here; `exceptions` lists them.
    package func options(for connection: Connection?) -> ServerOptions {
        var everybody = Walk(connection: nil, version: version)
        var isActive = true
        everybody.take(main, &isActive, isBeforeMatch: false, canMatch: true)
        var values = everybody.values
        var exceptions: [ServerOptions.Entry] = []
        if let connection {
            var connection = connection
            let ports = values["port"].map { $0.compactMap(\.arguments.first) } ?? ["22"]
            if connection.port == nil, ports.count == 1 { connection.port = ports[0] }
            var own = Walk(connection: connection, version: version)
            isActive = false
            var isBeforeMatch = true
            own.take(main, &isActive, isBeforeMatch: &isBeforeMatch, canMatch: true)
            values.merge(own.values) { $1 }
            exceptions = own.exceptions
        }
        return ServerOptions(
            version: version, values: values, exceptions: exceptions, hasMatchBlocks: everybody.hasMatchBlocks)
    }

    /// One of sshd's two passes: over the global part when it starts, and over the blocks when somebody connects.
    private struct Walk {
        let connection: Connection?
        let version: ServerVersion
        var values: [String: [ServerOptions.Entry]] = [:]
        var exceptions: [ServerOptions.Entry] = []
        var hasMatchBlocks = false
        /// Inside a block whose criteria depend on what is not known.
        private var depends = false

        init(connection: Connection?, version: ServerVersion) {
            self.connection = connection
            self.version = version
        }

        mutating func take(_ file: File, _ isActive: inout Bool, isBeforeMatch: Bool, canMatch: Bool) {
            var isBeforeMatch = isBeforeMatch
            take(file, &isActive, isBeforeMatch: &isBeforeMatch, canMatch: canMatch)
        }

        /// `canMatch` is false for files that an inactive block includes; `isBeforeMatch` until the first block of the
        /// second pass.
        mutating func take(_ file: File, _ isActive: inout Bool, isBeforeMatch: inout Bool, canMatch: Bool) {
            for line in file.lines {
                switch line.keyword {
                case "match":
                    match(line, &isActive, canMatch: canMatch)
                    isBeforeMatch = false
                case "include":
                    let (wasActive, depended) = (isActive, depends)
                    for file in line.included {
                        var isBeforeMatchThere = isBeforeMatch
                        take(
                            file, &isActive, isBeforeMatch: &isBeforeMatchThere,
                            canMatch: canMatch && (isBeforeMatch || wasActive || depended))
                        // A block ends with the file that it is in.
                        (isActive, depends) = (wasActive, depended)
                    }
                default: take(line, isActive)
                }
            }
        }

        private mutating func match(_ line: Line, _ isActive: inout Bool, canMatch: Bool) {
            depends = false
            guard canMatch else {
                isActive = false
                return
            }
            guard let connection else {
                isActive = line.arguments.first?.lowercased() == "all"
                if !isActive { hasMatchBlocks = true }
                return
            }
            let verdict = MatchCriteria.verdict(line.arguments, for: connection)
            isActive = verdict == .yes
            depends = verdict == .depends
        }

        private mutating func take(_ line: Line, _ isActive: Bool) {
            let entry = ServerOptions.Entry(keyword: line.keyword, arguments: line.arguments, origin: line.origin)
            guard isActive else {
                if depends { exceptions.append(entry) }
                return
            }
            if values[line.keyword] == nil || ServerKeyword.accumulating.contains(line.keyword) {
                values[line.keyword, default: []].append(entry)
            }
        }
    }
}
