import Blocks
import Dispatch
import Reports
import Synchronization

/// Who does what next in a pass over the base; shared by the threads that do it.
final class ReadAheadScheduler: Sendable {
    enum Task {
        case read(Int, Range<Int64>)
        case consume(Int, SparseBytes)
        case finish(Int, ForgeError?)
    }

    private struct Consumer {
        /// The piece it needs next.
        var next = 0
        var isBusy = false
        var isFinished = false
        var failure: ForgeError?
    }

    private struct State {
        var consumers: [Consumer]
        /// Pieces in memory; one that is still being read is not here.
        var pieces: [Int: SparseBytes] = [:]
        var nextRead = 0
        var reading = 0
        /// Bytes of pieces in memory and, by their full size, of those being read.
        var held: Int64 = 0
        var failure: ForgeError?
        var sleepers = 0
    }

    private let pieces: [Range<Int64>]
    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)

    init(pieces: [Range<Int64>], consumers: Int) {
        self.pieces = pieces
        state = Mutex(State(consumers: .init(repeating: Consumer(), count: consumers)))
    }

    /// The next thing to do, waiting for it if need be; nil when all is done.
    func next() -> Task? {
        while true {
            let (task, isDone) = state.withLock { state -> (Task?, Bool) in
                if let task = choose(&state) { return (task, false) }
                if state.consumers.allSatisfy(\.isFinished), state.reading == 0 { return (nil, true) }
                state.sleepers += 1
                return (nil, false)
            }
            if let task { return task }
            if isDone { return nil }
            wake.wait()
        }
    }

    /// The oldest piece first, so that memory is freed soon; reading ahead only when nobody can go on.
    private func choose(_ state: inout State) -> Task? {
        var chosen: Int?
        for (number, consumer) in state.consumers.enumerated() where !consumer.isBusy && !consumer.isFinished {
            if state.failure != nil || consumer.failure != nil || consumer.next == pieces.count {
                state.consumers[number].isBusy = true
                return .finish(number, consumer.next == pieces.count ? nil : consumer.failure ?? state.failure)
            }
            guard state.pieces[consumer.next] != nil else { continue }
            if chosen.map({ consumer.next < state.consumers[$0].next }) ?? true { chosen = number }
        }
        if let chosen, let piece = state.pieces[state.consumers[chosen].next] {
            state.consumers[chosen].isBusy = true
            return .consume(chosen, piece)
        }
        guard state.failure == nil, state.nextRead < pieces.count, !state.consumers.allSatisfy(\.isFinished) else {
            return nil
        }
        let size = length(state.nextRead)
        // One more than memory allows is better than none.
        guard state.pieces.isEmpty || state.held + size <= FanOutReader.memoryLimit else { return nil }
        let number = state.nextRead
        state.nextRead += 1
        state.reading += 1
        state.held += size
        return .read(number, pieces[number])
    }

    private func length(_ number: Int) -> Int64 { pieces[number].upperBound - pieces[number].lowerBound }

    func didRead(_ number: Int, _ piece: SparseBytes) {
        update { state in
            state.reading -= 1
            state.held += piece.heldByteCount - length(number)
            state.pieces[number] = piece
            dropPieces(&state)
        }
    }

    /// Reading failed: nobody can go on.
    func didFail(_ failure: ForgeError) {
        update { state in
            state.reading -= 1
            state.failure = state.failure ?? failure
        }
    }

    func didConsume(_ consumer: Int, failure: ForgeError? = nil) {
        update { state in
            state.consumers[consumer].isBusy = false
            state.consumers[consumer].failure = failure
            state.consumers[consumer].next += failure == nil ? 1 : 0
            dropPieces(&state)
        }
    }

    func didFinish(_ consumer: Int) {
        update { state in
            state.consumers[consumer].isFinished = true
            state.consumers[consumer].isBusy = false
            dropPieces(&state)
        }
    }

    /// Forgets pieces that nobody needs any more.
    private func dropPieces(_ state: inout State) {
        let oldest = state.consumers.lazy.filter { !$0.isFinished && $0.failure == nil }.map(\.next).min() ?? .max
        for number in state.pieces.keys where number < oldest {
            if let piece = state.pieces.removeValue(forKey: number) { state.held -= piece.heldByteCount }
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let sleepers = state.withLock { state in
            change(&state)
            defer { state.sleepers = 0 }
            return state.sleepers
        }
        for _ in 0..<sleepers { wake.signal() }
    }
}
