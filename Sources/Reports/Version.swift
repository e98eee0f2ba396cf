/// piforge's own version, as `--version` and the manifest show it.
package let version = "0.1.0"
