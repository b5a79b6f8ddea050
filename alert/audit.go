package alert

import (
	"encoding/json"
	"time"
)

// AuditEntry is one line of audit.log: who did what, and when.
type AuditEntry struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"` // silence-add, silence-remove, acknowledge, dead-letter-retry, dead-letter-drop, backlog-drop
	What   any       `json:"what"`
}

const (
	auditFile  = "audit.log"
	maxAudit   = 1 << 20   // bytes; then the file becomes audit.log.1
	maxPending = 256 << 10 // bytes kept while the disk does not take them
)

// audit notes an action; the writer appends it to audit.log before anything
// else. mu is held.
func (o *Outbox) audit(by, action string, what any) {
	b, err := json.Marshal(AuditEntry{time.Now().UTC().Round(0), by, action, what})
	if err != nil || len(o.audits)+len(b) > maxPending {
		return // nobody is served by an agent that fails over its log
	}
	o.audits = append(append(o.audits, b...), '\n')
	o.kick()
}

// writeAudit appends what waits. Called by the writer, without mu.
func (o *Outbox) writeAudit(b []byte) error {
	if st, err := o.disk.root().Lstat(auditFile); err == nil && st.Size() > maxAudit {
		if err := o.disk.rename(auditFile, auditFile+".1"); err != nil {
			return err
		}
	}
	return o.disk.appendTo(auditFile, b)
}
