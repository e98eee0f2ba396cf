import Bases
import Blocks
import Glibc
import Images
import Reports

/// The loop engine: every slot's image is a copy of the base that the kernel edits.
extension Build {
    /// Copies the base for all slots in one pass; each copy is edited and gets its name as soon as it is whole.
    ///
    /// `edits` are those of the other engine, which has refused what cannot be built before anything is copied. The plan
    /// that they were made by must come out again.
    func writeMounted(
        _ edits: [Edited], from base: BaseImage, used: BlockSet?, _ outcomes: SlotOutcomes
    ) {
        let nothing = Patch(byteCount: base.byteCount)
        let requests = edits.map { request(for: $0, patch: nothing, used: used) }
        for request in requests {
            for leftover in WorkingCopy.detachLeftovers(of: request.path) { tellCleaned(leftover) }
        }
        WorkingCopy.make(requests, from: base, observe: observe) { number, result in
            let edit = edits[number]
            let outcome = Swift.Result { () throws(ForgeError) in
                let copy = try result.get()
                var edit = edit
                let written = try write(&edit, requests[number], into: copy, base: base)
                return try finish(edit, written: written)
            }
            outcomes.set(outcome.mapError { $0.about(slot: edit.slot) }, at: edit.index)
        }
    }

    private func tellCleaned(_ path: String) {
        observe(Progress(stage: .clean, subject: path, done: 0, total: 0))
    }

    private func write(
        _ edit: inout Edited, _ request: ImageRequest, into copy: WorkingCopy, base: BaseImage
    ) throws(ForgeError) -> WrittenImage {
        do throws(ForgeError) {
            let job = try spec.editor(for: spec.jobs[edit.index], base: base)
            var programs: Manifest.Programs?
            let decision = try job.edit(copy) { (image, decision) throws(ForgeError) in
                programs = try ProgramRun(
                    edit.slot, spec.jobs[edit.index].settings, logPath: request.path + ".log", observe: observe)?.run(
                        in: image, at: decision.plan.modified)
            }
            edit.manifest.programs = programs
            guard decision.plan.identity.description == edit.manifest.plan else {
                throw ForgeError(
                    .bug, "could not settle the image: the two engines plan differently for it",
                    hint: "this is a bug in piforge; please report it with the profile and the name of the base image")
            }
            edit.software = try software(of: SystemImage(in: copy, now: nil))
            var request = request
            if let used = request.used { request.used = try used.union(.inUse(of: Overlay(over: copy.reader()))) }
            if writer.isMapping { try BmapFile(beside: request).prepare() }
            let written = try copy.commit(observe: observe)
            if writer.isMapping { try BmapFile(beside: request).write(.init(ofImage: request)) }
            return written
        } catch {
            // The kernel reports a full disk below a loop device as an I/O error of that device.
            guard error.kind == .inputOutput, copy.isDiskFull else { throw error }
            throw ForgeError.writing(copy.path, errno: ENOSPC)
        }
    }
}
