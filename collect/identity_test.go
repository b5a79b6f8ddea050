package collect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	release := write("os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n# ID=other\n")
	kernel := write("osrelease", "6.1.0-18-amd64\n")
	none := filepath.Join(dir, "none")
	if got := identity([]string{none, release}, kernel); !strings.HasPrefix(got, "debian 12, kernel 6.1.0-18-amd64, ") {
		t.Errorf("%q", got)
	}
	if got := identity([]string{none}, none); got == "" || strings.Contains(got, ",") {
		t.Errorf("without files: %q", got)
	}
	if got := distribution("ID='arch'\nVERSION_ID=" + strings.Repeat("9", 65)); got != "arch" {
		t.Errorf("%q", got)
	}
}
