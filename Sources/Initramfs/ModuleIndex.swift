import Reports

/// What depmod(8) wrote about the modules of one kernel: where each lies, what it needs first, what is built in.
package struct ModuleIndex {
    /// By name, `-` as `_`: the file's path below the kernel's folder, and the names it needs.
    private var modules: [String: (path: String, needs: [String])] = [:]
    private var builtIn: Set<String> = []

    /// From the texts of modules.dep and modules.builtin.
    package init(dependencies: String, builtIn: String) {
        for line in dependencies.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let path = String(line[..<colon])
            let needs = line[line.index(after: colon)...].split(separator: " ").map { Self.name(of: String($0)) }
            modules[Self.name(of: path)] = (path, needs)
        }
        self.builtIn = Set(builtIn.split(separator: "\n").map { Self.name(of: String($0)) })
    }

    /// Whether the kernel has it at all.
    func has(_ name: String) -> Bool { builtIn.contains(name) || modules[name] != nil }

    /// The files to load for `names`, each after all that it needs; what is built in or not there needs none.
    package func files(for names: [String]) -> [(name: String, path: String)] {
        var order: [(name: String, path: String)] = []
        var seen: Set<String> = []
        // modules.dep has each module's needs in full, but not in the order of loading, and a damaged one may hold
        // circles and chains of any length: a module is marked before its needs are followed, which wait here.
        var pending: [(name: String, path: String?)] = names.reversed().map { ($0, nil) }
        while let next = pending.popLast() {
            if let path = next.path {
                order.append((next.name, path))
                continue
            }
            guard !builtIn.contains(next.name), let module = modules[next.name], seen.insert(next.name).inserted else {
                continue
            }
            pending.append((next.name, module.path))
            pending += module.needs.map { ($0, nil) }
        }
        return order
    }

    /// `kernel/net/8021q/8021q.ko.xz` → `8021q`.
    package static func name(of path: String) -> String {
        let file = path.fileName
        return String(file.prefix(while: { $0 != "." })).replacing("-", with: "_")
    }
}
