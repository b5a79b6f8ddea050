package alert

import (
	"encoding/json"
	"fmt"
)

// Install is the identity of one installation: the file install-id.
type Install struct {
	ID        string `json:"id"`                   // 128 random bits in hex
	MachineID string `json:"machine_id,omitempty"` // of the machine it was made on
}

const installFile = "install-id"

// readInstall reads or makes the install id, and reports whether the directory
// is a copy from another machine: then the id is new too.
func (o *Outbox) readInstall() (clone bool) {
	b, err := readFile(o.disk.root, installFile, 4096)
	var have Install
	if err == nil && json.Unmarshal(b, &have) == nil && isID(have.ID) {
		clone = have.MachineID != "" && o.opt.MachineID != "" && have.MachineID != o.opt.MachineID
		if !clone && (have.MachineID != "" || o.opt.MachineID == "") {
			o.install = have
			return false
		}
	} else if err == nil {
		o.quarantine(installFile, fmt.Errorf("not an install id"))
	}
	o.install = Install{ID: newID(), MachineID: o.opt.MachineID}
	if isID(have.ID) && !clone {
		o.install.ID = have.ID // the machine's id became known
	}
	b, err = json.Marshal(o.install)
	if err == nil {
		err = o.disk.save(installFile, append(b, '\n'), func() bool { return true })
	}
	if err == nil {
		err = o.disk.syncDir(".")
	}
	if err != nil {
		o.diskFailed(fmt.Errorf("write install id: %w", err))
	}
	if clone {
		o.opt.Log.Warn("the state directory was copied from another machine: new install id, open incidents quarantined", "install_id", o.install.ID)
	}
	return clone
}
