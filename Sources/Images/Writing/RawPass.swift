import Bases
import Blocks
import Reports

/// Fills raw outputs in one pass over the base, which is read ahead on all cores.
///
/// Each piece of the base is written for one output after the other while it is in memory. On a file system with
/// reflinks (btrfs, xfs) the base is written once, into the first output; the others are cloned from it and patched.
struct RawPass {
    let requests: [ImageRequest]
    let base: BaseImage
    /// Whether the outputs need their digests. Without, a base that lies unpacked on a file system with reflinks is
    /// not even read: all outputs are clones of it.
    let isHashing: Bool
    /// Sees every piece of the base that is read, in order.
    var watch: (@Sendable (SparseBytes) -> Void)?
    /// Keeps the base unpacked for later builds; not asked where the outputs are clones, as they are made quickly enough.
    var tee: CacheTee?

    /// Calls `filled` exactly once for each request, with its index, from any thread; the callee owns the output, which
    /// still lacks its patch when it is a clone (`RawOutput.completed`).
    func run(
        observe: @escaping Progress.Observer,
        filled: @escaping @Sendable (Int, Result<RawOutput, ForgeError>) -> Void
    ) {
        let filled: @Sendable (Int, Result<RawOutput, ForgeError>) -> Void = { place, result in
            filled(place, result.flatMap(confirmed))
        }
        var outputs: [RawOutput] = []
        var requestIndices: [Int] = []
        for (requestIndex, request) in requests.enumerated() {
            do throws(ForgeError) {
                try Interruption.check()
                let output = try RawOutput(request, isHashing: isHashing)
                if !isHashing, let file = base.reader as? FileReader, output.clone(fromDescriptor: file.descriptor) {
                    output.setRole(.clone)
                    filled(requestIndex, .success(output))
                } else {
                    outputs.append(output)
                    requestIndices.append(requestIndex)
                }
            } catch {
                filled(requestIndex, .failure(error))
            }
        }
        fill(outputs, observe: observe) { [requestIndices] in filled(requestIndices[$0], $1) }
    }

    /// An output all of whose bytes came from the base, unless that was changed meanwhile.
    private func confirmed(_ output: RawOutput) -> Result<RawOutput, ForgeError> {
        do throws(ForgeError) {
            try base.confirmUnchanged()
            return .success(output)
        } catch {
            output.discard()
            return .failure(error)
        }
    }

    private func fill(
        _ outputs: [RawOutput], observe: @escaping Progress.Observer,
        filled: @escaping @Sendable (Int, Result<RawOutput, ForgeError>) -> Void
    ) {
        if outputs.count > 1, RawOutput.canClone(from: outputs[0], to: outputs[1]) {
            for (index, output) in outputs.enumerated() { output.setRole(index == 0 ? .cloned : .clone) }
        }
        let isCloning = outputs.first?.role == .cloned
        let total = base.byteCount
        let keep = isCloning ? nil : tee.map { tee in { @Sendable (piece: SparseBytes) in tee.take(piece) } }
        let watchers = [watch, keep].compactMap(\.self)
        FanOutReader(base: base.reader, consumers: outputs.count + watchers.count).run(
            consume: { (number, piece) throws(ForgeError) in
                guard number < outputs.count else {
                    // Nobody is left whose image the piece is of.
                    if outputs.allSatisfy(\.isCutShort) { throw .interruption }
                    watchers[number - outputs.count](piece)
                    return
                }
                let done = try outputs[number].take(piece)
                observe(Progress(stage: .write, subject: outputs[number].request.name, done: done, total: total))
            },
            finish: { number, failure in
                guard number < outputs.count else { return }
                if let failure {
                    outputs[number].discard()
                    filled(number, .failure(failure))
                } else if !isCloning {
                    // Clones are made below, when what they are cloned from is whole.
                    filled(number, .success(outputs[number]))
                }
            })
        guard isCloning else {
            tee?.finish()
            return
        }
        // The first last: its own patch must not get into the others.
        for number in outputs.indices.reversed() where !outputs[number].isDiscarded {
            if number > 0 { outputs[number].clone(from: outputs[0]) }
            filled(number, .success(outputs[number]))
        }
    }
}
