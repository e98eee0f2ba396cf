import Foundation
import Reports
import TestSupport
import Testing
import Trees

@testable import Netboot

/// Where paths of a controller lie when its root is a folder of this machine.
@Suite
struct ControllerRootTests {
    private let folder: TemporaryFolder
    private let root: ControllerRoot

    init() throws {
        folder = try TemporaryFolder()
        root = ControllerRoot(folder.path + "/root")
        for path in ["root/real/lib", "root/etc", "outside/lib"] {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + path, withIntermediateDirectories: true)
        }
        try Shell.write([1], to: folder.path + "/outside/lib/file")
        try Shell.write([2], to: folder.path + "/root/real/lib/file")
    }

    private func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/root/" + path, withDestinationPath: target)
    }

    @Test("without links it is the path below the root")
    func plain() throws {
        #expect(try root.realPlace("/real/lib/file") == folder.path + "/root/real/lib/file")
        #expect(try root.realPlace("/real/nothing") == nil)
        #expect(try root.realPlace("/real/lib/file/below") == nil)
        #expect(root.place("/real") == folder.path + "/root/real")
        #expect(try ControllerRoot("/").realPlace("/proc/self") == "/proc/self")
    }

    @Test("links lead to where they lead the controller")
    func links() throws {
        try link("var", to: "/real")
        try link("up", to: "../../../real")
        try link("etc/exports", to: "../var/lib/file")
        for path: VolumePath in ["/var/lib/file", "/up/lib/file", "/etc/exports"] {
            #expect(try root.realPlace(path) == folder.path + "/root/real/lib/file")
        }
    }

    @Test("none leads out")
    func outside() throws {
        try link("var", to: folder.path + "/outside")
        try link("etc/exports", to: folder.path + "/outside/lib/file")
        try link("dots", to: "../outside")
        for path: VolumePath in ["/var/lib/file", "/etc/exports", "/dots/lib/file"] {
            #expect(try root.realPlace(path) == nil)
        }
    }
}
