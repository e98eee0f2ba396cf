@testable import Cards
import TestSupport
import Testing

/// Which disks share bytes, on machines that were recorded.
struct BackingStoreTests {
    private func store(_ machine: RecordedMachine, _ number: String) throws -> BackingStore {
        BackingStore(of: try #require(DeviceNumber(number)), root: machine.root)
    }

    @Test("a volume lies in its partition and disk") func volumes() throws {
        let machine = try RecordedMachine("lvm-on-usb")
        let (disk, partition) = (try store(machine, "8:16"), try store(machine, "8:17"))
        let (mounted, other) = (try store(machine, "254:0"), try store(machine, "254:1"))
        let numbers: (String...) throws -> Set<BackingStore.Part> = { names in
            Set(try names.map { BackingStore.Part.disk(try #require(DeviceNumber($0))) })
        }
        #expect(try disk.parts == numbers("8:16"))
        #expect(try partition.parts == numbers("8:17", "8:16"))
        #expect(try other.parts == numbers("254:1", "8:17", "8:16"))
        #expect(mounted.overlaps(disk) && disk.overlaps(mounted))
        #expect(partition.overlaps(disk))
    }

    @Test("two disks of one machine share nothing") func disks() throws {
        let machine = try RecordedMachine("raid")
        let disks = machine.inventory.disks.filter { $0.foundations.isEmpty && $0.bus != .virtual }
        try #require(disks.count > 1)
        for (index, disk) in disks.enumerated() {
            for other in disks[..<index] {
                #expect(!store(of: disk, machine).overlaps(store(of: other, machine)))
            }
        }
        for array in machine.inventory.disks where !array.foundations.isEmpty {
            #expect(disks.contains { store(of: array, machine).overlaps(store(of: $0, machine)) })
        }
    }

    private func store(of disk: Disk, _ machine: RecordedMachine) -> BackingStore {
        BackingStore(of: disk.number, root: machine.root)
    }
}
