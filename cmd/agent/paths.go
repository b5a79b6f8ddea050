package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"
)

const defaultConfig = "/etc/firewatch/firewatch.toml"

// presentConfig is where defaultConfig is looked for: elsewhere in tests, so that
// what is installed on the machine plays no part in them.
var presentConfig = defaultConfig

// defaultStateDir is $STATE_DIRECTORY (systemd), else /var/lib/firewatch as
// root, else $XDG_STATE_HOME/firewatch or ~/.local/state/firewatch.
func defaultStateDir() (string, error) {
	if d := os.Getenv("STATE_DIRECTORY"); d != "" {
		return d, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/firewatch", nil
	}
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "firewatch"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a state directory: %w; give --state-dir", err)
	}
	return filepath.Join(home, ".local", "state", "firewatch"), nil
}

// stateDir is the given directory, or the default one.
func stateDir(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	return defaultStateDir()
}

// openStateDir makes dir where it is missing (0700) and opens it as a root
// that no path can leave. A directory that others can write is refused.
func openStateDir(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w; give another with --state-dir", err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory: %w", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("open state directory: %s is not a directory; give another with --state-dir", dir)
	}
	if st.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("open state directory: %s can be written by others (mode %04o); run: chmod 0700 %s", dir, st.Mode().Perm(), dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory: %w", err)
	}
	return root, nil
}

// clearFolders moves aside what stands where the state directory has folders
// and is none: opening a FIFO would wait for ever, and a link leads elsewhere.
func clearFolders(root *os.Root, log *slog.Logger) {
	for _, name := range []string{"incidents", "incidents/open", "incidents/closed", "incidents/quarantine", "incidents/tmp", "intake", "history", "models", "spare"} {
		st, err := root.Lstat(name)
		if err != nil || st.IsDir() {
			continue
		}
		aside := name + ".aside"
		log.Warn("not a folder: moved aside", "name", name, "to", aside, "type", st.Mode().Type().String(), "error", root.Rename(name, aside))
	}
}

// configPath is the given path, or the default one where it exists, or "".
func configPath(given string) string {
	if given != "" {
		return given
	}
	if _, err := os.Stat(presentConfig); !errors.Is(err, fs.ErrNotExist) {
		return presentConfig
	}
	return ""
}

// packagedSocket is where the agent of the packages listens.
const packagedSocket = "/run/firewatch/agent.sock"

// clientSocket is where a client command finds the agent: as socketPath says,
// but where nobody said anything and nothing is there, that of the packages.
func clientSocket(socket, givenDir, dir string) string {
	path := socketPath(socket, dir)
	if socket != "" || givenDir != "" || os.Getenv("RUNTIME_DIRECTORY") != "" || answers(path) {
		return path
	}
	if _, err := os.Lstat(filepath.Dir(packagedSocket)); err == nil {
		return packagedSocket
	}
	return path
}

// answers reports whether somebody listens at a unix socket.
func answers(path string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).Dial("unix", path)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// socketPath is $RUNTIME_DIRECTORY/agent.sock, else in the state directory.
func socketPath(given, dir string) string {
	if given != "" {
		return given
	}
	if d := os.Getenv("RUNTIME_DIRECTORY"); d != "" {
		return filepath.Join(d, "agent.sock")
	}
	return filepath.Join(dir, "agent.sock")
}
