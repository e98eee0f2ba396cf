import Plans
import Synchronization

/// Lines of several slots, printed in the slots' order however they are finished: each as soon as all before it are.
final class OrderedLines: Sendable {
    private let slots: [Slot]
    private let state = Mutex(State())

    private struct State {
        /// How many slots are done with.
        var next = 0
        /// An empty list for a slot that has failed.
        var waiting: [Slot: [String]] = [:]
    }

    init(_ slots: [Slot]) { self.slots = slots }

    /// Takes what is to be said of a slot; from any thread.
    func add(_ lines: [String], of slot: Slot) {
        state.withLock { state in
            state.waiting[slot] = lines
            while state.next < slots.count, let ready = state.waiting.removeValue(forKey: slots[state.next]) {
                state.next += 1
                Terminal.shared.clear()
                for line in ready { Output.line(line) }
            }
        }
    }

    /// Prints what waits for slots of which nothing will come.
    func finish() {
        state.withLock { state in
            for slot in slots.dropFirst(state.next) {
                for line in state.waiting.removeValue(forKey: slot) ?? [] { Output.line(line) }
            }
            state.next = slots.count
        }
    }
}
