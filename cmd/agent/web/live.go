package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	maxViewers = 32          // streams open at once, half of the connections
	liveEvery  = time.Second // how often a stream looks for news
	writeWait  = 10 * time.Second
)

// live renders the replaceable parts once a tick, however many look on.
type live struct {
	mu      sync.Mutex
	at      time.Time
	rev     uint64
	parts   map[string]livePart
	viewers int
}

type livePart struct {
	html string
	rev  uint64 // when it last changed
}

// news returns the parts that changed after rev, and the newest rev.
func (l *live) news(p *page, rev uint64) (map[string]string, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.at) >= liveEvery/2 {
		l.at = now
		s := p.agent.Status()
		l.rev++
		if l.parts == nil {
			l.parts = map[string]livePart{}
		}
		for _, x := range parts {
			if html := p.fragment(&s, x.id); html != l.parts[x.id].html {
				l.parts[x.id] = livePart{html, l.rev}
			}
		}
	}
	out := map[string]string{}
	for id, x := range l.parts {
		if x.rev > rev {
			out[id] = x.html
		}
	}
	return out, l.rev
}

func (l *live) join() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.viewers >= maxViewers {
		return false
	}
	l.viewers++
	return true
}

func (l *live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.viewers--
}

// stream is GET /events: server-sent events (WHATWG HTML, 9.2), each a JSON
// object of parts and their new content.
func (p *page) stream(w http.ResponseWriter, r *http.Request) {
	if !p.live.join() {
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer p.live.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	c := http.NewResponseController(w)
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for rev := uint64(0); ; {
		changed, now := p.live.news(p, rev)
		rev = now
		b, err := json.Marshal(changed)
		if err != nil || c.SetWriteDeadline(time.Now().Add(writeWait)) != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil || c.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-p.end:
			return
		}
	}
}
