extension BaseFormat {
    /// A kind of file that people take for a disk image, and the way on from there.
    package struct Foreign: Equatable, Sendable {
        /// In words for a message: "a 7-Zip archive".
        package var name: String
        /// What to do, with `FILE` for its path; nil when there is no way from it to an image.
        package var remedy: String?

        init(_ name: String, _ remedy: String? = nil) {
            self.name = name
            self.remedy = remedy
        }
    }
}

extension BaseFormat.Foreign {
    static let webPage = Self(
        "a web page (was the download answered with an error?)", "download it again, and look at the file")
    static let text = Self("a text file", "give the image itself")
    static let bareFileSystem = Self(
        "a file system without a partition table",
        "give an image of the whole card: copy /dev/mmcblk0 or /dev/sdX, not one of its partitions")

    private static let convert = "convert it: qemu-img convert -O raw FILE image.img"
    private static let join = "join its parts first: zip -s 0 NAME.zip --out whole.zip"

    /// Where which bytes stand in which kind of file.
    static let signatures: [(foreign: Self, offset: Int, magic: [UInt8])] = [
        (.init("a 7-Zip archive", "unpack it: 7z x FILE"), 0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        (.init("a RAR archive", "unpack it: unrar x FILE"), 0, Array("Rar!".utf8) + [0x1A, 0x07]),
        (.init("a cabinet archive", "unpack it: 7z x FILE"), 0, Array("MSCF".utf8)),
        (.init("an lzip file", "unpack it: lzip -dk FILE"), 0, Array("LZIP".utf8)),
        (.init("an LZ4 file", "unpack it: lz4 -d FILE image.img"), 0, [0x04, 0x22, 0x4D, 0x18]),
        (.init("an old LZ4 file", "unpack it: lz4 -d FILE image.img"), 0, [0x02, 0x21, 0x4C, 0x18]),
        (.init("an lzop file", "unpack it: lzop -d FILE"), 0, [0x89] + Array("LZO".utf8) + [0x00, 0x0D, 0x0A]),
        (.init("a file of compress", "unpack it: gzip -dc <FILE >image.img"), 0, [0x1F, 0x9D]),
        (.init("an old .lzma file", "unpack it: xz -dk --format=lzma FILE"), 0, [0x5D, 0x00, 0x00]),
        (
            .init("an ISO 9660 image", "a Pi boots from no CD; give one of 8086's images, or Raspberry Pi OS"), 32769,
            Array("CD001".utf8)
        ),
        (.init("a qcow2 disk", convert), 0, Array("QFI".utf8) + [0xFB]),
        (.init("a QED disk", convert), 0, Array("QED".utf8) + [0x00]),
        (.init("a VMDK disk", convert), 0, Array("KDMV".utf8)),
        (.init("the description of a VMDK disk", convert), 0, Array("# Disk DescriptorFile".utf8)),
        (.init("a VHD disk", convert), 0, Array("conectix".utf8)),
        (.init("a VHDX disk", convert), 0, Array("vhdxfile".utf8)),
        (.init("a VirtualBox disk", convert), 64, [0x7F, 0x10, 0xDA, 0xBE]),
        (
            .init("a Partclone image", "unpack it: partclone.restore -C -s FILE -O image.img"), 0,
            Array("partclone-image".utf8)
        ),
        (.init("an Android sparse image", "unpack it: simg2img FILE image.img"), 0, [0x3A, 0xFF, 0x26, 0xED]),
        (.init("a SquashFS file system", bareFileSystem.remedy), 0, Array("hsqs".utf8)),
        (.init("a Debian package"), 0, Array("!<arch>".utf8)),
        (.init("a part of a multi-volume zip", join), 0, Array("PK".utf8) + [7, 8]),
        (.init("a Git LFS pointer", "fetch the file itself: git lfs pull"), 0, Array("version https://git-lfs".utf8)),
        (.init("a torrent", "download what it describes"), 0, Array("d8:announce".utf8)),
        (.init("a PDF document"), 0, Array("%PDF-".utf8)),
        (.init("an executable"), 0, [0x7F] + Array("ELF".utf8)),
        (.init("a program for Windows"), 0, Array("MZ".utf8) + [0x90, 0x00]),
    ]

    /// The last part of a zip in several files, told by its end: the parts before it hold its beginning.
    static let lastPartOfZip = Self("the last part of a multi-volume zip", join)
}
