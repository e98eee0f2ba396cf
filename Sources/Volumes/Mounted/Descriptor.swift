import Glibc

/// A file descriptor that is closed with its owner.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Takes over what a system call gave; nil when it gave an error, which errno then holds.
    init?(_ number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Closes it now.
    consuming func close() {}

    deinit { _ = Glibc.close(number) }
}
