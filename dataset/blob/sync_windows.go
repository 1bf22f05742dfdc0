package blob

import "os"

// syncFolder does nothing: Windows has no such call, and its file systems
// journal names themselves.
func syncFolder(*os.File) error { return nil }
