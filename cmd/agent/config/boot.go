package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lastGood is the copy, in the state directory, of the last file that worked.
const lastGood = "config.last-good.toml"

// Source says where the configuration of a boot came from.
type Source string

// The sources of a configuration, best first.
const (
	FromFile     Source = "file"      // the config file, without a fault
	FromLastGood Source = "last-good" // the last file that worked: the present one has faults
	FromSalvage  Source = "salvage"   // built-in rules, and the sinks of the faulty file that are whole
	FromBuiltin  Source = "built-in"  // there is no config file
)

// Boot returns a configuration that watches the host, whatever is wrong with
// the file at path ("" = there is none): that of the file, else the last one
// that worked, else the built-in rules with every sink of the file that is
// whole. The warnings say what is wrong with the file, and with the last good
// one where that was needed and failed too.
//
// root is the state directory. `check`, a reload and a run from a terminal are
// strict and use [Load].
func Boot(path string, root *os.Root) (*Config, []Diagnostic, Source) {
	if path == "" {
		return Default(), nil, FromBuiltin
	}
	broken := result{config: &Config{}, faults: newFaults(path, nil)}
	data, mode, err := readFile(path)
	if err != nil {
		broken.faults.list = []Diagnostic{{File: path, Problem: err.Error(), Hint: "give the agent a file that it can read"}}
	} else {
		broken = parse(data, path)
		broken.checkMode(mode)
		broken.checkFiles()
	}
	warnings := broken.faults.sorted()
	if len(warnings) == 0 {
		return broken.config, nil, FromFile
	}
	if data, err := readLastGood(root); err == nil {
		old := parse(data, lastGood)
		old.checkFiles()
		if len(old.faults.list) == 0 {
			return old.config, warnings, FromLastGood
		}
		warnings = append(warnings, old.faults.sorted()...)
	}
	return broken.config.salvage(), warnings, FromSalvage
}

// StateDir returns the state directory that the file at path names, whatever
// else is wrong with the file, or "" where it names none that can be used. It
// is for [Boot], whose root is in that directory.
func StateDir(path string) string {
	if path == "" {
		return ""
	}
	c, _, err := Load(path)
	if err != nil || !filepath.IsAbs(c.Agent.StateDir) {
		return ""
	}
	return c.Agent.StateDir
}

// salvage is the default configuration with the sinks of c that are whole by
// themselves. There are no routes, so every alert goes to each of them.
func (c *Config) salvage() *Config {
	out := Default()
	out.Sinks = c.Sinks.whole()
	return out
}

// SaveLastGood keeps the file that c was read from in the state directory, for
// a later Boot. It is to be called once c works. It writes only what changed,
// and nothing where c came from no file.
func (c *Config) SaveLastGood(root *os.Root) error {
	if c.source == nil {
		return nil
	}
	if old, err := readLastGood(root); err == nil && bytes.Equal(old, c.source) {
		return nil
	}
	if err := replace(root, lastGood, c.source); err != nil {
		return fmt.Errorf("save last good config: %w", err)
	}
	return nil
}

func readLastGood(root *os.Root) ([]byte, error) {
	f, err := root.OpenFile(lastGood, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// replace writes a file whole or not at all: temp, fsync, rename, fsync of the
// directory.
func replace(root *os.Root, name string, data []byte) error {
	temp := name + ".tmp"
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		_ = root.Remove(temp)
		return err
	}
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return dir.Sync()
}
