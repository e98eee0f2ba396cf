package import Readers
import Trees

extension ImageFacts {
    /// sshd_config with the files that it includes, as the release's sshd reads them.
    package var serverConfiguration: ServerConfiguration { serverConfiguration(noting: { _, _ in }) }

    /// What `with` says is taken for the text of files that do not exist yet; `note` hears of each file and folder
    /// that is asked for.
    func serverConfiguration(
        with texts: [VolumePath: String] = [:], noting note: (_ file: VolumePath?, _ folder: VolumePath?) -> Void
    ) -> ServerConfiguration {
        withoutActuallyEscaping(note) { note in
            ServerConfiguration(
                version: ServerVersion(codename: codename),
                from: .init(
                    lines: { path in
                        guard let path = VolumePath(path) else { return nil }
                        note(path, nil)
                        return (texts[path] ?? text(.root, path)).map { TextLines($0).lines.map(\.text) }
                    },
                    paths: { pattern in
                        let paths = Glob(pattern)?.paths { folder in
                            guard let folder = VolumePath(folder) else { return [] }
                            note(nil, folder)
                            let added = texts.keys.filter { $0.parent == folder }.compactMap(\.name)
                            return Array(Set((listings[folder] ?? []) + added))
                        }
                        return (paths ?? []).filter { path in
                            guard let path = VolumePath(path) else { return false }
                            note(path, nil)
                            return texts[path] != nil || exists(.root, path)
                        }
                    }))
        }
    }
}

extension FactsReader {
    /// Looks at the files that sshd reads, until no further one is named.
    mutating func readServer() throws(PlanError) {
        var listed: Set<VolumePath> = []
        for _ in 0..<40 {
            var files: Set<VolumePath> = []
            var folders: Set<VolumePath> = []
            _ = facts.serverConfiguration { file, folder in
                if let file { files.insert(file) }
                if let folder { folders.insert(folder) }
            }
            files = files.filter { facts.found(.root, $0) == nil }
            folders.subtract(listed)
            if files.isEmpty && folders.isEmpty { return }
            for file in files { try look(.root, file) }
            for folder in folders {
                listed.insert(folder)
                try list(folder)
            }
        }
    }
}
