package alert

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Check verifies every invariant of the part of a state directory that the
// outbox owns, without changing anything, and returns what it found: nil where
// all is well. It is meant for a directory that no agent uses at the moment; in
// one that is in use it may see a change half way.
//
// Invariants: every file in incidents/open and closed decodes and is named
// after its incident; keys, phases and receipts fit each other; an incident is
// either open or closed; a closed one is settled everywhere; no two firing
// incidents have one origin; nothing half written is left; intake files
// decode; the install id is one; nothing is in quarantine; every file is
// private.
func Check(root *os.Root) []Problem { return checkTree(directory{root}) }

func checkTree(root tree) []Problem {
	c := &checker{root: root}
	for _, dir := range []string{dirOpen, dirClosed, dirQuarantine, dirTmp, dirIntake} {
		if st, err := root.Lstat(dir); err != nil || !st.IsDir() {
			c.say(dir, "the folder is missing")
		} else if st.Mode().Perm()&0o007 != 0 {
			c.say(dir, fmt.Sprintf("others can reach it: mode %s", st.Mode().Perm()))
		}
	}
	open, closed := c.records(dirOpen), c.records(dirClosed)
	origins := map[string]string{}
	for id, r := range open {
		path := dirOpen + "/" + id + ".json"
		if closed[id] != nil {
			c.say(path, "this incident is closed too")
		}
		if r.End != nil || r.digest() {
			continue
		}
		if other, ok := origins[r.origin()]; ok {
			c.say(path, "fires for the same rule and target as incident "+other)
		}
		origins[r.origin()] = id
	}
	for id, r := range closed {
		if !r.settled() {
			c.say(dirClosed+"/"+closedName(r), "closed, and incident "+id+" is not settled everywhere")
		}
	}
	for _, n := range c.list(dirQuarantine) {
		c.say(dirQuarantine+"/"+n, "quarantined")
	}
	for _, n := range c.list(dirTmp) {
		c.say(dirTmp+"/"+n, "half written")
	}
	c.intake()
	if b, err := readFile(root, installFile, 4096); err != nil {
		c.say(installFile, err.Error())
	} else if _, err := decodeInstall(b); err != nil {
		c.say(installFile, err.Error())
	}
	return c.found
}

type checker struct {
	root  tree
	found []Problem
}

func (c *checker) say(path, problem string) { c.found = append(c.found, Problem{path, problem}) }

func (c *checker) list(dir string) []string {
	names, err := listDir(c.root, dir)
	if err != nil {
		c.say(dir, err.Error())
	}
	return names
}

// records reads a folder of incidents.
func (c *checker) records(dir string) map[string]*record {
	out := map[string]*record{}
	for _, n := range c.list(dir) {
		path := dir + "/" + n
		if st, err := c.root.Lstat(path); err == nil && st.Mode()&fs.ModeType == 0 && st.Mode().Perm()&0o077 != 0 {
			c.say(path, fmt.Sprintf("others can reach it: mode %s", st.Mode().Perm()))
		}
		r, err := readRecord(c.root, path)
		if err != nil {
			c.say(path, err.Error())
			continue
		}
		want := r.ID + ".json"
		if dir == dirClosed {
			want = closedName(r)
		}
		if n != want {
			c.say(path, "should be named "+want)
			continue
		}
		out[r.ID] = r
	}
	return out
}

func (c *checker) intake() {
	for _, n := range c.list(dirIntake) {
		path := dirIntake + "/" + n
		if strings.HasPrefix(n, tmpPrefix) {
			continue // a sender is at it
		}
		b, err := readFile(c.root, path, 2*maxAlertSize)
		if err == nil {
			_, err = decodeIntake(b)
		}
		if err != nil {
			c.say(path, err.Error())
		}
	}
}
