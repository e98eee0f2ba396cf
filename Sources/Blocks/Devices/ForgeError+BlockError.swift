package import Reports

extension ForgeError {
    /// Reports why bytes of an image could not be read or written.
    package init(_ error: BlockError) {
        switch error {
        case .truncated:
            self.init(
                .badInput, "could not read the image: \(error)", hint: "was it changed while piforge was reading it?")
        case .changed:
            self.init(
                .badInput, "could not read the image: \(error)", hint: "run it again when nothing writes to that file")
        case .outOfBounds:
            self.init(.badInput, "could not read the image: \(error)")
        case .damaged:
            self.init(.badInput, "could not read the image: \(error)", hint: "download it again")
        case .system:
            self.init(.inputOutput, "\(error)")
        case .cancelled:
            self = .interruption
        }
        cause = error
    }
}

extension ForgeError {
    /// Reports why a file that the person named could not be read.
    package init(_ error: BlockError, reading path: String) {
        if case .system(let code, _, _) = error { self = .reading(path, errno: code) } else { self.init(error) }
        cause = error
    }
}

extension ForgeError {
    /// Reports why a file that piforge writes could not be opened or written.
    package init(_ error: BlockError, writing path: String) {
        if case .system(let code, _, _) = error { self = .writing(path, errno: code) } else { self.init(error) }
        cause = error
    }
}

extension BlockError: ReportedError {
    package var report: ForgeError { ForgeError(self) }
}
