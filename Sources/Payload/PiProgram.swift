/// A program or unit of ours that runs on a Pi, as text.
///
/// This module holds what piforge puts onto a card or into a tree for the Pi's own shell and systemd to run. It decides nothing: which of them a slot gets,
/// and with which values, is the planner's business.
package struct PiProgram: Sendable, Hashable {
    /// Where it lies on the Pi, from the root, without a leading slash.
    package let path: String
    package let text: String
    /// The permission bits: 0o755 for a script, 0o644 for a unit.
    package let mode: UInt16

    package init(path: String, text: String, mode: UInt16) {
        self.path = path
        self.text = text
        self.mode = mode
    }

    /// A POSIX shell script below `/usr/local/lib/piforge`.
    package static func script(_ name: String, _ text: String) -> PiProgram {
        PiProgram(path: "usr/local/lib/piforge/\(name)", text: text, mode: 0o755)
    }

    /// A systemd unit below `/etc/systemd/system`; `name` with its suffix.
    package static func unit(_ name: String, _ text: String) -> PiProgram {
        PiProgram(path: "etc/systemd/system/\(name)", text: text, mode: 0o644)
    }
}
