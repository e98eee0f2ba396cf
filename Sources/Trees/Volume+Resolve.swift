extension ReadableVolume {
    /// Follows the symbolic links on the way to `path`, and at its end too unless `followingLast` is false.
    ///
    /// The volume's root is the top of every absolute link and `..` stops there, as in a chroot. A tail that does not
    /// exist is kept as it is. More than 40 links are `tooManyLinks` (Linux, fs/namei.c, MAXSYMLINKS).
    package func resolve(_ path: VolumePath, followingLast: Bool = true) throws(VolumeError) -> VolumePath {
        var pending = Array(path.components.reversed())
        var done = VolumePath.root
        var links = 0
        while let name = pending.popLast() {
            if name == ".." {
                done = done.parent
                continue
            }
            guard let next = done.appending(name) else { continue }  // "." or "" from a link's text
            if pending.isEmpty && !followingLast { return next }
            guard try status(at: next)?.kind == .symlink, case .symlink(let text)? = try node(at: next)?.content else {
                done = next
                continue
            }
            links += 1
            guard links <= 40 else { throw .tooManyLinks(path) }
            if text.isAbsolutePath { done = .root }
            pending.append(contentsOf: text.pathComponents.reversed())
        }
        return done
    }
}
