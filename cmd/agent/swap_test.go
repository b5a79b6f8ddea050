package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// kubelet plays the AtomicWriter: a new folder, a link to it, and a rename over
// the old link.
func kubelet(t *testing.T, volume, version string, files map[string]string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(volume, ".."+version), 0o755))
	for name, text := range files {
		must(os.WriteFile(filepath.Join(volume, ".."+version, name), []byte(text), 0o640))
	}
	must(os.Symlink(".."+version, filepath.Join(volume, "..data_tmp")))
	must(os.Rename(filepath.Join(volume, "..data_tmp"), filepath.Join(volume, dataLink)))
	for name := range files {
		if err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(volume, name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
}

// TestSwapsOfMountedConfigs: a replaced ConfigMap and a replaced Secret beside
// it are told; other changes in the folder are not.
func TestSwapsOfMountedConfigs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, secret := filepath.Join(dir, "config"), filepath.Join(dir, "secrets")
	kubelet(t, config, "1", map[string]string{"firewatch.toml": "# one\n"})
	kubelet(t, secret, "1", map[string]string{"token": "one"})
	swapped, stop := watchSwaps(slog.New(slog.DiscardHandler), filepath.Join(config, "firewatch.toml"))
	defer stop()

	if err := os.WriteFile(filepath.Join(config, "half-written"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, volume := range []string{config, secret} {
		kubelet(t, volume, "2", map[string]string{"firewatch.toml": "# two\n", "token": "two"})
		select {
		case <-swapped:
		case <-time.After(5 * time.Second):
			t.Fatalf("the swap of %s was not told", filepath.Base(volume))
		}
	}
	select {
	case <-swapped:
		t.Error("told twice")
	default:
	}
}

// TestPlainConfigsAreNotWatched: a file that an editor writes comes into force
// by a reload only.
func TestPlainConfigsAreNotWatched(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "etc", "firewatch.toml")
	for _, config := range []string{"", path} {
		swapped, stop := watchSwaps(slog.New(slog.DiscardHandler), config)
		stop()
		if swapped != nil {
			t.Errorf("%q is watched", config)
		}
	}
}
