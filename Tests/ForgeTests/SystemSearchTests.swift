import Blocks
import Foundation
import Tables
import TestSupport
import Testing
import Volumes

/// Images with two Linux partitions: which of them is root, cmdline.txt says.
@Suite(.needs("sfdisk", "mkfs.fat", "mcopy", "mke2fs"))
struct SystemSearchTests {
    private static let firstUUID = "6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e51"
    private static let secondUUID = "6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e52"
    private static let guid = "11111111-2222-3333-4444-55555555000"

    /// FAT from 1 MiB, ext from 4 and from 8 MiB; those of `systems` hold an /etc/os-release.
    private func image(label: String, cmdline: String?, systems: Set<Int>) throws -> MemoryDevice {
        let folder = try TemporaryFolder()
        let path = folder.path + "/image"
        let isGPT = label == "gpt"
        var script = "label: \(label)\nlabel-id: \(isGPT ? Self.guid + "0" : "0x5d1f0a2c")\n"
        for (number, start) in [(1, 2048), (2, 8192), (3, 16384)] {
            script +=
                "start=\(start), size=\(number == 1 ? 4096 : 6144), type=\(number == 1 ? (isGPT ? "U" : "c") : "L")"
            script += isGPT ? ", uuid=\(Self.guid)\(number), name=\"part\(number)\"\n" : "\n"
        }
        try shell("truncate -s 16M image && sfdisk -q --no-tell-kernel image", in: folder, input: script)
        try shell("mkdir -p system/etc empty && touch system/etc/os-release && mkfs.fat -C boot 2048", in: folder)
        if let cmdline {
            try shell("cat >cmdline.txt && mcopy -i boot cmdline.txt ::", in: folder, input: cmdline)
        }
        for (number, name, uuid) in [(2, "rootfs", Self.firstUUID), (3, "data", Self.secondUUID)] {
            let tree = systems.contains(number) ? "system" : "empty"
            try shell("mke2fs -q -t ext4 -L \(name) -U \(uuid) -d \(tree) p\(number) 3M", in: folder)
        }
        try shell(
            """
            dd if=boot of=image bs=512 seek=2048 conv=notrunc status=none
            dd if=p2 of=image bs=512 seek=8192 conv=notrunc status=none
            dd if=p3 of=image bs=512 seek=16384 conv=notrunc status=none
            """, in: folder)
        return MemoryDevice(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    }

    private func shell(_ script: String, in folder: TemporaryFolder, input: String = "") throws {
        let run = try Shell.run("sh", ["-ec", "cd '\(folder.path)'; \(script)"], input: Array(input.utf8))
        try #require(run.status == 0, "\(run.error)")
    }

    private func root(of device: MemoryDevice) throws(PartitionTableError) -> Int {
        let reader = Bytes(bytes: device.bytes)
        return try PartitionTable.read(from: reader).findSystem(in: reader).root.number
    }

    private struct Bytes: BlockReader {
        let bytes: [UInt8]
        var byteCount: Int64 { Int64(bytes.count) }
        func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
            try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
            let part = bytes[Int(offset)..<Int(offset) + buffer.byteCount]
            buffer.withUnsafeMutableBytes { $0.copyBytes(from: part) }
        }
    }

    @Test(
        "root= decides, in every form that the kernel and its initramfs know",
        arguments: [
            ("dos", "root=PARTUUID=5d1f0a2c-03", 3), ("dos", "root=PARTUUID=5D1F0A2C-02 quiet", 2),
            ("dos", "root=/dev/mmcblk0p3", 3), ("dos", "root=/dev/nvme0n1p2", 2), ("dos", "root=/dev/sda3", 3),
            ("dos", "root=LABEL=data", 3), ("dos", "root=\"LABEL=rootfs\"", 2), ("dos", "root=UUID=\(secondUUID)", 3),
            ("dos", "root=/dev/disk/by-label/data", 3), ("dos", "root=/dev/disk/by-uuid/\(firstUUID)", 2),
            ("dos", "root=/dev/mmcblk0p2 root=/dev/mmcblk0p3", 3), ("dos", "x=1\troot=/dev/sda2\r\n", 2),
            ("gpt", "root=PARTUUID=\(guid)3", 3), ("gpt", "root=PARTLABEL=part2", 2),
            ("gpt", "root=/dev/disk/by-partuuid/\(guid)2", 2),
        ])
    func named(label: String, cmdline: String, number: Int) throws {
        #expect(try root(of: image(label: label, cmdline: cmdline, systems: [2, 3])) == number)
    }

    @Test("where root= names none of them, the one with a system is root; two or none are refused")
    func unnamed() throws {
        for cmdline in ["root=PARTUUID=deadbeef-02", "quiet", "root=/dev/nfs"] {
            #expect(try root(of: image(label: "dos", cmdline: cmdline, systems: [3])) == 3)
            for systems in [[], [2, 3]] as [Set<Int>] {
                let device = try image(label: "dos", cmdline: cmdline, systems: systems)
                let error = #expect(throws: PartitionTableError.self) { try root(of: device) }
                guard case .ambiguous(let findings)? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(findings.count == 3)
            }
        }
    }

    @Test("a read that fails is no other answer, whichever it is")
    func failingReads() throws {
        let bytes = try image(label: "dos", cmdline: "root=LABEL=data", systems: [2]).bytes
        var count = 0
        for number in 1... {
            let reader = FailingReader(Bytes(bytes: bytes), failing: number)
            do throws(PartitionTableError) {
                #expect(try PartitionTable.read(from: reader).findSystem(in: reader).root.number == 3, "read \(number)")
                if reader.reads < number { break }
            } catch {
                #expect(error == .unreadable(FaultyDevice.error))
                count = number
            }
        }
        #expect(count > 5)
    }
}
