package web

import (
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenUnix(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	for _, what := range []string{"new", "stale"} {
		l, err := ListenUnix(path)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		st, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		want := os.ModeSocket | 0o600
		if _, err := user.LookupGroup("firewatch"); err == nil {
			want = os.ModeSocket | 0o660
		}
		if st.Mode() != want {
			t.Errorf("%s: mode %s, want %s", what, st.Mode(), want)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false) // as if killed
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListenUnixRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := file + ".link"
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		file:                           "not a socket",
		link:                           "not a socket",
		"/" + strings.Repeat("x", 107): "longer than 107",
		filepath.Join(file, "s"):       "open socket",
	} {
		if l, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", path, l, err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "data" {
		t.Errorf("the file was changed: %q, %v", b, err)
	}
}
