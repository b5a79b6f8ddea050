package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestOwn hands a directory over, to another user where the test runs as root,
// and refuses links and what is no directory.
func TestOwn(t *testing.T) {
	t.Parallel()
	user := os.Getuid()
	if user == 0 {
		user = 65532
	}
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	call := func(args ...string) int {
		return dispatch(t.Context(), env{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, append([]string{"own"}, args...))
	}
	for range 2 {
		if code := call("--user", strconv.Itoa(user), dir); code != exitDone {
			t.Fatalf("exit %d", code)
		}
		st, err := os.Stat(dir)
		if err != nil || st.Mode().Perm() != 0o700 || int(st.Sys().(*syscall.Stat_t).Uid) != user {
			t.Errorf("%v %v", st, err)
		}
	}
	link := dir + "-link"
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	file := dir + "-file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, file, dir + "-none"} {
		if code := call("--user", strconv.Itoa(user), path); code != exitWrong {
			t.Errorf("%s: exit %d", path, code)
		}
	}
	for _, args := range [][]string{{}, {"--user", "5"}, {dir}, {"--user", "5", "relative"}} {
		if code := call(args...); code != exitUsage {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}
