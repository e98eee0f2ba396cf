import Foundation
import TestSupport
import Testing

/// A program at a terminal, which somebody answers (pexpect).
struct TerminalSession {
    /// One exchange: what is waited for, literally, then what is run beside it, then what is typed.
    struct Step: Encodable {
        var expect: String
        var run: String?
        var send: String?

        /// Types a line.
        static func answer(_ question: String, _ line: String) -> Step { Step(expect: question, send: line + "\r") }
        /// Types keys as they are, such as a control character.
        static func keys(_ question: String, _ keys: String) -> Step { Step(expect: question, send: keys) }
        /// Runs a command of the shell.
        static func run(_ question: String, _ command: String) -> Step { Step(expect: question, run: command) }
        static func see(_ text: String) -> Step { Step(expect: text) }
    }

    private struct Script: Encodable {
        var command: [String]
        var columns: Int
        var folder: String
        var steps: [Step]
        var variables: [String: String]
    }

    private static let driver = """
        import json, os, pexpect, subprocess, sys
        script = json.loads(sys.argv[1])
        child = pexpect.spawn(script['command'][0], script['command'][1:], cwd=script['folder'], timeout=90,
            env={**os.environ, **script['variables']}, dimensions=(24, script['columns']), encoding='utf-8')
        seen = ''
        class Log:
            def write(self, text):
                global seen
                seen += text
            def flush(self): pass
        child.logfile_read = Log()
        for step in script['steps']:
            try:
                child.expect_exact(step['expect'])
            except (pexpect.EOF, pexpect.TIMEOUT):
                sys.stdout.write(seen)
                sys.stderr.write('not seen: ' + step['expect'])
                child.close(force=True)
                sys.exit(250)
            if step.get('run'):
                subprocess.run(step['run'], shell=True, check=True, stdout=subprocess.DEVNULL)
            if step.get('send') is not None:
                child.send(step['send'])
        child.expect(pexpect.EOF)
        child.close()
        sys.stdout.write(seen)
        sys.exit(child.exitstatus if child.signalstatus is None else 128 + child.signalstatus)
        """

    /// What the terminal showed, with `\\n` for its ends of lines, and how the program ended.
    static func run(
        _ command: [String], in folder: String, environment: [String: String] = [:], columns: Int = 80, _ steps: [Step]
    ) throws -> (status: Int32, screen: String) {
        let hasDriver = try Shell.run("python3", ["-c", "import pexpect"]).status == 0
        try ToolsTrait.require(hasDriver, "pexpect is not installed")
        let variables = ["HOME": folder, "TERM": "xterm", "NO_COLOR": "1"].merging(environment) { $1 }
        let script = Script(command: command, columns: columns, folder: folder, steps: steps, variables: variables)
        let text = String(decoding: try JSONEncoder().encode(script), as: UTF8.self)
        let answer = try Shell.run("python3", ["-c", driver, text])
        #expect(answer.error == "", "\(answer.output)")
        return (answer.status, answer.output.replacing("\r\n", with: "\n"))
    }
}

extension Piforge {
    /// Runs at a terminal.
    func runAtTerminal(
        _ arguments: [String], environment more: [String: String] = [:], columns: Int = 80,
        _ steps: [TerminalSession.Step]
    ) throws -> (status: Int32, screen: String) {
        let own = ["HOME": folder, "XDG_CACHE_HOME": cache, "SOURCE_DATE_EPOCH": ""]
        return try TerminalSession.run(
            [Self.program] + arguments, in: folder, environment: own.merging(more) { $1 }, columns: columns, steps)
    }
}
