package main

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells systemd how the agent is (sd_notify(3)); without
// $NOTIFY_SOCKET it does nothing.
type notifier struct {
	log      *slog.Logger
	every    time.Duration // half of WatchdogSec, 0 = no watchdog
	last     time.Duration // CLOCK_BOOTTIME of the last WATCHDOG=1
	reported atomic.Bool   // a failure was logged; ticks and reloads both send
}

func newNotifier(log *slog.Logger) *notifier {
	n := &notifier{log: log}
	if d, err := daemon.SdWatchdogEnabled(false); err == nil {
		n.every = d / 2
	}
	return n
}

// suit asks for a longer watchdog where ticks come too rarely for that of the
// unit.
func (n *notifier) suit(interval time.Duration) {
	if least := 3 * interval; n.every > 0 && n.every < least/2 {
		n.every = least / 2
		n.send(fmt.Sprintf("WATCHDOG_USEC=%d", least.Microseconds()))
	}
}

func (n *notifier) send(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil && !n.reported.Swap(true) {
		n.log.Warn("notify systemd", "error", err)
	}
}

func (n *notifier) ready(status string) { n.send(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// reloading also carries the monotonic time that Type=notify-reload asks for.
func (n *notifier) reloading() {
	n.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, monotonicTime().Microseconds()))
}

func (n *notifier) stopping() { n.send(daemon.SdNotifyStopping) }

// progress is called by each tick that got through while the outbox does too:
// the watchdog is tied to progress, not to a free ticker.
func (n *notifier) progress(boot time.Duration) {
	if n.every > 0 && boot-n.last >= n.every {
		n.last = boot
		n.send(daemon.SdNotifyWatchdog)
	}
}
