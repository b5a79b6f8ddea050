package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// Install is the identity of one installation: the file install-id.
type Install struct {
	ID        string `json:"id"`                   // 128 random bits in hex
	MachineID string `json:"machine_id,omitempty"` // of the machine it was made on
}

const installFile = "install-id"

// readInstall reads or makes the install id. clone says that the directory is a
// copy from another machine: then the id is new too. fresh says that the id is
// to be written.
func (o *Outbox) readInstall() (clone, fresh bool) {
	var have Install
	b, err := readFile(o.disk.root(), installFile, 4096)
	if err == nil {
		have, err = decodeInstall(b)
	}
	switch {
	case err == nil && have.MachineID != "" && o.opt.MachineID != "" && have.MachineID != o.opt.MachineID:
		clone = true
	case err == nil:
		o.install = have
		if have.MachineID != "" || o.opt.MachineID == "" {
			return false, false
		}
		o.install.MachineID = o.opt.MachineID // it became known
		return false, true
	case !errors.Is(err, fs.ErrNotExist):
		o.quarantine(installFile, err)
	}
	o.install = Install{ID: newID(), MachineID: o.opt.MachineID}
	return clone, true
}

// writeInstall is called after a clone's incidents are out of the way: a crash
// between the two finds the clone again.
func (o *Outbox) writeInstall() error {
	b, err := json.Marshal(o.install)
	if err == nil {
		err = o.disk.save(installFile, append(b, '\n'), func() bool { return true })
	}
	if err == nil {
		err = o.disk.syncDir(".")
	}
	if err != nil {
		return fmt.Errorf("write install id: %w", err)
	}
	return nil
}

func decodeInstall(b []byte) (Install, error) {
	var i Install
	if err := json.Unmarshal(b, &i); err != nil {
		return Install{}, fmt.Errorf("decode install id: %w", err)
	}
	if !isID(i.ID) {
		return Install{}, errors.New("decode install id: not 32 hex digits")
	}
	return i, nil
}
