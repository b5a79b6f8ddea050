package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/firewatch-agent/firewatch/alert"
)

// dir is the state directory of this moment.
func (a *agent) dir() *os.Root {
	a.placing.Lock()
	defer a.placing.Unlock()
	return a.root
}

// remakeDir makes the state directory anew after it was removed as a whole: the
// folder, its lock, and the socket where that stands in it.
func (a *agent) remakeDir() (*os.Root, error) {
	root, err := openStateDir(a.stateDir)
	if err != nil {
		return nil, err
	}
	lock, err := alert.LockDir(root)
	if err != nil {
		return nil, errors.Join(err, root.Close()) // a second agent was quicker
	}
	a.placing.Lock()
	old, left := a.lock, a.left
	a.left = a.root // the history reads by it until it notices
	a.root, a.lock = root, lock
	socket := a.reopenSocket
	a.placing.Unlock()
	err = old.Close()
	if left != nil {
		err = errors.Join(err, left.Close())
	}
	if err != nil {
		a.log.Warn("close the state directory that was removed", "error", err)
	}
	if _, err := os.Lstat(a.socket); socket != nil && errors.Is(err, os.ErrNotExist) && filepath.Dir(a.socket) == filepath.Clean(a.stateDir) {
		socket()
	}
	return root, nil
}

// leaveDir gives the state directory up.
func (a *agent) leaveDir() error {
	a.placing.Lock()
	defer a.placing.Unlock()
	err := errors.Join(a.lock.Close(), a.root.Close())
	if a.left != nil {
		err = errors.Join(err, a.left.Close())
	}
	return err
}
