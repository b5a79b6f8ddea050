package cloudid

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// Times of the watch.
const (
	pollEvery = 5 * time.Second
	askWithin = 2 * time.Second // one round of questions
	giveUp    = 3               // failures after which the host counts as no instance
	askAgain  = 5 * time.Minute // and after which time it is asked again
)

// Watcher finds the identity and the notices. Make it with New and let Run run.
type Watcher struct {
	client *imds.Client
	http   *http.Client
	log    *slog.Logger
	notify func(Notice)

	mu      sync.Mutex
	id      Identity
	settled bool
}

// New makes a watcher that has asked nobody yet. notify is called by Run when a
// notice comes, once for each kind.
func New(log *slog.Logger, notify func(Notice)) *Watcher {
	// A transport of its own: metadata never goes through a proxy.
	client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConns: 1, IdleConnTimeout: time.Minute}, Timeout: askWithin}
	return &Watcher{http: client, log: log, notify: notify, client: imds.New(imds.Options{
		HTTPClient: client, Retryer: aws.NopRetryer{}, EnableFallback: aws.FalseTernary, // no IMDSv1, whatever the instance allows
	})}
}

// Identity is what is known, and whether that will stay so.
func (w *Watcher) Identity() (Identity, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.id, w.settled
}

// Run asks until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	if task, ok := w.task(ctx); ok {
		w.settle(task)
		return // a task has no instance of its own, and hears of its end by SIGTERM
	}
	if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		w.settle(Identity{})
		return
	}
	for failures := 0; ; {
		round, cancel := context.WithTimeout(ctx, askWithin)
		id, err := w.identify(round)
		cancel()
		if err == nil {
			w.settle(id)
			w.log.Info("this host is an EC2 instance", "instance", id.InstanceID, "type", id.InstanceType, "group", id.Group)
			break
		}
		wait := time.Second
		if failures++; failures >= giveUp {
			if failures == giveUp {
				w.settle(Identity{})
				w.log.Debug("no instance metadata by IMDSv2: this host counts as none of EC2", "error", err)
			}
			wait = askAgain
		}
		if !sleep(ctx, wait) {
			return
		}
	}
	w.poll(ctx)
}

func (w *Watcher) settle(id Identity) {
	w.mu.Lock()
	w.id, w.settled = id, true
	w.mu.Unlock()
}

// poll looks for notices. A failure says nothing: the next round asks again.
func (w *Watcher) poll(ctx context.Context) {
	told := map[Kind]bool{}
	for {
		round, cancel := context.WithTimeout(ctx, askWithin)
		n, err := w.notice(round)
		cancel()
		if err == nil && n.Kind != "" && !told[n.Kind] {
			told[n.Kind] = true
			w.notify(n)
		}
		if !sleep(ctx, pollEvery) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
