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
        _ edits: [Edited], from base: BaseImage, used: BlockSet?, failures: Failures,
        report: @escaping @Sendable (Result) -> Void
    ) {
        let nothing = Patch(byteCount: base.byteCount)
        let orders = edits.map { order(for: $0, patch: nothing, used: used) }
        let leftovers = orders.map { access($0.path + ".partial", F_OK) == 0 }
        WorkingCopy.make(orders, from: base, observe: observe) { number, result in
            let edit = edits[number]
            do throws(ForgeError) {
                let copy = try result.get()
                for device in try copy.detachLeftovers() { tellCleaned(device) }
                if leftovers[number] { tellCleaned(copy.path + ".partial") }
                var edit = edit
                let written = try write(&edit, orders[number], into: copy, base: base)
                report(try finish(edit, written: written))
            } catch {
                fail(edit, error, failures)
            }
        }
    }

    private func tellCleaned(_ path: String) {
        observe(Progress(stage: .clean, subject: path, done: 0, total: 0))
    }

    private func write(
        _ edit: inout Edited, _ order: ImageOrder, into copy: WorkingCopy, base: BaseImage
    ) throws(ForgeError) -> WrittenImage {
        do throws(ForgeError) {
            let job = workshop.slotJob(for: workshop.jobs[edit.place], base: base)
            var programs: Manifest.Programs?
            let decision = try job.edit(copy) { (image, decision) throws(ForgeError) in
                programs = try ProgramRun(
                    edit.slot, workshop.jobs[edit.place].settings, logPath: order.path + ".log", observe: observe)?.run(
                        in: image, at: decision.plan.modified)
            }
            edit.manifest.programs = programs
            guard decision.plan.identity.description == edit.manifest.plan else {
                throw ForgeError(
                    .bug, "could not settle the image: the two engines plan differently for it",
                    hint: "this is a bug in piforge; please report it with the profile and the name of the base image")
            }
            var order = order
            if let used = order.used { order.used = try used.union(.inUse(of: Overlay(over: copy.reader()))) }
            if sink.isMapping { try BmapFile(beside: order).prepare() }
            let written = try copy.commit(observe: observe)
            if sink.isMapping { try BmapFile(beside: order).write(.init(ofImage: order)) }
            return written
        } catch {
            // The kernel tells a full disk below a loop device as an I/O error of that device.
            guard error.kind == .inputOutput, copy.isDiskFull else { throw error }
            throw ForgeError.writing(copy.path, errno: ENOSPC)
        }
    }
}
