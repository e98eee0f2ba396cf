import Plans
import Testing

/// Profiles that are wrong: each message, with its place and hint.
struct ProfileProblemTests {
    @Test("all problems at once, in the order of the file")
    func allAtOnce() {
        let problems = Fixture.problems(
            """
            version: 2
            clutser: sg1
            defaults:
              shh: true
              cgroups: yes
              hostname: all
              gpu_mem: "16"
            slots:
              p01: {}
              p1:
                hostname: Oneil
                time_zone: [Europe/Berlin]
              p2:
                hostname: p1
              p3:
                hostname: same
              p4:
                hostname: same
                ssid: Home
                authorized_keys_files: [none.pub]
              p1:
                gpu_mem: 8
            """)
        #expect(
            problems == [
                "1:1: `p.yaml` needs the key `cluster` => cluster: sg1",
                "1:10: `version` takes 1, not 2",
                "2:1: unknown key `clutser` in `p.yaml` => did you mean `cluster`?",
                "4:3: unknown key `shh` in `defaults` => did you mean `ssh`?",
                "5:12: `cgroups` takes true or false, not `yes` => cgroups: true",
                "6:3: unknown key `hostname` in `defaults` => `hostname` belongs in a slot",
                "7:12: `gpu_mem` takes a whole number from 16 to 944, not a text => gpu_mem: 16",
                "9:3: the slot \"p01\" is not written as p and a plain number => p1",
                "11:15: the host name \"Oneil\" has capital letters => oneil",
                "12:16: `time_zone` takes one text, not a list => time_zone: Europe/Berlin",
                "14:15: `p1` is the name of another slot than p2 => a name of its own, or none",
                "18:15: the host name `same` is given to p3 and p4 => each slot needs a name of its own",
                "19:5: unknown key `ssid` in `p4` => `ssid` belongs in `wifi`",
                "20:29: could not read here/none.pub: no such file or folder",
                "21:3: `p1` is given twice, first in line 10 => take one of them out",
            ])
    }

    @Test("a problem prints as file:line:column, a hint on its own line")
    func printed() {
        do {
            _ = try Fixture.load("slots: {p1: {shh: true}}")
        } catch {
            #expect(error.description == "p.yaml:3:14: unknown key `shh` in `p1`\nhint:  did you mean `ssh`?")
        }
    }

    @Test(
        "texts that are no profile",
        arguments: [
            ("", "1:1: the profile is empty => piforge init writes one to start from"),
            ("# nothing\n", "1:1: the profile is empty => piforge init writes one to start from"),
            ("---\n...\n", "1:1: the profile is empty => piforge init writes one to start from"),
            ("- a\n", "1:1: a profile is a mapping, not a list => version: 1"),
            ("hello", "1:1: a profile is a mapping, not `hello` => version: 1"),
            (
                "version: 1\n---\nversion: 1\n",
                "2:1: a second document begins here; a profile is one document => take the `---` line out, or split the file"
            ),
            (
                "version: 1\n\tcluster: x\n",
                "2:1: a tab stands where YAML takes spaces => indent with two spaces"
            ),
            (
                "version: 1\ncluster: a: b\n",
                "2:11: not valid YAML: mapping values are not allowed in this context => quote a text that contains `: `, and check the indentation"
            ),
            (
                "version: 1\ncluster: *x\n",
                "2:10: the alias `*x` stands for nothing => put `&x` before the value that it shall repeat"
            ),
            (
                "version: !!int 1\ncluster: x\nslots: {p1: }\n",
                "1:10: the tag `!!int` has no meaning here => take the tag out"
            ),
            (
                "version: 1\ncluster: x\nslots: {[a]: }\n",
                "3:9: a key must be a word, not a list or mapping|3:8: the profile has no slot => slots: {cnat: {}, p1: {}}"
            ),
            ("version: 1\ncluster: x\nslots:\n  <<: 1\n  p1:\n", "4:7: `<<` takes a mapping, not `1` => <<: *name"),
            ("version: 1\ncluster: x\n", "1:1: `p.yaml` needs the key `slots` => slots: {cnat: {}, p1: {}}"),
            (
                "version: 1\ncluster: x\nslots:\n",
                "3:7: `slots` takes a mapping of slots, not nothing => slots: {cnat: {}, p1: {}}"
            ),
            (
                "version: 1\ncluster: \"a\u{0}b\"\n",
                "2:12: the control character U+0000 is not allowed => the file looks like a binary one, or like UTF-16: save it as UTF-8"
            ),
            (
                "version: 1\ncluster: \"a\\0b\"\nslots: {p1: }\n",
                "2:10: the cluster name \"a b\" has the character \"\u{0}\" => letters a-z, digits and hyphens"
            ),
        ])
    func noProfile(text: String, expected: String) {
        let wanted = expected.split(separator: "|").map(String.init)
        #expect(Fixture.problems(text) == wanted.sorted { $0 < $1 })
    }

    @Test("bytes that are no text")
    func bytes() {
        func problems(_ bytes: [UInt8]) -> [String] {
            do {
                _ = try Profile.load(bytes, name: "p.yaml", files: NoProfileFiles())
                return []
            } catch {
                return error.problems.map(Fixture.line)
            }
        }
        #expect(
            problems(Array("version: 1\ncluster: é".utf8) + [0xFF])
                == ["2:11: the text is not UTF-8 => save the file as UTF-8"])
        #expect(
            problems(Array(repeating: 0x20, count: 1 << 20) + [0x20])
                == [
                    "1:1: the profile has 1048577 bytes, the limit is 1048576 => put large files beside the profile and"
                        + " name them with `source:`"
                ])
        #expect(problems([0xEF, 0xBB, 0xBF] + Array(Fixture.text("slots: {p1: }").utf8)) == [])
        #expect(
            problems(Array("version: 1\r\ncluster: x\r\nslots:\r\n  p1:\r\n    ssh: yes\r\n".utf8)).first?.hasPrefix(
                "5:10:") == true)
    }

    @Test("aliases cannot blow up the profile", .mustEnd)
    func bombs() {
        var text = "version: 1\ncluster: x\nslots:\n  p1:\n    files:\n      - &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let items = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "      - &a\(level) [\(items)]\n"
        }
        let problems = Fixture.problems(text)
        #expect(problems.contains { $0.contains("more than 100000 values once its aliases are written out") })

        var keys = "a0: &a0 [x]\n"
        for level in 1...30 { keys += "a\(level): &a\(level) {? [*a\(level - 1), *a\(level - 1)] : x}\n" }
        #expect(Fixture.problems(keys).last?.contains("more than 100000 values once its aliases") == true)

        let deep = "a: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(Fixture.problems(deep) == ["1:36: lists and mappings are nested more than 32 levels deep"])
        let deeper = "a: " + String(repeating: "[", count: 100_000)
        #expect(Fixture.problems(deeper) == ["1:36: lists and mappings are nested more than 32 levels deep"])

        var chain = "- &a0 [x]\n"
        for level in 1...7000 { chain += "- &a\(level) [*a\(level - 1)]\n" }
        #expect(Fixture.problems(chain) == ["32:9: lists and mappings are nested more than 32 levels deep"])
        #expect(Fixture.problems("a: &a [*a]\n").first?.hasPrefix("1:8: the alias `*a` stands for nothing") == true)
        let names = (0..<100_000).map { "&a\($0) x" }.joined(separator: ",")
        #expect(Fixture.problems("a: [\(names)]\n").first?.contains("more than 100000 values") == true)
    }

    @Test(
        "settings that contradict themselves",
        arguments: [
            ("wifi: {psk: correct horse}", "3:26: `wifi` has no `ssid` => ssid: Home"),
            ("keyboard: {model: pc105}", "3:32: `keyboard` has no `layout` => layout: gb"),
            (
                "wifi: {ssid: a, psk: 12345678, psk_file: f}",
                "3:55: could not read here/f: no such file or folder|3:55: `psk` and `psk_file` are both given => take one of them out"
            ),
            (
                "password_hash_file: f, password_hash: $5$salt$" + String(repeating: "x", count: 43),
                "3:34: could not read here/f: no such file or folder|3:37: `password_hash_file` and `password_hash` are both given => take one of them out"
            ),
            (
                "gpu_mem: 16, config: {pi0: {gpu_mem: 32}}",
                "3:51: `gpu_mem` in [pi0] contradicts the setting `gpu_mem` (p.yaml:3) => keep one of them"
            ),
            ("config: {gpu_mem: 32}", "3:23: `gpu_mem` has a setting of its own => gpu_mem: 16, outside of `config`"),
            (
                "config: {arm_boost: 1, all: {arm_boost: 0}}",
                "3:43: `arm_boost` is given twice for the section all, first in line 3 => take one of them out"
            ),
            ("config: {pi9: {a: 1}}", "3:23: config.txt has no section [pi9] => did you mean `pi0`?"),
            ("config: {pi0: 1}", "3:28: `pi0` is a section of config.txt and takes a mapping => pi0: {key: value}"),
            (
                "config: {arm_boost: [1, 2]}",
                "3:34: of several lines `arm_boost=` the firmware takes the last alone => give one value; lists are for dtoverlay, dtparam and gpio"
            ),
            ("config: {arm_boost: yes}", "3:34: config.txt knows no `yes` for arm_boost => arm_boost: 1"),
            ("kernel_arguments: {set: [a=1, a=2]}", "3:44: `a=2` and `a=1` (line 3) set the same kernel argument"),
            (
                "kernel_arguments: {set: [a=1], remove: [a]}",
                "3:54: `a=1` is both set and removed => `set` replaces what has the same key by itself"
            ),
            (
                "units: {enable: [a.service], mask: [a.service]}",
                "3:50: the unit `a.service` is listed under `enable` and `mask`"
            ),
            (
                "authorized_keys: ssh-rsa",
                "3:31: `authorized_keys` takes a list, not `ssh-rsa` => authorized_keys: [ssh-rsa]"
            ),
            ("hosts: {nas: [x]}", "3:22: \"nas\" is no IPv4 or IPv6 address => 192.168.1.10, or fd00::10"),
            (
                "hosts: {127.0.1.1: [x]}",
                "3:22: the line of 127.0.1.1 names the host itself => hostname: oneil, in a slot"
            ),
            ("user: ~", "3:20: `user` has no value => quote it if it is the text \"~\""),
        ])
    func contradictions(body: String, expected: String) {
        let wanted = expected.split(separator: "|").map(String.init)
        #expect(Fixture.problems(Fixture.text("slots: {p1: {\(body)}}")) == wanted)
    }

    @Test(
        "files that cannot be",
        arguments: [
            (
                "target: /x",
                "3:22: the file /x has no content => give one of `source`, `content`, `link` and `directory`"
            ),
            (
                "content: a, link: b, target: /x",
                "3:22: the file /x has more than one of `content`, `link` => give one of `source`, `content`, `link` and `directory`"
            ),
            ("content: a", "3:22: `files` needs the key `target` => target: /etc/motd"),
            (
                "content: a, target: /boot/firmware/x.txt",
                "3:43: /boot/firmware/x.txt on the root partition is hidden once the boot partition is mounted => partition: boot, target: /x.txt"
            ),
            (
                "content: a, target: /boot/firmware/x, partition: boot",
                "3:43: /boot/firmware/x is given from the top of the boot partition, where no folder `boot` belongs => target: /x"
            ),
            (
                "content: a, target: /x, partition: boot, mode: \"0600\"",
                "3:70: the boot partition is FAT and stores no `mode` => take `mode` out"
            ),
            ("link: a, target: /x, partition: boot", "3:29: the boot partition is FAT and stores no links"),
            ("content: a, target: /x, mode: rw", "3:53: \"rw\" is no mode in octal digits => mode: \"0644\""),
            (
                "content: a, target: /x, mode: 0844",
                "3:53: the mode \"0844\" is not in the range 0000 to 7777 in octal => mode: \"0644\""
            ),
            (
                "content: a, target: /x, owner: www-data",
                "3:54: \"www-data\" is no owner that is known before the image is => a number to 65534, `root`, or `user` for the image's first user"
            ),
            ("content: a, target: x", "3:43: the target \"x\" is not absolute => /x"),
            ("content: a, target: /a/../b", "3:43: the target \"/a/../b\" holds `..`"),
            (
                "content: a, target: /etc/",
                "3:43: the target \"/etc/\" ends in a slash => give the whole path, with the file's name"
            ),
            ("content: a, target: /", "3:43: the target `/` is the partition itself => /etc/motd"),
            ("source: none, target: /x", "3:31: could not read here/none: no such file or folder"),
            (
                "content: a, target: /x}, {content: b, target: /x",
                "3:48: root:/x is given twice, first in line 3 => take one of them out"
            ),
            (
                "content: a, target: /x}, {content: b, target: /x/y",
                "3:48: root:/x/y lies below root:/x, which is no folder (p.yaml:3)"
            ),
            (
                "source: tree, target: /",
                "3:31: /boot/firmware on the root partition is hidden once the boot partition is mounted => partition: boot, target: /"
            ),
        ])
    func files(body: String, expected: String) {
        let files = FakeFiles(files: ["tree/": "", "tree/boot/": "", "tree/boot/x": "", "tree/boot/firmware": "x"])
        var wanted = expected
        if body.hasPrefix("source: tree") { wanted = wanted.replacing("/boot/firmware on", with: "/boot on") }
        #expect(Fixture.problems(Fixture.text("slots: {p1: {files: [{\(body)}]}}"), files: files) == [wanted])
    }

    @Test("key files say which of their lines is wrong")
    func keyFiles() {
        let files = FakeFiles(files: [
            "a.pub": "# x\nssh-ed25519 AAAA\n", "b": "-----BEGIN OPENSSH PRIVATE KEY-----\n", "c": "# none\n",
        ])
        do {
            _ = try Fixture.load("slots: {p1: {authorized_keys_files: [a.pub, b, c]}}", files: files)
            Issue.record("accepted")
        } catch {
            #expect(
                error.problems.map(\.description) == [
                    "here/a.pub:2:1: the `ssh-ed25519` key is cut off or damaged"
                        + "\nhint:  copy the one line of the .pub file; the file is named by p.yaml:3:38",
                    "p.yaml:3:45: here/b is a private key: it must never leave your machine\nhint:  b.pub",
                    "p.yaml:3:48: here/c holds no public key",
                ])
        }
    }
}
